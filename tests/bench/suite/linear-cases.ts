/** Frozen linear layers forward and backward in every weight format, and the LoRA products around them. */
import { benchTensors, sampleRows, takeColumns, takeRows } from './case-tools.ts';
import {
  linear,
  linearDx,
  linearReference,
  loraDu,
  loraUp,
  makeWeights,
  matrixVariants,
  outerSum,
  productVariants,
  weightFormats,
  type Gpu,
  type ProductVariant,
  type WeightFormat,
} from './engine.ts';
import type { BenchCase } from './run-cases.ts';
import { relativeError } from './statistics.ts';

type Shape = readonly [m: number, n: number, k: number];
const bytesPerWeight = { f32: 4, f16: 2, int8: 1.04, nf4: 0.53 } as const;
const tolerance = 1e-4; // float32 sums of up to 9,000 terms

const label = ([m, n, k]: Shape): string => `${m}x${n}x${k}`;

/** Operands keep 11 bits. */
const halfTolerance = 2e-3;

/** `work` with that variant, the chosen one afterwards. */
function withVariant(gpu: Gpu, variant: ProductVariant | null, work: () => void): void {
  const chosen = gpu.recorder.matmul;
  gpu.recorder.matmul = variant?.variant ?? chosen;
  work();
  gpu.recorder.matmul = chosen;
}

const caseName = (name: string, variant: ProductVariant | null): string =>
  variant === null ? name : `${name} ${variant.name}`;

function linearCase(
  gpu: Gpu,
  format: WeightFormat,
  shape: Shape,
  variant: ProductVariant | null = null,
): BenchCase {
  const [m, n, k] = shape;
  return {
    name: caseName(`linear ${format}`, variant),
    shape: label(shape),
    flops: 2 * m * n * k,
    bytes: n * k * bytesPerWeight[format] + 4 * m * (n + k),
    tolerance: variant === null ? tolerance : halfTolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 1);
      const [x, w] = [bench.random(m * k), bench.random(n * k, 0.05)];
      const [xTensor, y] = [bench.upload(x), bench.zeros(m * n)];
      const weights = await makeWeights(gpu, format, w, n, k);
      bench.own(weights.tensors);
      const record = (): void =>
        withVariant(gpu, variant, () => linear(gpu, xTensor, weights, y, { m, n, k }));
      return {
        record,
        check: async () => {
          record();
          const got = await bench.read(y);
          const [rows, columns] = [sampleRows(m, 6), sampleRows(n, 48)];
          const expected = linearReference.forward(
            takeRows(x, k, rows),
            takeRows(weights.stored, k, columns),
            { m: rows.length, n: columns.length, k },
          );
          return relativeError(
            rows.flatMap((row) => columns.map((column) => got[row * n + column])),
            expected,
          );
        },
        dispose: bench.dispose,
      };
    },
  };
}

function linearDxCase(
  gpu: Gpu,
  format: WeightFormat,
  shape: Shape,
  variant: ProductVariant | null = null,
): BenchCase {
  const [m, n, k] = shape;
  return {
    name: caseName(`linearDx ${format}`, variant),
    shape: label(shape),
    flops: 2 * m * n * k,
    bytes: n * k * bytesPerWeight[format] + 4 * m * (n + k),
    tolerance: variant === null ? tolerance : halfTolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 2);
      const [dy, w] = [bench.random(m * n), bench.random(n * k, 0.05)];
      const [dyTensor, dx] = [bench.upload(dy), bench.zeros(m * k)];
      const weights = await makeWeights(gpu, format, w, n, k);
      bench.own(weights.tensors);
      const record = (): void =>
        withVariant(gpu, variant, () => linearDx(gpu, dyTensor, weights, dx, { m, n, k }));
      return {
        record,
        check: async () => {
          record();
          const got = await bench.read(dx);
          const rows = sampleRows(m, 3);
          const first = Math.max(0, k - 32); // the last columns: where a wrong bound shows
          const expected = linearReference.dx(
            takeRows(dy, n, rows),
            takeColumns(weights.stored, k, first, k - first),
            {
              m: rows.length,
              n,
              k: k - first,
            },
          );
          return relativeError(takeColumns(takeRows(got, k, rows), k, first, k - first), expected);
        },
        dispose: bench.dispose,
      };
    },
  };
}

/** dW[p, q] += aᵀ b: the gradient of a LoRA factor. */
function outerSumCase(gpu: Gpu, m: number, p: number, q: number): BenchCase {
  return {
    name: 'outerSum',
    shape: `${m}x${p}x${q}`,
    flops: 2 * m * p * q,
    bytes: 4 * (m * (p + q) + 2 * p * q),
    tolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 3);
      const [a, b] = [bench.random(m * p), bench.random(m * q)];
      const [aTensor, bTensor, dw] = [bench.upload(a), bench.upload(b), bench.zeros(p * q)];
      const [aSide, bSide] = [
        { tensor: aTensor, stride: p, column: 0 },
        { tensor: bTensor, stride: q, column: 0 },
      ];
      const size = { m, narrow: p, wide: q, dStride: q };
      const record = (): void => outerSum(gpu.recorder, aSide, bSide, dw, size, 0.5);
      return {
        record,
        check: async () => {
          record(); // dw was zero: adding is overwriting, once
          const got = await bench.read(dw);
          const [pFirst, qFirst] = [Math.max(0, p - 8), Math.max(0, q - 64)];
          const expected = linearReference.outerSum(
            takeColumns(a, p, pFirst, p - pFirst),
            takeColumns(b, q, qFirst, q - qFirst),
            { m, p: p - pFirst, q: q - qFirst },
            0.5,
          );
          return relativeError(takeColumns(got.subarray(pFirst * q), q, qFirst, q - qFirst), expected);
        },
        dispose: bench.dispose,
      };
    },
  };
}

/** One adapter of one site, forward: u = x Aᵀ, y += u Bᵀ; backward: du = dy B, dB, dA, dx += du A. */
function loraCase(
  gpu: Gpu,
  direction: 'forward' | 'backward',
  m: number,
  n: number,
  k: number,
  r: number,
): BenchCase {
  const forward = 2 * m * r * (n + k);
  return {
    name: `lora ${direction}`,
    shape: `${m}x${n}x${k} r ${r}`,
    flops: direction === 'forward' ? forward : 2 * forward,
    bytes: 4 * (m * (2 * n + k) + r * (n + k)),
    tolerance,
    prepare: async () => {
      const bench = benchTensors(gpu, 4);
      const { recorder } = gpu;
      const [x, a, b] = [bench.random(m * k), bench.random(r * k, 0.1), bench.random(n * r)];
      const dy = bench.random(m * n);
      const [xT, bT, dyT] = [bench.upload(x), bench.upload(b), bench.upload(dy)];
      const aWeights = await makeWeights(gpu, 'f32', a, r, k);
      bench.own(aWeights.tensors);
      const [low, y, du] = [bench.zeros(m * r), bench.zeros(m * n), bench.zeros(m * r)];
      const [dA, dB, dx] = [bench.zeros(r * k), bench.zeros(n * r), bench.zeros(m * k)];
      const recordForward = (): void => {
        linear(gpu, xT, aWeights, low, { m, n: r, k });
        loraUp(gpu, low, bT, y, { m, n, r });
      };
      const recordBackward = (): void => {
        loraDu(gpu, dyT, bT, du, { m, n, r }, 2);
        const dySide = { tensor: dyT, stride: n, column: 0 };
        const dbSize = { m, narrow: r, wide: n, dStride: r, transposed: true };
        outerSum(recorder, { tensor: low, stride: r, column: 0 }, dySide, dB, dbSize, 2);
        const xSide = { tensor: xT, stride: k, column: 0 };
        const daSize = { m, narrow: r, wide: k, dStride: k };
        outerSum(recorder, { tensor: du, stride: r, column: 0 }, xSide, dA, daSize);
        linearDx(gpu, du, aWeights, dx, { m, n: r, k });
      };
      return {
        record: direction === 'forward' ? recordForward : recordBackward,
        check: async () => {
          recordForward();
          const rows = sampleRows(m, 4);
          const u = linearReference.forward(takeRows(x, k, rows), a, { m: rows.length, n: r, k });
          if (direction === 'forward') {
            const expected = linearReference.forward(u, b, { m: rows.length, n, k: r });
            return relativeError(takeRows(await bench.read(y), n, rows), expected);
          }
          recordBackward();
          const duRows = linearReference
            .dx(takeRows(dy, n, rows), b, { m: rows.length, n, k: r })
            .map((v) => 2 * v);
          const dxRows = linearReference.dx(duRows, a, { m: rows.length, n: r, k });
          // dA and dB sum over every row: a few of their columns from what the kernels themselves left in u and du
          const [duAll, lowAll] = [await bench.read(du), await bench.read(low)];
          const columns = Math.min(k, 16);
          const dAPart = linearReference.outerSum(
            duAll,
            takeColumns(x, k, k - columns, columns),
            { m, p: r, q: columns },
            1,
          );
          const dBPart = linearReference.outerSum(
            takeColumns(dy, n, n - columns, columns),
            lowAll,
            { m, p: columns, q: r },
            2,
          );
          return Math.max(
            relativeError(takeRows(lowAll, r, rows), u),
            relativeError(takeRows(duAll, r, rows), duRows),
            relativeError(takeRows(await bench.read(dx), k, rows), dxRows),
            relativeError(takeColumns(await bench.read(dA), k, k - columns, columns), dAPart),
            relativeError((await bench.read(dB)).subarray((n - columns) * r), dBPart),
          );
        },
        dispose: bench.dispose,
      };
    },
  };
}

/** The two shapes the project promises fractions of the roof for. */
export const acceptanceShapes: readonly Shape[] = [
  [256, 1536, 1536],
  [256, 8960, 1536],
  [256, 1536, 8960],
];
const productionShapes: readonly Shape[] = [
  [128, 4864, 896],
  [512, 896, 896],
  [128, 2048, 2048],
  [128, 8960, 1536],
  [128, 1536, 8960],
  [1024, 1536, 1536],
  [512, 8960, 1536],
];
const headShapes: readonly Shape[] = [
  [32, 151_936, 896],
  [32, 151_936, 1536],
];

/** What matters most first: a small budget then still answers it. */
export function linearCases(gpu: Gpu): readonly BenchCase[] {
  const both = (shapes: readonly Shape[]): BenchCase[] =>
    shapes.flatMap((shape) =>
      weightFormats.flatMap((format) => [linearCase(gpu, format, shape), linearDxCase(gpu, format, shape)]),
    );
  const halves = productVariants(gpu).slice(1);
  const inHalves = (variants: readonly ProductVariant[], shape: Shape, format: WeightFormat): BenchCase[] =>
    variants.flatMap((variant) => [
      linearCase(gpu, format, shape, variant),
      linearDxCase(gpu, format, shape, variant),
    ]);
  return [
    ...weightFormats.flatMap((format) => inHalves(halves, [512, 8960, 1536], format)),
    ...inHalves(matrixVariants(gpu), [1024, 8960, 1536], 'nf4'),
    ...inHalves(matrixVariants(gpu), [1024, 8960, 1536], 'f16'),
    ...both(acceptanceShapes),
    ...[8, 16].map((r) => loraCase(gpu, 'forward', 512, 1536, 1536, r)),
    ...[8, 16].map((r) => loraCase(gpu, 'backward', 512, 1536, 1536, r)),
    outerSumCase(gpu, 512, 8, 1536),
    outerSumCase(gpu, 512, 16, 8960),
    outerSumCase(gpu, 1024, 8960, 16),
    ...both(productionShapes),
    ...both(headShapes),
  ];
}
