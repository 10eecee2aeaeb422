// Every reference gradient against central differences of its forward, in float64.
import { describe, expect, test } from 'vitest';
import { attentionReference } from '../../../src/kernels/reference/attention.ts';
import { adamwReference } from '../../../src/kernels/reference/adamw.ts';
import { crossEntropyReference } from '../../../src/kernels/reference/cross-entropy.ts';
import { linearReference } from '../../../src/kernels/reference/linear.ts';
import { loraReference } from '../../../src/kernels/reference/lora.ts';
import { qkNormRopeReference } from '../../../src/kernels/reference/qk-norm-rope.ts';
import { rmsNormReference } from '../../../src/kernels/reference/rms-norm.ts';
import { ropeReference } from '../../../src/kernels/reference/rope.ts';
import { swigluReference } from '../../../src/kernels/reference/swiglu.ts';
import { createRng } from '../../../src/support/rng.ts';

const CENTRAL = 1e-6; // h² truncation plus float64 round-off over h = 1e-5

const rng = createRng(3);
const random = (count: number): Float64Array =>
  Float64Array.from({ length: count }, () => rng.next() * 2 - 1);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);

/** d/dx of f(x) = weights · forward(x), by central differences, against `gradient`. */
function expectGradient(
  x: Float64Array,
  forward: () => ArrayLike<number>,
  weights: Float64Array,
  gradient: ArrayLike<number>,
): void {
  const h = 1e-5;
  expect(gradient.length).toBe(x.length);
  for (let i = 0; i < x.length; i++) {
    const kept = x[i];
    x[i] = kept + h;
    const above = dot(weights, forward());
    x[i] = kept - h;
    const below = dot(weights, forward());
    x[i] = kept;
    expect(Math.abs((above - below) / (2 * h) - gradient[i])).toBeLessThan(CENTRAL);
  }
}

describe('reference gradients equal finite differences', () => {
  test('linear', () => {
    const size = { m: 3, n: 5, k: 4 };
    const [x, w, dy] = [random(12), random(20), random(15)];
    expectGradient(x, () => linearReference.forward(x, w, size), dy, linearReference.dx(dy, w, size));
  });

  test('the weight gradient of linear (outerSum)', () => {
    const size = { m: 3, n: 5, k: 4 };
    const [x, w, dy] = [random(12), random(20), random(15)];
    expectGradient(
      w,
      () => linearReference.forward(x, w, size),
      dy,
      linearReference.outerSum(dy, x, { m: 3, p: 5, q: 4 }, 1),
    );
  });

  test('LoRA: A, B and the input', () => {
    const size = { m: 3, n: 5, k: 4, r: 2 };
    const [x, a, b, dy] = [random(12), random(8), random(10), random(15)];
    const forward = (): Float64Array => loraReference.forward(x, a, b, size, 1.7);
    const { dA, dB, dx } = loraReference.backward(dy, x, a, b, size, 1.7);
    expectGradient(a, forward, dy, dA);
    expectGradient(b, forward, dy, dB);
    expectGradient(x, forward, dy, dx);
  });

  test('RMSNorm', () => {
    const size = { rows: 3, width: 5 };
    const [x, w, dy] = [random(15), random(5), random(15)];
    expectGradient(
      x,
      () => rmsNormReference.forward(x, w, size, 1e-5),
      dy,
      rmsNormReference.dx(dy, x, w, size, 1e-5),
    );
  });

  test('RoPE', () => {
    const size = { heads: 2, headSize: 4 };
    const [x, dy] = [random(24), random(24)];
    const positions = [0, 3, 11];
    const frequencies = [1, 0.01];
    expectGradient(
      x,
      () => ropeReference(x, positions, size, frequencies),
      dy,
      ropeReference(dy, positions, size, frequencies, -1),
    );
  });

  test('the norm of queries and keys with the rotation after it, where a weight is zero too', () => {
    const size = { heads: 2, kvHeads: 1, headSize: 4 };
    const [x, dy, qWeight, kWeight] = [random(36), random(36), random(4), random(4)];
    qWeight[1] = 0;
    const terms = { positions: [0, 3, 11], frequencies: [1, 0.01], qWeight, kWeight, eps: 1e-5 };
    const dx = qkNormRopeReference.dx(dy, x, size, terms);
    expectGradient(x, () => qkNormRopeReference.forward(x, size, terms), dy, dx);
    const swapped = { ...terms, qWeight: kWeight, kWeight: qWeight }; // queries and keys have each their own
    expect(qkNormRopeReference.dx(dy, x, size, swapped)).not.toEqual(dx);
  });

  test('SwiGLU', () => {
    const size = { m: 2, f: 3 };
    const [x, dy] = [random(12), random(6)];
    expectGradient(x, () => swigluReference.forward(x, size), dy, swigluReference.dx(dy, x, size));
  });

  test('grouped-query attention with two segments', () => {
    const size = { m: 5, heads: 4, kvHeads: 2, headSize: 4 };
    const starts = [0, 0, 0, 3, 3];
    const [qkv, dO] = [random(5 * 32), random(5 * 16)];
    expectGradient(
      qkv,
      () => attentionReference.forward(qkv, starts, size),
      dO,
      attentionReference.dx(dO, qkv, starts, size),
    );
  });

  test('cross-entropy', () => {
    const [logits, targets] = [random(14), [6, 0]];
    const coefficients = Float64Array.of(-1, 0.5); // any loss: one that falls with the one and rises with the other
    const forward = (): Float64Array => crossEntropyReference(logits, targets, 7, coefficients).logProbs;
    expectGradient(
      logits,
      forward,
      coefficients,
      crossEntropyReference(logits, targets, 7, coefficients).dLogits,
    );
  });
});

test('a query of one segment does not see the other', () => {
  const size = { m: 4, heads: 1, kvHeads: 1, headSize: 4 };
  const qkv = random(48);
  const before = attentionReference.forward(qkv, [0, 0, 2, 2], size).slice(8);
  qkv.fill(9, 0, 24); // everything of the first segment
  expect(attentionReference.forward(qkv, [0, 0, 2, 2], size).slice(8)).toEqual(before);
});

test('AdamW moves against the gradient by the learning rate at the first step, and clips to the norm', () => {
  const state = {
    parameters: Float64Array.of(1, 1),
    firstMoment: new Float64Array(2),
    secondMoment: new Float64Array(2),
  };
  const settings = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 0, weightDecay: 0, maxNorm: 1 };
  expect(adamwReference(state, [30, -40], settings, 1)).toBeCloseTo(50, 12);
  expect([...state.parameters]).toEqual([expect.closeTo(0.9, 9), expect.closeTo(1.1, 9)]);
  expect(state.firstMoment[0]).toBeCloseTo(0.1 * 0.6, 6);
});
