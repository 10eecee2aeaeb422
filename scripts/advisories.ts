/**
 * `npm run advisories`: asks npm's registry for known advisories of the locked packages, and says which are of code that is in
 * the page. Ends with 1 where one is, with 2 where the registry cannot be asked.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { advisoriesOf, type AdvisoriesFound } from './cli/audit-report.ts';
import { projectRoot } from './cli/paths.ts';
import { guardTerminal } from './cli/terminal.ts';

guardTerminal();
const table = readFileSync(join(projectRoot, 'docs/third-party.md'), 'utf8');
const inPage = new Set([...table.matchAll(/^\| `(\S+)`/gm)].map(([, name]) => name));

function asked(): AdvisoriesFound {
  const { stdout, error } = spawnSync('npm', ['audit', '--json'], {
    cwd: projectRoot,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 2 ** 26,
  });
  if (error !== undefined) throw error;
  return advisoriesOf(stdout, inPage);
}

try {
  const found = asked();
  for (const [title, advisories] of [
    [`Of code in the page (${inPage.size} packages)`, found.inPage],
    ['Of packages that are only installed', found.elsewhere],
  ] as const) {
    console.log(`${title}: ${advisories.length}`);
    for (const { name, range, severity, title: what, url } of advisories)
      console.log(`  ${name} ${range}: ${severity}: ${what} ${url}`);
  }
  process.exitCode = found.inPage.length > 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
