// What top-p keeps, against transformers 5.24: TopPLogitsWarper after TemperatureLogitsWarper, torch.randn, seed 3.
import { expect, test } from 'vitest';
import { topPReference } from '../../../src/kernels/reference/top-p.ts';

// prettier-ignore
export const keptByTransformers: readonly (readonly [logits: number[], temperature: number, topP: number, kept: number[]])[] = [
  [[1.61, 0.35, 0.18, -1.23, 0.09, -2.74, 0.67], 1.0, 0.5, [0, 6]],
  [[2.02, -2.87, 1.95, 1.04, 2.48, -1.73, 0.6], 1.0, 0.9, [0, 2, 3, 4]],
  [[0.84, -0.16, 1.85, 1.63, 0.99, -0.33, -1.36, -2.12, 1.5, 0.48, -0.78, 0.3], 0.6, 0.95, [0, 2, 3, 4, 8, 9, 11]],
  [[-2.37, 1.07, -2.9, -1.26, 0.31, -0.5, 0.91, 0.02, 2.68, 2.92, 0.87, 2.03], 1.5, 0.3, [8, 9]],
  [[-4.39, 0.42, -1.88, -0.65, -2.11], 2.0, 0.01, [1]],
  [[1.65, -1.05, 1.62, -1.61, -2.1, -0.22, 0.71, -0.89, -1.9], 0.25, 0.8, [0, 2]],
  [[1.32, 1.25, 0.89, 1.54, 3.13, 1.06, -2.88, 3.31, 2.33, 1.17, 1.55, 0.81, -1.73, -0.42, 1.35, -0.66, -2.39, -0.27, 0.57, -1.55, 0.0, -1.15, 2.01, -1.89, -1.59, 2.11, 2.58, 0.32, 2.36, -5.69, -0.78, -2.47, -0.82, -0.07, -1.06, 0.16, -2.32, -0.61, -0.8, 5.38], 1.0, 0.7, [4, 7, 39]],
];

test('the likeliest tokens that have p of the probability are kept, as transformers keeps them', () => {
  for (const [logits, temperature, topP, kept] of keptByTransformers) {
    const flags = topPReference(logits, temperature, topP);
    expect(flags.flatMap((isKept, id) => (isKept ? [id] : []))).toEqual(kept);
  }
});

test('with p = 1 all are kept, and the likeliest always is', () => {
  expect(topPReference([1, 2, 3], 1, 1)).toEqual([true, true, true]);
  expect(topPReference([1, 2, 3], 1, 1e-12)).toEqual([false, false, true]);
  expect(topPReference([5, 5, 1], 1, 0.1)).toEqual([true, true, false]); // equals are treated alike
});
