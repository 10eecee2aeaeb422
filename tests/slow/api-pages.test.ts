/** `npm run docs:api`: typedoc.json makes a warning an error. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { runIn } from '../support/package.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('the API pages are written without a warning', async () => {
  const out = tempFolder();
  const typedoc = join(projectRoot, 'node_modules/typedoc/bin/typedoc');
  const made = await runIn(projectRoot, process.execPath, [typedoc, '--out', out]);
  expect(made.exitCode, made.stdout + made.stderr).toBe(0);
  expect(made.stdout + made.stderr).not.toMatch(/warning/i);
  for (const page of ['index.html', 'functions/node.createTrainer.html', 'classes/index.TrainerError.html'])
    expect(existsSync(join(out, page)), page).toBe(true);
});
