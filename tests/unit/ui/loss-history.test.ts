import { expect, test } from 'vitest';
import type { StepReport } from '../../../src/api/trainer-api.ts';
import { createLossHistory } from '../../../src/ui/state/loss-history.ts';

const report = (step: number, loss: number): StepReport => ({
  step,
  totalSteps: 10,
  epoch: 0,
  loss,
  learningRate: 1e-3,
  gradNorm: 1,
  targetTokens: 1,
  tokens: 1,
  tokensPerSecond: 1,
  stepMs: 1,
  gpuBytes: 1,
  metrics: {},
});

test('the smoothed curve of a constant loss is that constant from the first step', () => {
  const history = createLossHistory();
  for (let step = 1; step <= 5; step++) history.add(report(step, 3));
  history.publish();
  for (const smoothed of history.columns.value.smoothed) expect(smoothed).toBeCloseTo(3, 12);
});

test('an evaluation loss stands at its step, and readers hear of it when it is published', () => {
  const history = createLossHistory();
  let told = 0;
  history.columns.subscribe(() => (told += 1));
  history.add(report(1, 3));
  history.add(report(2, 2));
  history.addEvalLoss(2, 2.5);
  expect(told).toBe(1); // the subscription itself
  history.publish();
  expect(told).toBe(2);
  expect(history.columns.value.evalLoss).toEqual([null, 2.5]);
});

test('a skipped step leaves a gap, and the smoothed curve goes on from before it', () => {
  const skipped = { reason: 'loss', lines: [1], rows: 1, isNarrowed: true, inARow: 1, total: 1 } as const;
  const history = createLossHistory();
  history.add({ ...report(1, NaN), skipped });
  history.add(report(2, 3));
  history.add({ ...report(3, Infinity), skipped });
  history.add(report(4, 3));
  history.addEvalLoss(4, NaN);
  history.publish();
  const { step, raw, smoothed, evalLoss } = history.columns.value;
  expect(step).toEqual([1, 2, 3, 4]);
  expect(raw).toEqual([null, 3, null, 3]);
  expect(smoothed[0]).toBeNull();
  for (const value of smoothed.slice(1)) expect(value).toBeCloseTo(3, 12);
  expect(evalLoss).toEqual([null, null, null, null]);
});

test('a new run starts with empty curves', () => {
  const history = createLossHistory();
  history.add(report(1, 3));
  history.clear();
  expect(history.columns.value.step).toEqual([]);
  history.add(report(1, 1));
  history.publish();
  expect(history.columns.value.smoothed[0]).toBeCloseTo(1, 12);
});
