// A whole training run with products on matrix units beside float32, and what `precision: f16` gives and refuses.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../../../src/device/open-device.ts';
import { plainMatmul } from '../../../src/device/recorder.ts';
import { halfCandidates, inPrecision, matrixTiles } from '../../../src/self-test/precision.ts';
import { openGolden, type Golden } from '../../gpu/goldens.ts';
import { assertHealthyAfterEach, openTestDevice } from '../../gpu/open.ts';
import { lossCurve, worstDistance } from '../loss-curve.ts';

const LOSS = 1e-2; // the project's bar after 50 steps
const steps = 50;

let gpu: Gpu;
let golden: Golden;
beforeAll(async () => {
  gpu = await openTestDevice();
  golden = await openGolden(gpu, 'tied-bf16'); // 80 wide: both directions are wide enough for tiles
});
afterAll(() => golden.model.decoder.dispose());
assertHealthyAfterEach(() => gpu);

test('the candidates in half precision are the matrix tiles, then tiles in workgroup memory', () => {
  const found = halfCandidates(gpu);
  expect(found.map(({ matrix }) => matrix)).toEqual([...matrixTiles(gpu), null]);
  expect(found.every(({ f16, workgroup }) => f16 && workgroup)).toBe(true);
  const software = { ...gpu, recorder: { ...gpu.recorder, isSoftware: true } } as unknown as Gpu;
  expect(halfCandidates(software).map(({ matrix }) => matrix)).toEqual([null]);
});

test(`a model loses over ${steps} steps on matrix units what it loses in float32, within 1e-2`, async () => {
  const { recorder, memory } = gpu;
  const exact = await lossCurve(gpu, golden, { ...plainMatmul, workgroup: true }, steps);
  recorder.rowScales = memory.alloc('scales of rows', [4096]);
  const [matrix] = matrixTiles(gpu).slice(-1);
  const inHalves = await lossCurve(
    gpu,
    golden,
    { ...plainMatmul, workgroup: true, f16: true, matrix },
    steps,
  );
  expect(exact[steps - 1]).toBeLessThan(0.9 * exact[0]); // it did learn
  expect(inHalves).not.toEqual(exact); // the control: the units were used
  const worst = worstDistance(inHalves, exact);
  console.log(
    `matrix units: loss ${exact[0]} → ${exact[steps - 1]} in float32, ${inHalves[steps - 1]} in halves; at worst ${worst.toExponential(1)} apart`,
  );
  expect(worst).toBeLessThan(LOSS);
});

test('the variant of a run in half precision is gone after it', async () => {
  const before = { matmul: gpu.recorder.matmul, rowScales: gpu.recorder.rowScales };
  const within = await inPrecision(gpu, 'f16', () => Promise.resolve(gpu.recorder.matmul));
  expect(within.f16).toBe(true);
  expect(gpu.recorder).toMatchObject(before);
  expect(await inPrecision(gpu, 'f32', () => Promise.resolve(gpu.recorder.matmul))).toBe(before.matmul);
});
