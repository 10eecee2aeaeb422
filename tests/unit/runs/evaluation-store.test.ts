// The store of evaluations on a real disk: wherever a process is killed, no answer that was told to be kept is lost.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type {
  AnswerRecord,
  EvaluationHead,
  EvaluationRecord,
  EvaluationResults,
  Suite,
} from '../../../src/api/evaluations.ts';
import { openDiskFolders } from '../../../src/host/node/disk-folders.ts';
import { EvaluationStore } from '../../../src/runs/evaluation-store.ts';
import type { FolderStore } from '../../../src/storage/folder-store.ts';
import { memoryFolders } from '../../../src/storage/memory-folders.ts';
import { Killed, killedAfter } from '../storage/failing-store.ts';

let root: string;
let disk: FolderStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'alttrain-evaluations-'));
  disk = await openDiskFolders(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const suites: readonly Suite[] = [{ name: 'S', kind: 'benign', sampled: null, rows: [] }];
const headOf = (modelId: string): EvaluationHead => ({
  createdMs: 1,
  updatedMs: 1,
  state: 'running',
  failure: null,
  model: { name: 'm', id: modelId, source: { kind: 'demo' }, thinkPrefilled: true },
  adapter: null,
  variants: [{ id: 'base', adapter: null }],
  settings: {
    ...{ maxNewTokens: 8, temperature: 0, samples: 1, seed: 1, systemPrompt: '', repetitionPenalty: 1 },
    templateDate: '2024-07-26',
  },
  suites: [],
  done: 0,
  total: 6,
  results: null,
});
const answer = (key: string): AnswerRecord => ({
  ...{ kind: 'answer', key, suite: 'S', row: key, variant: 'base', sample: 0, prompt: key },
  ...{ text: `answer ${key}`, tokens: 2, finished: true, problem: null },
});
const keysOf = (records: readonly EvaluationRecord[]): string[] => records.map(({ key }) => key);
const results: EvaluationResults = {
  ...{ format: 1, model: 'a', variants: [], settings: headOf('a').settings, judges: [], suites: [] },
};

test.each([['disk'], ['memory']])('what was appended is read again, in its order (%s)', async (place) => {
  const store = new EvaluationStore(place === 'disk' ? disk : memoryFolders());
  const log = await store.create(headOf('a'), suites);
  for (const key of ['1', '2', '3', '4']) await log.append([answer(key)], { done: Number(key) });
  await expect(store.open(log.id)).rejects.toMatchObject({ code: 'run-in-use' });
  expect((await store.list()).map(({ isHeld, done }) => [isHeld, done])).toEqual([[true, 4]]);
  log.close();
  const kept = await store.read(log.id);
  expect(keysOf(kept.records)).toEqual(['1', '2', '3', '4']);
  expect(kept.suites).toEqual(suites);
  expect(kept.evaluation).toMatchObject({ state: 'running', done: 4, isHeld: false });
});

/** Gives the keys that were kept before it was killed, or all. */
async function answerSix(store: EvaluationStore): Promise<readonly string[]> {
  const log = await store.create(headOf('a'), suites);
  const kept: string[] = [];
  try {
    for (const key of ['1', '2', '3', '4', '5', '6']) {
      await log.append([answer(key)]);
      kept.push(key);
    }
    await log.finish(kept.map(answer), results);
    return [...kept, 'finished'];
  } catch (error) {
    if (error instanceof Killed) return kept;
    throw error;
  } finally {
    log.close();
  }
}

test('wherever its process is killed, every answer that was kept is there, and nothing twice', async () => {
  for (let changes = 0; ; changes++) {
    const folder = await mkdtemp(join(tmpdir(), 'alttrain-evaluations-'));
    const store = await openDiskFolders(folder);
    const kept = await answerSix(new EvaluationStore(killedAfter(store, changes))).catch((error: unknown) => {
      if (error instanceof Killed) return []; // even its folder could not be made
      throw error;
    });
    const again = new EvaluationStore(store);
    const [found] = await again.list();
    const hasEnded = kept.at(-1) === 'finished';
    if (found === undefined) expect(kept).toEqual([]);
    else {
      const keys = keysOf((await again.read(found.id)).records);
      const told = kept.filter((key) => key !== 'finished');
      expect(keys.slice(0, told.length)).toEqual(told);
      // What was written and not yet told may be there as well.
      expect(keys.length - told.length).toBeLessThanOrEqual(1);
      expect(new Set(keys).size).toBe(keys.length);
      if (hasEnded) expect(found).toMatchObject({ state: 'finished', done: 6, results });
    }
    await rm(folder, { recursive: true });
    if (hasEnded) break;
    expect(changes).toBeLessThan(100);
  }
});

test('answers of another evaluation of the same model are found, of another model not', async () => {
  const store = new EvaluationStore(disk);
  const first = await store.create(headOf('a'), suites);
  await first.append([answer('1'), { kind: 'overrule', key: '1', judge: 'refusal', value: 1, why: '' }]);
  const second = await store.create(headOf('b'), suites);
  await second.append([answer('2')]);
  expect(keysOf(await store.answersOf('a'))).toEqual(['1']);
  expect(keysOf(await store.answersOf('b'))).toEqual(['2']);
  for (const log of [first, second]) log.close();
});

test('answers in a damaged file are missing, and nothing else is', async () => {
  const store = new EvaluationStore(disk);
  const log = await store.create(headOf('a'), suites);
  await log.append(Array.from({ length: 9 }, (_, i) => answer(`long ${i}`)));
  await log.append([answer('last')]);
  log.close();
  const folder = join(root, 'entries', log.id);
  const [, long] = (await readdir(folder)).filter((name) => name.endsWith('.bin')).sort(); // suites, long, last
  await writeFile(join(folder, long), 'not what was written');
  expect(keysOf((await store.read(log.id)).records)).toEqual(['last']);
});
