/** The list in the docs is that of the build. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { distFolder, projectRoot } from '../../scripts/cli/paths.ts';
import { thirdPartyTable } from '../../scripts/vite/third-party-table.ts';
import { readNotices, thirdPartyFile } from '../../scripts/vite/third-party.ts';

const notices = readNotices(readFileSync(join(distFolder, thirdPartyFile), 'utf8'));

test('docs/third-party.md lists what the built page contains (npm run licences writes it)', () => {
  const written = readFileSync(join(projectRoot, 'docs/third-party.md'), 'utf8');
  expect(written).toBe(thirdPartyTable(notices));
});

test('the page’s own libraries are among it, with the texts of their licences', () => {
  const texts = new Map(notices.map(({ name, text }) => [name, text]));
  expect(texts.get('preact')).toContain('Jason Miller');
  expect(texts.get('comlink')).toContain('Apache License'); // of the worker's side
  expect(texts.get('vite')).not.toContain('bundled dependencies');
});
