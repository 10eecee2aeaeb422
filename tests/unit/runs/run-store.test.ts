// The store of runs on a real disk: every place where a process can be killed, every file that can be damaged.
import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunHead, StoredRecord } from '../../../src/api/stored-runs.ts';
import { openDiskFolders } from '../../../src/host/node/disk-folders.ts';
import type { RunLog } from '../../../src/runs/run-log.ts';
import { RunStore } from '../../../src/runs/run-store.ts';
import type { FolderStore } from '../../../src/storage/folder-store.ts';
import { Killed, killedAfter } from '../storage/failing-store.ts';

const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'alttrain-runs-'));

let root: string;
let disk: FolderStore;
beforeEach(async () => {
  root = await temporaryFolder();
  disk = await openDiskFolders(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const head: RunHead = {
  title: '',
  notes: '',
  createdMs: 1,
  updatedMs: 1,
  state: 'running',
  failure: null,
  settings: { r: 4 },
  model: { name: 'm', base: { nameOrPath: 'm', revision: null }, source: { kind: 'demo' } },
  dataset: { name: 'd', source: { kind: 'builtin', name: 'd' } },
  counts: { rows: 4, trainRows: 4, evaluationRows: 0, examples: 4 },
  device: 'a GPU',
  step: 0,
  totalSteps: 9,
  stepsPerEpoch: 3,
  startedFrom: null,
  lossLast: null,
  before: null,
  after: null,
  result: null,
};
const record = (step: number): StoredRecord => ({ kind: 'eval-loss', step, loss: 1 / step });
const checkpoint = (step: number) => ({
  step,
  bytes: new TextEncoder().encode(`checkpoint of step ${step}`.repeat(9)),
});
const stepsOf = (records: readonly StoredRecord[]): number[] =>
  records.map((each) => (each.kind === 'step' ? each.report.step : each.step));
const upTo = (step: number): number[] => Array.from({ length: step }, (_, i) => i + 1);

/** Saves after every second step, as a run does. Gives the steps that were saved when it was told so. */
async function trainSteps(store: FolderStore, last: number, id?: string): Promise<number[]> {
  const runs = new RunStore(store);
  const saved: number[] = [];
  const opened = id === undefined ? null : await runs.open(id);
  const log = opened?.log ?? (await runs.create(head));
  const first = opened === null ? 0 : Number(/\d+/.exec(new TextDecoder().decode(opened.checkpoint))?.[0]);
  try {
    await log.save({ head: { state: 'running' } });
    saved.push(0);
    for (let step = first + 1; step <= last; step++) {
      log.add(record(step));
      if (step % 2 !== 0) continue;
      await log.save({ head: { step }, checkpoint: checkpoint(step) });
      saved.push(step);
    }
    return saved;
  } catch (error) {
    if (error instanceof Killed) return saved;
    throw error;
  } finally {
    await log.close();
  }
}

test('of a run that is killed between any two operations, or within one, the last save stands', async () => {
  let killedRuns = 0;
  for (let operations = 0; ; operations++) {
    const folder = await temporaryFolder();
    const store = await openDiskFolders(folder);
    const saved = await trainSteps(killedAfter(store, operations), 8).catch((error: unknown) => {
      if (error instanceof Killed) return []; // even its folder could not be made
      throw error;
    });
    const runs = new RunStore(store);
    const [run] = await runs.list();
    const lastSaved = saved.at(-1) ?? -1;
    if (run === undefined) {
      expect(lastSaved).toBe(-1);
    } else if (run.step === 0) {
      expect(lastSaved).toBeLessThan(2);
      await expect(runs.open(run.id)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
    } else {
      // What was written and not yet answered may be there too; never less, and never a part.
      expect([lastSaved, lastSaved + 2]).toContain(run.step);
      const { log, records, checkpoint: bytes, notes } = await runs.open(run.id);
      expect(bytes).toEqual(checkpoint(run.step).bytes);
      expect(stepsOf(records)).toEqual(upTo(run.step));
      expect(notes.filter((note) => note.includes('damaged'))).toEqual([]);
      await log.close();
      // And it goes on, to the same records.
      await trainSteps(store, 8, run.id);
      expect(stepsOf((await runs.read(run.id)).records)).toEqual(upTo(8));
    }
    await rm(folder, { recursive: true });
    if (saved.at(-1) === 8) break;
    killedRuns++;
  }
  expect(killedRuns).toBeGreaterThan(15);
});

describe('a file that is cut or changed later', () => {
  async function files(): Promise<string[]> {
    const [folder] = await disk.folders();
    const path = join(root, 'entries', folder);
    return (await readdir(path)).map((name) => join(path, name));
  }
  const harms: readonly { readonly name: string; readonly harm: (path: string) => Promise<void> }[] = [
    { name: 'cut to nothing', harm: (path) => truncate(path, 0) },
    { name: 'cut in the middle', harm: async (path) => truncate(path, (await readFile(path)).length >> 1) },
    { name: 'cut by a byte', harm: async (path) => truncate(path, (await readFile(path)).length - 1) },
    { name: 'longer by a byte', harm: (path) => appendFile(path, Buffer.of(0)) },
    ...[0, 0.3, 0.7, 0.999].map((place) => ({
      name: `with a bit flipped at ${place}`,
      harm: async (path: string) => {
        const bytes = await readFile(path);
        bytes[Math.floor(place * bytes.length)] ^= 4;
        await writeFile(path, bytes);
      },
    })),
    { name: 'gone', harm: (path) => rm(path) },
  ];

  test.each(harms)(
    'whichever it is, $name: the run still opens, and what is missing is said',
    async ({ harm }) => {
      await trainSteps(disk, 8);
      const count = (await files()).length;
      expect(count).toBeGreaterThanOrEqual(5); // two manifests, two checkpoints, records
      for (let i = 0; i < count; i++) {
        const folder = await temporaryFolder();
        const store = await openDiskFolders(folder);
        await trainSteps(store, 8);
        const path = join(folder, 'entries', (await store.folders())[0]);
        await harm(join(path, (await readdir(path)).sort()[i]));
        const runs = new RunStore(store);
        const [run] = await runs.list();
        const { log, records, checkpoint: bytes, notes } = await runs.open(run.id);
        const step = Number(/\d+/.exec(new TextDecoder().decode(bytes))?.[0]);
        expect([6, 8]).toContain(step);
        expect(bytes).toEqual(checkpoint(step).bytes);
        for (const each of stepsOf(records)) expect(upTo(step)).toContain(each);
        const isHarmless = step === 8 && records.length === 8;
        if (!isHarmless) expect(notes).not.toEqual([]);
        await log.close();
        await rm(folder, { recursive: true });
      }
    },
  );

  test('both checkpoints: the run can be looked at, and says that it cannot go on', async () => {
    await trainSteps(disk, 8);
    for (const path of await files())
      if ((await readFile(path, 'utf8')).startsWith('checkpoint of step')) await truncate(path, 3);
    const runs = new RunStore(disk);
    const [run] = await runs.list();
    await expect(runs.open(run.id)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
    expect(stepsOf((await runs.read(run.id)).records)).toEqual(upTo(8));
    await runs.remove(run.id);
    expect(await runs.list()).toEqual([]);
  });
});

test('many saves leave few files, and all records', async () => {
  const runs = new RunStore(disk);
  const log = await runs.create(head);
  for (let step = 1; step <= 60; step++) {
    log.add(record(step));
    await log.save({ head: { step }, checkpoint: checkpoint(step) });
  }
  await log.close();
  const [run] = await runs.list();
  expect(stepsOf((await runs.read(run.id)).records)).toEqual(upTo(60));
  expect((await disk.files(run.id)).length).toBeLessThan(15);
});

test('a save that fails leaves the one before, and its records come with the next', async () => {
  let isFull = false;
  const store: FolderStore = {
    ...disk,
    write: (folder, file, bytes) =>
      isFull ? Promise.reject(new Error('no room')) : disk.write(folder, file, bytes),
  };
  const runs = new RunStore(store);
  const log = await runs.create(head);
  log.add(record(1));
  await log.save({ head: { step: 1 }, checkpoint: checkpoint(1) });
  isFull = true;
  log.add(record(2));
  await expect(log.save({ head: { step: 2 }, checkpoint: checkpoint(2) })).rejects.toThrow('no room');
  expect((await runs.list())[0]).toMatchObject({ step: 1 });
  isFull = false;
  log.add(record(3));
  await log.save({ head: { step: 3 }, checkpoint: checkpoint(3) });
  await log.close();
  const [run] = await runs.list();
  expect(stepsOf((await runs.read(run.id)).records)).toEqual([1, 2, 3]);
});

test('parts of the newest checkpoint can be read without the rest; where it is gone, of the one before', async () => {
  const runs = new RunStore(disk);
  const log = await runs.create(head);
  for (const step of [1, 2]) await log.save({ head: { step }, checkpoint: checkpoint(step) });
  const startOf = async (): Promise<string> =>
    new TextDecoder().decode(await (await runs.checkpointSource(log.id))?.read(0, 20));
  expect(await startOf()).toBe('checkpoint of step 2');
  const newest = await fileWith(log.id, 'checkpoint of step 2');
  await rm(join(root, 'entries', log.id, newest));
  expect(await startOf()).toBe('checkpoint of step 1');
  await log.close();
  await expect(runs.checkpointSource('none')).rejects.toMatchObject({ code: 'run-not-found' });
});

async function fileWith(id: string, text: string): Promise<string> {
  const folder = join(root, 'entries', id);
  const names = await readdir(folder);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
  return names[texts.findIndex((content) => content.startsWith(text))];
}

describe('what is taken away while a run goes on', () => {
  const dataset = (): Promise<Uint8Array> => Promise.resolve(new TextEncoder().encode('a row'));
  const saveSteps = async (log: RunLog, steps: readonly number[]): Promise<boolean[]> => {
    const anew: boolean[] = [];
    for (const step of steps) {
      log.add(record(step));
      anew.push((await log.save({ head: { step }, checkpoint: checkpoint(step), dataset })).isAnew);
    }
    return anew;
  };
  const expectWhole = async (id: string, last: number): Promise<void> => {
    const runs = new RunStore(await openDiskFolders(root));
    const { records, notes } = await runs.read(id);
    expect(stepsOf(records)).toEqual(upTo(last));
    expect(notes).toEqual([]);
    expect(await runs.checkpoint(id)).toEqual(checkpoint(last).bytes);
    expect(await runs.dataset(id)).toEqual(await dataset());
  };

  test.each([
    ['everything that is kept', () => rm(root, { recursive: true })],
    ['the run', (id: string) => rm(join(root, 'entries', id), { recursive: true })],
  ])('%s: the next save writes all of it again, with the data file', async (_, takeAway) => {
    const log = await new RunStore(disk).create(head);
    await saveSteps(log, [1, 2]);
    await takeAway(log.id);
    expect(await saveSteps(log, [3, 4])).toEqual([true, false]);
    await log.close();
    await expectWhole(log.id, 4);
  });

  test('any file: the rest stands, and nothing is missing after the next save', async () => {
    const log = await new RunStore(disk).create(head);
    await saveSteps(log, [1, 2, 3]);
    let last = 3;
    const isManifest = (file: string): boolean => file.endsWith('.json');
    for (let i = 0; i < 5; i++) {
      const file = (await disk.files(log.id)).filter((name) => !isManifest(name)).sort()[i];
      if (file === undefined) continue;
      await disk.removeFile(log.id, file);
      last++;
      expect(await saveSteps(log, [last])).toEqual([true]);
      await expectWhole(log.id, last);
    }
    expect(last).toBeGreaterThan(5);
    await log.close();
  });

  test('before a run that goes on is described: what is left of it stays', async () => {
    await trainSteps(disk, 6);
    const runs = new RunStore(disk);
    const [run] = await runs.list();
    await runs.describe(run.id, { title: 'x' });
    const opened = await runs.open(run.id);
    await rm(join(root, 'entries', run.id), { recursive: true });
    opened.log.add(record(7));
    await opened.log.save({ head: { step: 7 }, checkpoint: checkpoint(7), dataset });
    await opened.log.close();
    await expectWhole(run.id, 7);
    expect((await runs.list())[0]).toMatchObject({ title: 'x' });
  });
});

test('a save for which there is no room leaves nothing behind that takes any', async () => {
  let isFull = false;
  const store: FolderStore = {
    ...disk,
    write: async (folder, file, bytes) => {
      await disk.write(folder, file, isFull ? bytes.subarray(0, 9) : bytes);
      if (isFull && bytes.length > 100) throw new Error('no room');
    },
  };
  const log = await new RunStore(store).create(head);
  await log.save({ head: { step: 1 }, checkpoint: checkpoint(1) });
  const before = await disk.files(log.id);
  isFull = true;
  log.add(record(2));
  await expect(log.save({ head: { step: 2 }, checkpoint: checkpoint(2) })).rejects.toThrow('no room');
  expect(await disk.files(log.id)).toEqual(before);
  await log.close();
});

test('a lock that can neither be had nor is held is an error, and not waited for', async () => {
  await rm(join(root, 'locks'), { recursive: true });
  await writeFile(join(root, 'locks'), '');
  await expect(new RunStore(disk).create(head)).rejects.toMatchObject({ code: 'storage-unavailable' });
});

test('title and notes can be changed, and nothing else with them', async () => {
  await trainSteps(disk, 4);
  const runs = new RunStore(disk);
  const [run] = await runs.list();
  await runs.describe(run.id, { title: 'first try', notes: 'too short' });
  const after = await runs.read(run.id);
  expect(after.run).toMatchObject({ title: 'first try', notes: 'too short', step: 4 });
  expect(stepsOf(after.records)).toEqual(upTo(4));
  const { log, checkpoint: bytes } = await runs.open(run.id);
  expect(bytes).toEqual(checkpoint(4).bytes);
  await expect(runs.describe(run.id, { title: 'x' })).rejects.toMatchObject({ code: 'run-in-use' });
  await log.close();
});
