import { expect, test } from 'vitest';
import type { StoredRecord } from '../../../src/api/stored-runs.ts';
import { differencesOf, overlaidLosses, tokensPerSample } from '../../../src/ui/compare-words.ts';

test('settings that differ are listed, those that one run does not have too, equal ones not', () => {
  const runs = [
    { settings: { r: 4, learning_rate: 1e-3, target_modules: ['q_proj'] } },
    { settings: { r: 4, learning_rate: 2e-3, target_modules: ['q_proj'], seed: 7 } },
  ];
  expect(differencesOf(runs)).toEqual([
    { setting: 'learning_rate', values: ['0.001', '0.002'] },
    { setting: 'seed', values: ['–', '7'] },
  ]);
});

const step = (at: number, loss: number, isSkipped = false): StoredRecord => ({
  kind: 'step',
  report: {
    ...{ step: at, totalSteps: 9, epoch: 0, loss, metrics: {}, learningRate: 1, gradNorm: 1 },
    ...{ targetTokens: 1, tokens: 1, tokensPerSecond: 1, stepMs: 1, gpuBytes: 1 },
    ...(isSkipped && {
      skipped: { reason: 'loss' as const, lines: [], rows: 0, isNarrowed: false, inARow: 1, total: 1 },
    }),
  },
});

test('losses lie over one another by step: a step that a run has not, or has skipped, is a gap', () => {
  const { steps, losses } = overlaidLosses([
    [step(1, 2), step(2, Infinity, true), step(3, 1)],
    [step(2, 4), { kind: 'eval-loss', step: 2, loss: 9 }],
  ]);
  expect(steps).toEqual([1, 2, 3]);
  expect(losses[0][0]).toBeCloseTo(2, 12);
  expect(losses[0][1]).toBeNull();
  // The mean of 2 and 1 with the weights 0.8 · 0.2 and 0.2, divided by their sum.
  expect(losses[0][2]).toBeCloseTo((0.16 * 2 + 0.2 * 1) / 0.36, 12);
  expect(losses[1]).toEqual([null, 4, null]);
});

test('tokens a sample are the mean over the pieces, and unknown where the run did not count them', () => {
  const counts = { rows: 3, trainRows: 2, evaluationRows: 1, examples: 4 };
  expect(tokensPerSample({ ...counts, exampleTokens: 50 })).toBe(12.5);
  expect(tokensPerSample(counts)).toBeNull();
});
