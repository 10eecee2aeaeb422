// Which checkpoint `--resume` takes: the newest that is whole.
import { createReadStream } from 'node:fs';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { checkpointOf, readCheckpointHead } from '../../../scripts/cli/checkpoint-file.ts';
import { takeFile } from '../../../scripts/cli/take-file.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { checkpointName, formerCheckpointName } from '../../../src/headless/commands.ts';
import { writeCheckpoint } from '../../../src/trainer/checkpoint.ts';
import { seal } from '../../../src/trainer/file-seal.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let out: string;
let count = 0;
const values = Float32Array.from({ length: 64 }, (_, i) => i / 7);
async function save(step: number): Promise<void> {
  const snapshot = {
    step,
    parameters: values,
    firstMoment: values,
    secondMoment: values,
    best: null,
    progress: null,
  };
  const identity = { model: 'm', dataset: 'd', data: 'aa', weights: 'f32:1', modelConfig: {} };
  const path = join(root, `step-${step}`);
  await writeFile(path, await seal(writeCheckpoint(snapshot, defaultRunConfig, identity, 9)));
  await takeFile({ folder: out, name: checkpointName }, createReadStream(path));
}
const stepOf = async (path: string): Promise<number> => (await readCheckpointHead(path)).step;
const said: string[] = [];
const found = async (): Promise<number> => stepOf(await checkpointOf(out, (line) => said.push(line)));

beforeEach(async () => {
  out = join(root, `run-${count++}`);
  said.length = 0;
  for (const step of [2, 4, 6]) await save(step);
});

test('the newest two are kept, and the newest is taken', async () => {
  expect(await stepOf(join(out, checkpointName))).toBe(6);
  expect(await stepOf(join(out, formerCheckpointName))).toBe(4);
  expect(await found()).toBe(6);
  expect(said).toEqual([]);
});

test.each([
  ['cut', (path: string) => truncate(path, 700)],
  ['cut to nothing', (path: string) => truncate(path, 0)],
  ['gone, as between the two moves of a save', (path: string) => rm(path)],
  [
    'changed by a bit',
    async (path: string) => {
      const bytes = await readFile(path);
      bytes[bytes.length - 9] ^= 1;
      await writeFile(path, bytes);
    },
  ],
])('where it is %s the one before is taken, and that is said', async (_, harm) => {
  await harm(join(out, checkpointName));
  expect(await found()).toBe(4);
  expect(said.join()).toMatch(/one before it, of step 4/);
});

test('where both are damaged, nothing is begun', async () => {
  await truncate(join(out, checkpointName), 700);
  await truncate(join(out, formerCheckpointName), 700);
  await expect(found()).rejects.toMatchObject({ code: 'checkpoint-invalid' });
});
