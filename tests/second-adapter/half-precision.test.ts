// Half-precision tiles (shader-f16): each product against plain float64 loops, and a whole training run against float32.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { plainMatmul } from '../../src/device/recorder.ts';
import { linear } from '../../src/kernels/matmul.ts';
import { linearReference } from '../../src/kernels/reference/linear.ts';
import { createRng } from '../../src/support/rng.ts';
import { openGolden, type Golden } from '../gpu/goldens.ts';
import { assertHealthyAfterEach, openTestDevice, relativeError } from '../gpu/open.ts';
import { F32, kernelRunner, t } from '../gpu/run-kernel.ts';
import { lossCurve, worstDistance } from './loss-curve.ts';

const F16 = 2e-3; // operands keep 11 bits: 2^-11 each, relative to the largest entry of the product
const LOSS = 1e-2; // the project's bar after 50 steps
const steps = 50;

const float32 = { ...plainMatmul, workgroup: true };
const half = { ...float32, f16: true };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestDevice();
});
assertHealthyAfterEach(() => gpu);

test.each([
  [32, 8, 4],
  [33, 36, 68],
  [127, 260, 12],
  [257, 4, 132],
  [64, 1536, 896],
])('m %i, n %i, k %i: the forward product is near in halves, and nearer in float32', async (m, n, k) => {
  const { random, onGpu } = kernelRunner(gpu, createRng(3));
  const [x, w, bias] = [random(m * k), random(n * k), random(n)];
  const error: number[] = [];
  for (const variant of [half, float32]) {
    gpu.recorder.matmul = variant;
    const { y } = await onGpu(
      { x, w, bias, y: new Float32Array(m * n) },
      (s) => linear(gpu.recorder, t(s, 'x'), t(s, 'w'), t(s, 'y'), { m, n, k }, { bias: t(s, 'bias') }),
      ['y'],
    );
    error.push(relativeError(y, linearReference.forward(x, w, { m, n, k }, bias)));
  }
  expect(error[0]).toBeLessThan(F16);
  expect(error[0]).toBeGreaterThan(F32); // otherwise the halves were not used
  expect(error[1]).toBeLessThan(F32);
});

describe('a small model', () => {
  let golden: Golden;
  beforeAll(async () => {
    golden = await openGolden(gpu, 'tied-gqa');
  });
  afterAll(() => golden.model.decoder.dispose());

  test(`loses over ${steps} steps what it loses in float32, within 1e-2`, async () => {
    const [inHalves, exact] = [
      await lossCurve(gpu, golden, half, steps),
      await lossCurve(gpu, golden, float32, steps),
    ];
    expect(exact).toHaveLength(steps);
    expect(exact[steps - 1]).toBeLessThan(0.8 * exact[0]); // it did learn
    expect(inHalves).not.toEqual(exact); // the control: the halves were used
    const worst = worstDistance(inHalves, exact);
    const last = Math.abs(inHalves[steps - 1] - exact[steps - 1]) / exact[steps - 1];
    console.log(
      `half precision: loss ${exact[0]} → ${exact[steps - 1]} in float32, ${inHalves[steps - 1]} in halves; ` +
        `after ${steps} steps ${last.toExponential(1)} apart, at worst ${worst.toExponential(1)}`,
    );
    expect(worst).toBeLessThan(LOSS);
  });
});
