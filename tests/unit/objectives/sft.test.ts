// The loss of SFT by hand: coefficients and means of two micro-batches, with and without weights.
import { expect, test } from 'vitest';
import { toBatch, type Batch } from '../../../src/data/batch.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { MetricSums } from '../../../src/objectives/metric-sums.ts';
import { sft } from '../../../src/objectives/sft.ts';

/** A row whose last tokens are trained, as many as there are weights. */
function row(length: number, weights: readonly number[]): TokenizedExample {
  const context = Array.from({ length: length - weights.length }, () => 0);
  const isPlain = weights.every((weight) => weight === 1);
  return {
    line: 1,
    tokens: Int32Array.from({ length }, (_, t) => t),
    isTarget: Uint8Array.from([...context, ...weights.map(() => 1)]),
    weights: isPlain ? null : Float32Array.from([...context, ...weights]),
    targetCount: weights.length,
    truncated: false,
  };
}

const f32 = (values: readonly number[]): number[] => [...Float32Array.from(values)];

test('without weights every target of the step has the same coefficient, whatever its micro-batch', () => {
  const microBatches = [toBatch([row(4, [1, 1]), row(3, [1])]), toBatch([row(6, [1])])];
  expect(microBatches.map(({ weights }) => weights)).toEqual([null, null]);
  expect([...sft.coefficients(microBatches[0], microBatches)]).toEqual(f32([-1 / 4, -1 / 4, -1 / 4]));
  expect([...sft.coefficients(microBatches[1], microBatches)]).toEqual(f32([-1 / 4]));
});

test('with weights a coefficient is the weight over the weights of the step; rows without count 1 a token', () => {
  const microBatches = [toBatch([row(4, [2, 0.5]), row(3, [1])]), toBatch([row(6, [1])])];
  expect([...(microBatches[0].weights ?? [])]).toEqual([2, 0.5, 1]);
  expect([...sft.coefficients(microBatches[0], microBatches)]).toEqual(f32([-2 / 4.5, -0.5 / 4.5, -1 / 4.5]));
  expect([...sft.coefficients(microBatches[1], microBatches)]).toEqual(f32([-1 / 4.5]));
});

test('the loss adds up over micro-batches by weight, not by micro-batch', () => {
  const sums = new MetricSums();
  const measure = (batch: Batch, logProbs: readonly number[]): void =>
    sft.measure({ batch, logProbs: Float32Array.from(logProbs), baseLogProbs: null }, sums);
  measure(toBatch([row(4, [2, 0.5]), row(3, [1])]), [-1, -2, -4]);
  measure(toBatch([row(6, [1])]), [-8]);
  expect(sums.means()).toEqual({ loss: (2 + 1 + 4 + 8) / 4.5 });
});

test('a batch says how many targets each of its rows has, a row without any among them', () => {
  const { rowTargetCounts, targetCount } = toBatch([row(4, [1, 1]), row(3, []), row(9, [3, 3, 3])]);
  expect(rowTargetCounts).toEqual([2, 0, 3]);
  expect(targetCount).toBe(5);
});

test('means of two sums are the mean over both', () => {
  const [one, other] = [new MetricSums(), new MetricSums()];
  Object.assign(one.of('loss'), { sum: 6, weight: 2 });
  Object.assign(other.of('loss'), { sum: 3, weight: 1 });
  Object.assign(other.of('accuracy'), { sum: 1, weight: 4 });
  one.add(other);
  expect(one.means()).toEqual({ loss: 3, accuracy: 0.25 });
});
