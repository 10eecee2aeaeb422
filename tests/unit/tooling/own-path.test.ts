/** Results go where they were told to, whatever lies there already. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import { openMetricsLog } from '../../../scripts/cli/metrics-log.ts';
import { requireOutFile, writeOutFile } from '../../../scripts/cli/out-file.ts';
import { prepareOutFolder } from '../../../scripts/cli/out-folder.ts';
import { takeFile } from '../../../scripts/cli/take-file.ts';
import { writeWhole } from '../../../scripts/cli/write-whole.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let folder = ''; // of the results
let victim = ''; // a file of the user's somewhere else
let count = 0;
beforeEach(() => {
  const own = join(root, String(count++));
  folder = join(own, 'out');
  victim = join(own, 'victim');
  mkdirSync(join(own, 'elsewhere'), { recursive: true });
  mkdirSync(folder);
  writeFileSync(victim, 'precious');
});
const elsewhere = (): string => join(folder, '../elsewhere');
const names = ['a.bin', 'checkpoint/c.bin'];

type Trap = readonly [what: string, name: string, set: () => void];
const traps: readonly Trap[] = [
  ['a link', 'a.bin', () => symlinkSync(victim, join(folder, 'a.bin'))],
  ['a dangling link', 'a.bin', () => symlinkSync(join(elsewhere(), 'new'), join(folder, 'a.bin'))],
  ['a folder', 'a.bin', () => mkdirSync(join(folder, 'a.bin'))],
  ['a folder where the file is made', 'a.bin', () => mkdirSync(join(folder, 'a.bin.part'))],
  ['a pipe', 'a.bin', () => execFileSync('mkfifo', [join(folder, 'a.bin')])],
  ['a link in the middle', 'checkpoint/c.bin', () => symlinkSync(elsewhere(), join(folder, 'checkpoint'))],
  [
    'a dangling link in the middle',
    'checkpoint/c.bin',
    () => symlinkSync(join(elsewhere(), 'none'), join(folder, 'checkpoint')),
  ],
  ['a file in the middle', 'checkpoint/c.bin', () => writeFileSync(join(folder, 'checkpoint'), 'x')],
];

describe.each(traps)('%s in the place of a result', (_what, name, set) => {
  beforeEach(set);

  test('is refused before anything starts, with its path', () => {
    expect(() => prepareOutFolder(folder, names)).toThrow(
      expect.objectContaining({
        code: 'config-invalid',
        message: expect.stringContaining(join(folder, name.split('/')[0])) as string,
      }),
    );
  });

  test('is refused, not followed, where it was put there while the run went on', async () => {
    await expect(takeFile({ folder, name }, Readable.from(['mine']))).rejects.toThrow();
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(existsSync(join(elsewhere(), 'new'))).toBe(false);
    expect(existsSync(join(elsewhere(), 'c.bin'))).toBe(false);
    expect(existsSync(join(elsewhere(), 'none'))).toBe(false);
  });
});

test('a folder that is a link itself is refused, and what it leads to is accepted', () => {
  symlinkSync(folder, `${folder}-link`);
  expect(() => prepareOutFolder(`${folder}-link`, names)).toThrow(/is a link/);
  prepareOutFolder(folder, names);
});

describe('another name of a file (a hard link) in the place of a result', () => {
  test('is taken away, and the file keeps its content under its own name', async () => {
    linkSync(victim, join(folder, 'a.bin'));
    prepareOutFolder(folder, names);
    await takeFile({ folder, name: 'a.bin' }, Readable.from(['mine']));
    expect(readFileSync(join(folder, 'a.bin'), 'utf8')).toBe('mine');
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });

  test('also where rows are added one after another', () => {
    linkSync(victim, join(folder, 'metrics.jsonl'));
    const log = openMetricsLog(join(folder, 'metrics.jsonl'), null);
    log.add({ step: 1 });
    log.add({ step: 2 });
    log.finish();
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});

describe.each([
  ['a link', (part: string) => symlinkSync(victim, part)],
  ['a dangling link', (part: string) => symlinkSync(join(elsewhere(), 'new'), part)],
  ['another name of a file', (part: string) => linkSync(victim, part)],
  ['a pipe', (part: string) => execFileSync('mkfifo', [part])],
])('%s under the name that a file has while it is written', (_what, set) => {
  test.each([
    [
      'by the run',
      (path: string) => takeFile({ folder, name: path.slice(folder.length + 1) }, Readable.from(['mine'])),
    ],
    ['whole', (path: string) => Promise.resolve(writeWhole(path, 'mine'))],
    ['as --out', (path: string) => Promise.resolve(writeOutFile(path, 'mine'))],
  ])('is taken away and not written to, %s', async (_how, write) => {
    const path = join(folder, 'a.bin');
    set(`${path}.part`);
    await write(path);
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(lstatSync(path).isFile()).toBe(true);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(existsSync(join(elsewhere(), 'new'))).toBe(false);
  });
});

test('rows are not added to what a link leads to that took the place of the file', () => {
  const path = join(folder, 'metrics.jsonl');
  const log = openMetricsLog(path, null);
  log.add({ step: 1 });
  execFileSync('ln', ['-sf', victim, path]);
  log.add({ step: 2 });
  log.add({ step: 3 });
  log.finish();
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(readFileSync(path, 'utf8')).toBe('{"step":1}\n{"step":2}\n{"step":3}\n');
});

test.each([
  ['a link', () => symlinkSync(victim, join(folder, 'answers.json'))],
  ['a folder', () => mkdirSync(join(folder, 'answers.json'))],
  ['a pipe', () => execFileSync('mkfifo', [join(folder, 'answers.json')])],
])('--out that is %s is refused before the work', (_what, set) => {
  set();
  expect(() => requireOutFile(join(folder, 'answers.json'))).toThrow(/cannot be written/);
});
