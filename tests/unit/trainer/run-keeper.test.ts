// What a run keeps while it goes on, and what is said where it cannot.
import { expect, test } from 'vitest';
import type { RunHead, StoredRecord } from '../../../src/api/stored-runs.ts';
import type { RunLog, Saving } from '../../../src/runs/run-log.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import type { Snapshot } from '../../../src/trainer/checkpoint.ts';
import { RunKeeper, type KeeperWarning } from '../../../src/trainer/run-keeper.ts';

type Answer = 'whole' | 'anew' | TrainerError;

/** A keeper whose log answers saves so, one after the other. */
function keeperOf(answers: Answer[]) {
  const saves: Saving[] = [];
  const records: StoredRecord[] = [];
  const log = {
    id: 'one',
    head: { step: 0 } as RunHead,
    add: (record: StoredRecord) => records.push(record),
    save: (saving: Saving) => {
      saves.push(saving);
      const answer = answers.shift();
      return answer instanceof TrainerError
        ? Promise.reject(answer)
        : Promise.resolve({ isAnew: answer === 'anew' });
    },
    close: () => Promise.resolve(),
  } as unknown as RunLog;
  const keeper = new RunKeeper({ log, records: [], dataset: new Blob(['a row']) }, ({ step }) =>
    Uint8Array.of(step),
  );
  const warnings: KeeperWarning[] = [];
  keeper.onWarning = (warning) => {
    warnings.push(warning);
    keeper.add({ kind: 'warning', ...warning });
  };
  return { keeper, saves, warnings, records };
}
const snapshot = (step: number): Snapshot => {
  const none = new Float32Array();
  return { step, parameters: none, firstMoment: none, secondMoment: none, progress: null, best: null };
};
const full = new TrainerError('storage-full', 'There is no room left.');
const refused = new TrainerError('storage-unavailable', 'It cannot be used.');

test('a save that fails is said with what to do, once for each, and taken back by the next one that does not', async () => {
  const { keeper, warnings, records } = keeperOf([full, refused, 'whole', 'whole']);
  for (const step of [2, 4, 6, 8]) await keeper.save({ state: 'running' }, snapshot(step));
  await keeper.close();
  expect(warnings).toMatchObject([
    {
      code: 'not-kept',
      step: 2,
      message: expect.stringMatching(/step 2 .* There is no room left\. .* make room/) as string,
    },
    {
      code: 'not-kept',
      step: 4,
      message: expect.stringMatching(/step 4 .* It cannot be used\. .* tries again/) as string,
    },
    { code: 'kept-again', step: 6 },
  ]);
  expect(records).toEqual([]); // the store itself shows it
});

test('at the end nothing comes any more: the adapter is to be downloaded', async () => {
  const { keeper, warnings } = keeperOf([full]);
  await keeper.save({ state: 'finished' }, snapshot(8));
  await keeper.close();
  expect(warnings[0].message).toMatch(/can be downloaded now/);
  expect(warnings[0].message).not.toMatch(/goes on/);
});

test('what was taken away and is written again is said', async () => {
  const { keeper, warnings, saves } = keeperOf(['whole', 'anew']);
  for (const step of [2, 4]) await keeper.save({ state: 'running' }, snapshot(step));
  await keeper.close();
  expect(warnings).toMatchObject([{ code: 'kept-again', step: 4 }]);
  for (const { dataset } of saves) expect(await dataset?.()).toEqual(new TextEncoder().encode('a row'));
});
