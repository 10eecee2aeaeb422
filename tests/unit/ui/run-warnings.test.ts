import { expect, test } from 'vitest';
import type { RunResult, StepReport, TrainerApi, TrainEvent } from '../../../src/api/trainer-api.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { createFailures } from '../../../src/ui/state/failures.ts';
import { createRun, type Run } from '../../../src/ui/state/run.ts';

const skipped = (step: number): TrainEvent => ({
  kind: 'warning',
  code: 'step-skipped',
  step,
  message: `Skipped: line ${step}.`,
});
const diverging: TrainEvent = { kind: 'warning', code: 'loss-diverging', step: 5, message: 'far above' };

/** A run whose trainer tells these events. */
async function runOf(events: readonly TrainEvent[]): Promise<Run> {
  const client = {
    startTraining: (_request: unknown, onEvent: (event: TrainEvent) => void) => {
      events.forEach(onEvent);
      return Promise.resolve({ finished: true, before: null, after: null } as RunResult);
    },
  } as unknown as TrainerApi;
  const run = createRun(client, createFailures());
  await run.start(defaultRunConfig);
  return run;
}

test('warnings of one kind are one note, with their number and the latest of them', async () => {
  const run = await runOf([skipped(3), diverging, skipped(4), skipped(9)]);
  expect(run.warnings.value).toEqual([
    { code: 'step-skipped', step: 9, message: 'Skipped: line 9.', count: 3 },
    { code: 'loss-diverging', step: 5, message: 'far above', count: 1 },
  ]);
});

test('a new run begins without the warnings of the one before', async () => {
  const events = [skipped(1)];
  const run = await runOf(events);
  expect(run.warnings.value).toHaveLength(1);
  events.length = 0;
  await run.start(defaultRunConfig);
  expect(run.warnings.value).toEqual([]);
});

test('that a run is kept again takes back that it was not, and the other way round', async () => {
  const told = (code: 'not-kept' | 'kept-again', step: number): TrainEvent => ({
    kind: 'warning',
    code,
    step,
    message: '',
  });
  const codesOf = ({ warnings }: Run): string[] => warnings.value.map(({ code }) => code);
  expect(codesOf(await runOf([skipped(1), told('not-kept', 2)]))).toEqual(['step-skipped', 'not-kept']);
  const again = [skipped(1), told('not-kept', 2), told('not-kept', 4), told('kept-again', 6)];
  expect(codesOf(await runOf(again))).toEqual(['step-skipped', 'kept-again']);
  expect(codesOf(await runOf([...again, told('not-kept', 8)]))).toEqual(['step-skipped', 'not-kept']);
});

test('a run whose latest save failed is not taken for a kept one', async () => {
  const begun: TrainEvent = { kind: 'run', id: 'r1', step: 0, rowsFrom: 0 };
  const told = (code: 'not-kept' | 'kept-again'): TrainEvent => ({
    kind: 'warning',
    code,
    step: 2,
    message: '',
  });
  const isKept = async (...events: TrainEvent[]): Promise<boolean> => (await runOf(events)).isKept.value;
  expect(await isKept(begun)).toBe(true);
  expect(await isKept(begun, told('not-kept'))).toBe(false);
  expect(await isKept(begun, told('not-kept'), told('kept-again'))).toBe(true);
  expect(await isKept({ ...begun, id: null })).toBe(false);
});

const losses = (...values: number[]): TrainEvent[] =>
  values.map((loss, i) => ({
    kind: 'step',
    report: { step: i + 1, totalSteps: values.length, loss, learningRate: 1, stepMs: 1 } as StepReport,
  }));

test.each([
  ['a run that learns', losses(0.4, 0.3, 0.3, 0.2, 0.1), false],
  ['a short run whose loss has left its start far below', losses(0.4, 0.4, 0.4, 5, 7.6), true],
  ['a run that its second step has ruined', losses(0.41, 8, 9, 5, 5, 5, 5), true],
  ['a run of two steps', losses(0.4, 7.6), false],
  [
    'a run that was found to diverge and stays above its start',
    [...losses(1, 1, 1, 1.5, 1.5), diverging],
    true,
  ],
  ['one that came down again', [...losses(1, 1, 1, 9, 0.5, 0.5, 0.5), diverging], false],
])('%s', async (_what, events, isDiverging) => {
  expect((await runOf(events)).isDiverging.value).toBe(isDiverging);
});
