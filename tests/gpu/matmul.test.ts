// The products of a frozen layer and its adapters, in every variant and weight format, against plain float64 loops.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { plainMatmul, type MatmulVariant } from '../../src/device/recorder.ts';
import { candidates, fastest, tune, TOLERANCE } from '../../src/self-test/tuner.ts';
import type { NoteStore } from '../../src/host/host.ts';
import { linear, linearDx } from '../../src/kernels/matmul.ts';
import { outerSum } from '../../src/kernels/outer-sum.ts';
import { quantise } from '../../src/kernels/quantise.ts';
import { linearReference } from '../../src/kernels/reference/linear.ts';
import { loraReference } from '../../src/kernels/reference/lora.ts';
import { gatherWeights } from '../../src/kernels/rows.ts';
import {
  allocWeights,
  weightFormats,
  weightTensors,
  type WeightFormat,
} from '../../src/kernels/weight-matrix.ts';
import { createRng } from '../../src/support/rng.ts';
import { assertHealthyAfterEach, openTestDevice, relativeError } from './open.ts';
import { F32, kernelRunner, t, type KernelRunner } from './run-kernel.ts';
import { weightsOf } from './weights-of.ts';

let gpu: Gpu;
let chosen: MatmulVariant;
let random: KernelRunner['random'];
let onGpu: KernelRunner['onGpu'];
beforeAll(async () => {
  gpu = await openTestDevice();
  chosen = gpu.recorder.matmul;
  ({ random, onGpu } = kernelRunner(gpu, createRng(5)));
});
assertHealthyAfterEach(() => gpu);

const awkward = [
  [1, 4, 4],
  [3, 32, 8],
  [31, 64, 36],
  [127, 260, 12],
  [257, 4, 132],
  [5, 36, 1024],
] as const;
const production = [
  [32, 8960, 1536],
  [40, 3072, 1024],
] as const;

describe('choice of variant', () => {
  const noted = (value: unknown): NoteStore & { written: string[] } => {
    const written: string[] = [];
    return {
      written,
      read: () => Promise.resolve(value === null ? null : JSON.stringify(value)),
      write: (_key, text) => Promise.resolve(void written.push(text)),
    };
  };

  test('a software adapter shares loads among quads of threads where it can; a real one takes a candidate', () => {
    const { subgroups, recorder } = gpu;
    const quads = subgroups !== null && subgroups.min >= 4;
    const software = { quads, rows: quads ? 16 : 8, workgroup: false, f16: false, matrix: null };
    if (recorder.isSoftware) expect(chosen).toEqual(software);
    else
      expect([
        { quads: false, rows: 8, workgroup: true, f16: false, matrix: null },
        ...(quads ? [{ quads: true, rows: 16, workgroup: false, f16: false, matrix: null }] : []),
        { quads: false, rows: 8, workgroup: false, f16: false, matrix: null },
      ]).toContainEqual(chosen);
  });

  test('the measured rate is that of a product, timed otherwise, within a factor of ten', async () => {
    const size = { m: 256, n: 512, k: 512 };
    const { memory, recorder, device } = gpu;
    const [x, w] = [memory.alloc('x', [size.m, size.k]), memory.alloc('w', [size.n, size.k])];
    const y = memory.alloc('y', [size.m, size.n]);
    let fastestMs = Infinity;
    const repeats = recorder.isSoftware ? 1 : 50;
    for (let go = 0; go < 4; go++) {
      const started = performance.now();
      for (let i = 0; i < repeats; i++) linear(recorder, x, w, y, size);
      recorder.submit();
      await device.queue.onSubmittedWorkDone();
      fastestMs = Math.min(fastestMs, (performance.now() - started) / repeats);
    }
    recorder.forgetBindGroups();
    memory.dispose([x, w, y]);
    const flopsPerSecond = (2 * size.m * size.n * size.k * 1000) / fastestMs;
    expect(recorder.flopsPerSecond / flopsPerSecond).toBeGreaterThan(0.1);
    expect(recorder.flopsPerSecond / flopsPerSecond).toBeLessThan(10);
  });

  test('a variant whose code the driver refuses is passed over, and the device stays healthy', async () => {
    const unit = { m: 8, n: 8, k: 8, lanes: 4 }; // a browser has no extension for it, a subgroup other sizes
    const tile = { ...unit, rows: 32, columns: 32, subgroupRows: 16, subgroupColumns: 16 };
    gpu.recorder.rowScales = gpu.memory.alloc('scales of rows', [64]);
    const refused = { ...plainMatmul, workgroup: true, f16: true, matrix: tile };
    expect(await fastest(gpu, [refused], TOLERANCE)).toBeNull();
    gpu.assertHealthy();
    expect((await fastest(gpu, [refused, plainMatmul], TOLERANCE))?.variant).toEqual(plainMatmul);
    gpu.memory.dispose([gpu.recorder.rowScales]);
    Object.assign(gpu.recorder, { matmul: chosen, rowScales: null });
  });

  test('a remembered choice is taken as it is, and one that the device does not offer is measured anew', async () => {
    const kept = noted(plainMatmul);
    expect(await tune(gpu, kept)).toEqual(plainMatmul);
    expect(gpu.recorder.matmul).toEqual(plainMatmul);
    expect(kept.written).toEqual([]);

    const foreign = noted({ ...plainMatmul, rows: 7 });
    const measured = await tune(gpu, foreign);
    expect(measured.rows).not.toBe(7);
    expect(foreign.written).toEqual([JSON.stringify(measured)]);
    expect(gpu.recorder.matmul).toEqual(measured);
    gpu.recorder.matmul = chosen;
  });
});

describe.each(['chosen', 'registers', 'quads', 'workgroup memory'] as const)('linear, %s', (name) => {
  beforeAll(() => {
    const shared = candidates(gpu).find(({ quads }) => quads) ?? plainMatmul;
    gpu.recorder.matmul = {
      chosen,
      registers: plainMatmul,
      quads: { ...shared, rows: gpu.recorder.isSoftware ? 32 : 16 }, // of a long run
      'workgroup memory': { ...plainMatmul, workgroup: true },
    }[name];
  });
  afterAll(() => {
    gpu.recorder.matmul = chosen;
  });

  const sizes = name === 'chosen' || name === 'quads' ? [...awkward, ...production] : awkward;
  test.each(sizes)('m %i, n %i, k %i: forward, bias, residual and dx', async (m, n, k) => {
    const [x, w, bias, dy, residual] = [
      random(m * k),
      random(n * k),
      random(n),
      random(m * n),
      random(m * n),
    ];
    const size = { m, n, k };
    const out = await onGpu(
      {
        x,
        w,
        bias,
        dy,
        residual,
        plain: new Float32Array(m * n),
        biased: new Float32Array(m * n),
        dx: new Float32Array(m * k),
        added: new Float32Array(m * k).fill(1),
      },
      (s) => {
        linear(gpu.recorder, t(s, 'x'), t(s, 'w'), t(s, 'plain'), size);
        const options = { bias: t(s, 'bias'), addend: t(s, 'residual') };
        linear(gpu.recorder, t(s, 'x'), t(s, 'w'), t(s, 'biased'), size, options);
        linearDx(gpu.recorder, t(s, 'dy'), t(s, 'w'), t(s, 'dx'), size);
        linearDx(gpu.recorder, t(s, 'dy'), t(s, 'w'), t(s, 'added'), size, { accumulate: true });
      },
      ['plain', 'biased', 'dx', 'added'],
    );
    const y = linearReference.forward(x, w, size);
    const biased = linearReference.forward(x, w, size, bias).map((value, i) => value + residual[i]);
    const dx = linearReference.dx(dy, w, size);
    expect(relativeError(out['plain'], y)).toBeLessThan(F32);
    expect(relativeError(out['biased'], biased)).toBeLessThan(F32);
    expect(relativeError(out['dx'], dx)).toBeLessThan(F32);
    expect(
      relativeError(
        out['added'],
        dx.map((value) => value + 1),
      ),
    ).toBeLessThan(F32);
  });
});

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length);
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = difference; // NaN counts as largest
  }
  return largest;
}

/** Of one value, relative to the largest of its 64 neighbours: half a step of the code. */
const codeError: Record<WeightFormat, number> = { f32: 0, f16: 2 ** -11, int8: 0.5 / 127 + 1e-3, nf4: 0.16 };

const ways = ['as chosen', 'in workgroup memory'] as const;
const useWay = (way: (typeof ways)[number]): void => {
  gpu.recorder.matmul = way === 'as chosen' ? chosen : { ...plainMatmul, workgroup: true };
};

describe.each(ways.flatMap((way) => weightFormats.map((format) => ({ way, format }))))(
  'weights as $format, $way',
  ({ way, format }) => {
    beforeAll(() => useWay(way));
    afterAll(() => {
      gpu.recorder.matmul = chosen;
      gpu.recorder.panel = null;
      gpu.memory.tensorLimitBytes = Infinity;
    });

    const sizes = [
      [1, 8, 4, false],
      [37, 132, 68, false],
      [70, 260, 132, true],
      [5, 36, 1028, false],
      [128, 512, 1536, true],
      [40, 4100, 68, true], // in workgroup memory, a gradient in parts
    ] as const;
    // Compiling takes most of the time.
    test.each(way === 'as chosen' ? sizes.slice(0, 5) : sizes.filter(([m]) => [5, 40].includes(m)))(
      'm %i, n %i, k %i, panel %s: codes are near, forward, dx and lookup are exact in them',
      async (m, n, k, withPanel) => {
        const { memory, recorder } = gpu;
        const w = random(n * k, 0.05);
        const { matrix, meaning } = await weightsOf(gpu, format, w, n, k);
        // one expectation: 786,432 of them take 20 s
        expect(largestDifference(meaning, w)).toBeLessThanOrEqual(codeError[format] * 0.05 * 1.01);
        const panel = memory.alloc('panel', [96, k]); // smaller than the matrix: several panels
        recorder.panel = withPanel ? panel : null;
        const [x, dy] = [random(m * k), random(m * n)];
        const size = { m, n, k };
        const index = Uint32Array.from([n - 1, 0, n >> 1]);
        const out = await onGpu(
          { x, dy, index, y: random(m * n), dx: random(m * k), rows: random(3 * k) },
          (s) => {
            linear(recorder, t(s, 'x'), matrix, t(s, 'y'), size);
            linearDx(recorder, t(s, 'dy'), matrix, t(s, 'dx'), size);
            gatherWeights(recorder, matrix, t(s, 'index'), t(s, 'rows'), 3);
          },
          ['y', 'dx', 'rows'],
        );
        const known = Float32Array.from(meaning);
        expect(relativeError(out['y'], linearReference.forward(x, known, size))).toBeLessThan(F32);
        expect(relativeError(out['dx'], linearReference.dx(dy, known, size))).toBeLessThan(F32);
        expect([...out['rows']]).toEqual([...index].flatMap((i) => [...known.subarray(i * k, (i + 1) * k)]));
        recorder.panel = null;
        memory.dispose([...weightTensors(matrix), panel]);
      },
    );

    test('a matrix larger than a binding is split by rows, with the same bits', async () => {
      const { memory, recorder } = gpu;
      const [m, n, k] = [19, 264, 192];
      const w = random(n * k);
      const [x, dy] = [random(m * k), random(m * n)];
      const results: Record<string, Float32Array>[] = [];
      for (const limit of [Infinity, 32 * 1024]) {
        memory.tensorLimitBytes = limit;
        const small = limit !== Infinity;
        const matrix = allocWeights(memory, 'w', format, n, k);
        expect(matrix.blocks.length > 1).toBe(small && format !== 'nf4');
        memory.tensorLimitBytes = Infinity;
        const staging = memory.from('staging', [n, k], w);
        for (const { firstRow, rows } of matrix.blocks) {
          memory.write(staging, w.subarray(firstRow * k, (firstRow + rows) * k));
          quantise(recorder, staging, { rows, columns: k }, matrix, firstRow);
          recorder.submit();
        }
        results.push(
          await onGpu(
            { x, dy, y: new Float32Array(m * n), dx: new Float32Array(m * k) },
            (s) => {
              linear(recorder, t(s, 'x'), matrix, t(s, 'y'), { m, n, k });
              linearDx(recorder, t(s, 'dy'), matrix, t(s, 'dx'), { m, n, k });
            },
            ['y', 'dx'],
          ),
        );
        memory.dispose([...weightTensors(matrix), staging]);
      }
      expect(results[1]).toEqual(results[0]);
    });
  },
);

test('long dispatches are split without changing a bit', async () => {
  const [m, n, k] = [70, 132, 68];
  const [x, w, added] = [random(m * k), random(n * k), random(m * n)];
  const run = (): Promise<Record<string, Float32Array>> =>
    onGpu(
      { x, w, y: new Float32Array(m * n), added },
      (s) => linear(gpu.recorder, t(s, 'x'), t(s, 'w'), t(s, 'y'), { m, n, k }, { addend: t(s, 'added') }),
      ['y'],
    );
  const whole = await run();
  const { flopsPerSecond } = gpu.recorder;
  gpu.recorder.flopsPerSecond = (2 * m * n * k) / 2; // as if this took two seconds
  const parts = await run();
  gpu.recorder.flopsPerSecond = flopsPerSecond;
  expect(parts).toEqual(whole);
});

describe.each(ways)('LoRA, %s', (way) => {
  beforeAll(() => useWay(way));
  afterAll(() => {
    gpu.recorder.matmul = chosen;
  });
  test.each([
    [1, 8, 4, 4],
    [31, 36, 12, 4],
    [127, 64, 132, 8],
    [257, 100, 36, 16],
    [40, 8960, 1536, 16],
    [70, 96, 64, 36],
  ])(
    'm %i, n %i, k %i, r %i: up inside the product, dA, dB and dx inside the product',
    async (m, n, k, r) => {
      const [x, a, b, dy] = [random(m * k), random(r * k), random(n * r), random(m * n)];
      const w = random(n * k, 0.1);
      const size = { m, n, k, r };
      const scale = 1.5;
      // the second of two slots: the first adapts other columns, which this product does not have
      const slots = [
        { column: n + 8, width: 8, bOffset: 0 },
        { column: 0, width: n, bOffset: 64 },
      ];
      const bAll = new Float32Array(64 + n * r);
      bAll.set(b, 64);
      const out = await onGpu(
        {
          x,
          a,
          b,
          bAll,
          w,
          dy,
          y: new Float32Array(m * n),
          low: random(m * 2 * r),
          du: new Float32Array(m * r),
          dA: new Float32Array(r * k),
          dB: new Float32Array(n * r),
          dx: new Float32Array(m * k),
        },
        (s) => {
          const { recorder } = gpu;
          const lowSize = { m, n: r, k };
          linear(recorder, t(s, 'x'), t(s, 'a'), t(s, 'low'), lowSize, { yStride: 2 * r, yColumn: r });
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
          const lowSide = { tensor: t(s, 'low'), stride: 2 * r, column: r };
          const dySide = { tensor: t(s, 'dy'), stride: n, column: 0 };
          const dbSize = { m, narrow: r, wide: n, dStride: r, transposed: true };
          outerSum(recorder, lowSide, dySide, t(s, 'dB'), dbSize, scale);
          const duSide = { tensor: t(s, 'du'), stride: r, column: 0 };
          const xSide = { tensor: t(s, 'x'), stride: k, column: 0 };
          outerSum(recorder, duSide, xSide, t(s, 'dA'), { m, narrow: r, wide: k, dStride: k });
          const back = { du: t(s, 'du'), a: t(s, 'a'), width: r };
          linearDx(recorder, t(s, 'dy'), t(s, 'w'), t(s, 'dx'), { m, n, k }, { lora: back });
        },
        ['y', 'dA', 'dB', 'dx'],
      );
      const frozen = linearReference.forward(x, w, size);
      const frozenDx = linearReference.dx(dy, w, size);
      const up = loraReference.forward(x, a, b, size, scale).map((value, i) => value + frozen[i]);
      const { dA, dB, dx } = loraReference.backward(dy, x, a, b, size, scale);
      expect(relativeError(out['y'], up)).toBeLessThan(F32);
      expect(relativeError(out['dA'], dA)).toBeLessThan(F32);
      expect(relativeError(out['dB'], dB)).toBeLessThan(F32);
      expect(
        relativeError(
          out['dx'],
          dx.map((value, i) => value + frozenDx[i]),
        ),
      ).toBeLessThan(F32);
    },
  );
});
