// The products on the adapter's matrix units, every tile that fits it, against plain float64 loops.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../../../src/device/open-device.ts';
import { plainMatmul } from '../../../src/device/recorder.ts';
import { matrixTiles } from '../../../src/self-test/precision.ts';
import { linear, linearDx } from '../../../src/kernels/matmul.ts';
import { linearReference } from '../../../src/kernels/reference/linear.ts';
import { loraReference } from '../../../src/kernels/reference/lora.ts';
import { weightFormats, weightTensors } from '../../../src/kernels/weight-matrix.ts';
import { createRng } from '../../../src/support/rng.ts';
import { assertHealthyAfterEach, openTestDevice, relativeError } from '../../gpu/open.ts';
import { F32, kernelRunner, t, type KernelRunner } from '../../gpu/run-kernel.ts';
import { weightsOf } from '../../gpu/weights-of.ts';

/** Operands keep 11 bits: 2^-11 each, relative to the largest entry of the product. */
const F16 = 2e-3;

let gpu: Gpu;
let runner: KernelRunner;
beforeAll(async () => {
  gpu = await openTestDevice();
  runner = kernelRunner(gpu, createRng(3));
  gpu.recorder.rowScales = gpu.memory.alloc('scales of rows', [4096]);
});
assertHealthyAfterEach(() => gpu);
afterAll(() => {
  gpu.recorder.matmul = plainMatmul;
});

test('the adapter has matrix units of halves with float32 sums, and a tile fits its default limits', () => {
  expect(gpu.matrixUnits.length).toBeGreaterThan(0);
  expect(matrixTiles(gpu).length).toBeGreaterThan(0);
});

/** More than 64 columns both ways: narrower products have kernels of their own. */
const sizes = [
  [32, 68, 68],
  [33, 72, 100],
  [127, 260, 76],
  [64, 128, 96],
  [70, 132, 164],
] as const;

describe.each(weightFormats)('weights as %s', (format) => {
  test.each(sizes)('m %i, n %i, k %i: forward and dx in every tile', async (m, n, k) => {
    const { recorder, memory } = gpu;
    const { matrix, meaning } = await weightsOf(gpu, format, runner.random(n * k, 0.05), n, k);
    const size = { m, n, k };
    const known = Float32Array.from(meaning);
    const [x, dy, bias, addend] = [
      runner.random(m * k),
      runner.random(m * n),
      runner.random(n),
      runner.random(m * n),
    ];
    const y = linearReference.forward(x, known, size, bias).map((value, i) => value + addend[i]);
    const dx = linearReference.dx(dy, known, size);
    const added = dx.map((value) => value + 1);
    for (const tile of matrixTiles(gpu)) {
      recorder.matmul = { ...plainMatmul, workgroup: true, f16: true, matrix: tile };
      const out = await runner.onGpu(
        {
          x,
          dy,
          bias,
          addend,
          y: new Float32Array(m * n),
          dx: new Float32Array(m * k),
          added: new Float32Array(m * k).fill(1),
        },
        (s) => {
          linear(recorder, t(s, 'x'), matrix, t(s, 'y'), size, {
            bias: t(s, 'bias'),
            addend: t(s, 'addend'),
          });
          linearDx(recorder, t(s, 'dy'), matrix, t(s, 'dx'), size);
          linearDx(recorder, t(s, 'dy'), matrix, t(s, 'added'), size, { accumulate: true });
        },
        ['y', 'dx', 'added'],
      );
      const name = `${tile.rows}x${tile.columns}`;

      expect(relativeError(out['y'], y), name).toBeLessThan(F16);
      expect(relativeError(out['y'], y), name).toBeGreaterThan(F32); // halves were used
      expect(relativeError(out['dx'], dx), name).toBeLessThan(F16);
      expect(relativeError(out['dx'], dx), name).toBeGreaterThan(F32);
      expect(relativeError(out['added'], added), name).toBeLessThan(F16);
    }
    memory.dispose(weightTensors(matrix));
  });
});

test('low-rank updates are part of both products, in float32 scale and in the right columns', async () => {
  const { recorder } = gpu;
  const [m, n, k, r] = [70, 96, 132, 36];
  const size = { m, n, k, r };
  const [x, a, b, dy] = [
    runner.random(m * k),
    runner.random(r * k),
    runner.random(n * r),
    runner.random(m * n),
  ];
  const w = runner.random(n * k, 0.1);
  // the first of two slots adapts other columns, which this product does not have
  const slots = [
    { column: n + 8, width: 8, bOffset: 0 },
    { column: 0, width: n, bOffset: 64 },
  ];
  const bAll = new Float32Array(64 + n * r);
  bAll.set(b, 64);
  const scale = 1.5;
  const up = loraReference.forward(x, a, b, size, scale);
  const y = linearReference.forward(x, w, size).map((value, i) => value + up[i]);
  const back = loraReference.backward(dy, x, a, b, size, scale);
  const dx = linearReference.dx(dy, w, size).map((value, i) => value + back.dx[i]);
  for (const tile of matrixTiles(gpu)) {
    recorder.matmul = { ...plainMatmul, workgroup: true, f16: true, matrix: tile };
    const out = await runner.onGpu(
      {
        x,
        a,
        b,
        bAll,
        w,
        dy,
        y: new Float32Array(m * n),
        low: new Float32Array(m * 2 * r),
        du: new Float32Array(m * r),
        dx: new Float32Array(m * k),
      },
      (s) => {
        linear(recorder, t(s, 'x'), t(s, 'a'), t(s, 'low'), { m, n: r, k }, { yStride: 2 * r, yColumn: r });
        const lora = {
          low: t(s, 'low'),
          lowStride: 2 * r,
          lowColumn: 0,
          b: t(s, 'bAll'),
          slots,
          rank: r,
          scale,
        };
        linear(recorder, t(s, 'x'), t(s, 'w'), t(s, 'y'), { m, n, k }, { lora });
        linearDx(recorder, t(s, 'dy'), t(s, 'b'), t(s, 'du'), { m, n, k: r }, { scale });
        const lowRank = { du: t(s, 'du'), a: t(s, 'a'), width: r };
        linearDx(recorder, t(s, 'dy'), t(s, 'w'), t(s, 'dx'), { m, n, k }, { lora: lowRank });
      },
      ['y', 'dx'],
    );
    expect(relativeError(out['y'], y)).toBeLessThan(F16);
    expect(relativeError(out['dx'], dx)).toBeLessThan(F16);
  }
});

test('gradients of any size keep their digits', async () => {
  const { recorder } = gpu;
  const size = { m: 40, n: 64, k: 72 };
  const w = runner.random(size.n * size.k, 0.05);
  const dy = runner.random(size.m * size.n);
  // rows of 1e-12 … 1e9: the smallest are zeros in half precision, the largest infinite
  const rowSize = (row: number): number => 10 ** ((row % 22) - 12);
  dy.forEach((value, i) => (dy[i] = value * rowSize(Math.floor(i / size.n))));
  const expected = linearReference.dx(dy, w, size);
  recorder.matmul = { ...plainMatmul, workgroup: true, f16: true, matrix: matrixTiles(gpu).at(-1) ?? null };
  const { dx } = await runner.onGpu(
    { dy, w, dx: new Float32Array(size.m * size.k) },
    (s) => linearDx(recorder, t(s, 'dy'), t(s, 'w'), t(s, 'dx'), size),
    ['dx'],
  );
  for (let row = 0; row < size.m; row++) {
    const part = (values: ArrayLike<number>): number[] =>
      Array.from(values).slice(row * size.k, (row + 1) * size.k);
    expect(relativeError(part(dx), part(expected)), `row of ${rowSize(row)}`).toBeLessThan(2 * F16);
  }
});

test('activations of any size that models have keep their digits', async () => {
  const { recorder } = gpu;
  const size = { m: 40, n: 72, k: 64 };
  const w = runner.random(size.n * size.k, 0.05);
  const x = runner.random(size.m * size.k);
  // rows of 0.01 … 900,000: the largest are infinite in half precision
  const rowSize = (row: number): number => [0.01, 1, 100, 30_000, 900_000][row % 5];
  x.forEach((value, i) => (x[i] = value * rowSize(Math.floor(i / size.k))));
  const expected = linearReference.forward(x, w, size);
  recorder.matmul = { ...plainMatmul, workgroup: true, f16: true, matrix: matrixTiles(gpu).at(-1) ?? null };
  const { y } = await runner.onGpu(
    { x, w, y: new Float32Array(size.m * size.n) },
    (s) => linear(recorder, t(s, 'x'), t(s, 'w'), t(s, 'y'), size),
    ['y'],
  );
  for (let row = 0; row < size.m; row++) {
    const part = (values: ArrayLike<number>): number[] =>
      Array.from(values).slice(row * size.n, (row + 1) * size.n);
    expect(relativeError(part(y), part(expected)), `row of ${rowSize(row)}`).toBeLessThan(2 * F16);
  }
});
