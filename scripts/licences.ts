/** `npm run licences`: writes docs/third-party.md from what the built page contains. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDist } from './cli/build.ts';
import { distFolder, projectRoot } from './cli/paths.ts';
import { thirdPartyTable } from './vite/third-party-table.ts';
import { readNotices, thirdPartyFile } from './vite/third-party.ts';

await ensureDist({ say: (line) => console.log(line) });
const notices = readNotices(readFileSync(join(distFolder, thirdPartyFile), 'utf8'));
writeFileSync(join(projectRoot, 'docs/third-party.md'), thirdPartyTable(notices));
console.log(`${notices.length} packages in docs/third-party.md`);
