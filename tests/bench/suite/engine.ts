/**
 * Every touch point of the benchmark with the engine. When an engine signature changes, this file changes and the
 * suites do not.
 */
import { openDevice, type Gpu } from '../../../src/device/open-device.ts';
import type { GpuTensor, TypedArray } from '../../../src/device/gpu-memory.ts';
import { plainMatmul, type MatrixTile } from '../../../src/device/recorder.ts';
import { matrixTiles, mostScaledRows, tuneHalves } from '../../../src/self-test/precision.ts';
import { selfTest } from '../../../src/self-test/self-test.ts';
import { linear as engineLinear, linearDx as engineLinearDx } from '../../../src/kernels/matmul.ts';
import { quantise } from '../../../src/kernels/quantise.ts';
import { dequantiseReference } from '../../../src/kernels/reference/quantise.ts';
import {
  allocWeights,
  scaleRows,
  storedColumns,
  weightFormats,
  weightTensors,
  type WeightFormat,
  type WeightMatrix,
} from '../../../src/kernels/weight-matrix.ts';
import { mostPanelBytes } from '../../../src/kernels/weight-panel.ts';
import { createRng, type Rng } from '../../../src/support/rng.ts';
import type { BenchDevice } from '../protocol.ts';

export { adamw, gradNorm, gradNormPartials, gradNormStats } from '../../../src/kernels/adamw.ts';
export { attention } from '../../../src/kernels/attention.ts';
export { attentionDx } from '../../../src/kernels/attention-backward.ts';
export { crossEntropy } from '../../../src/kernels/cross-entropy.ts';
export { outerSum } from '../../../src/kernels/outer-sum.ts';
export { rmsNorm, rmsNormDx } from '../../../src/kernels/rms-norm.ts';
export { rope, ropeTable } from '../../../src/kernels/rope.ts';
export { swiglu, swigluDx } from '../../../src/kernels/swiglu.ts';
export { adamwReference } from '../../../src/kernels/reference/adamw.ts';
export { attentionReference } from '../../../src/kernels/reference/attention.ts';
export { crossEntropyReference } from '../../../src/kernels/reference/cross-entropy.ts';
export { linearReference } from '../../../src/kernels/reference/linear.ts';
export { rmsNormReference } from '../../../src/kernels/reference/rms-norm.ts';
export { ropeFrequencies } from '../../../src/model/rope-frequencies.ts';
export { ropeReference } from '../../../src/kernels/reference/rope.ts';
export { swigluReference } from '../../../src/kernels/reference/swiglu.ts';
export type { Gpu, GpuTensor, Rng, TypedArray };
export { createRng };

/** Storage of frozen weights; the kernels suite loops over these. */
export { weightFormats, type WeightFormat };

/** A frozen matrix as the engine stores it. */
export interface BenchWeights {
  readonly matrix: WeightMatrix;
  /** The values the kernels see: what the reference must be given. */
  readonly stored: Float32Array;
  readonly tensors: readonly GpuTensor[];
}

/** Decoded panels are used as in a run. Caller disposes `tensors`. */
export async function makeWeights(
  gpu: Gpu,
  format: WeightFormat,
  data: Float32Array,
  rows: number,
  columns: number,
): Promise<BenchWeights> {
  const { memory, recorder } = gpu;
  recorder.panel ??= memory.alloc('panel of decoded weights', [mostPanelBytes / 4]);
  const matrix = allocWeights(memory, `weights ${format}`, format, rows, columns);
  const stored = new Float32Array(rows * columns);
  for (const block of matrix.blocks) {
    const part = data.subarray(block.firstRow * columns, (block.firstRow + block.rows) * columns);
    const staging = memory.from('staging', [block.rows, columns], part);
    quantise(recorder, staging, { rows: block.rows, columns }, matrix, block.firstRow);
    recorder.submit();
    const words = await memory.readUint32(block.data);
    const scales = block.scales === null ? new Uint32Array() : await memory.readUint32(block.scales);
    const layout = {
      rows: block.rows,
      columns,
      stored: storedColumns(format, columns),
      scaleStride: scaleRows(block.rows),
    };
    stored.set(dequantiseReference(format, words, scales, layout), block.firstRow * columns);
    recorder.forgetBindGroups();
    memory.dispose([staging]);
  }
  return { matrix, stored, tensors: weightTensors(matrix) };
}

interface LinearSize {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}
export function linear(gpu: Gpu, x: GpuTensor, w: BenchWeights, y: GpuTensor, size: LinearSize): void {
  engineLinear(gpu.recorder, x, w.matrix, y, size);
}
export function linearDx(gpu: Gpu, dy: GpuTensor, w: BenchWeights, dx: GpuTensor, size: LinearSize): void {
  engineLinearDx(gpu.recorder, dy, w.matrix, dx, size);
}

export interface ProductVariant {
  readonly name: string;
  readonly variant: Gpu['recorder']['matmul'];
}

/** How the matrix products of a step can be computed here: as the self-test chose, and in half precision. */
export function productVariants(gpu: Gpu): readonly ProductVariant[] {
  const chosen = { name: 'products in float32', variant: gpu.recorder.matmul };
  if (gpu.recorder.isSoftware) return [chosen];
  const half = { ...plainMatmul, workgroup: true, f16: true };
  const found = halvesOf.get(gpu);
  return [
    chosen,
    ...(gpu.device.features.has('shader-f16') ? [{ name: 'forward products in halves', variant: half }] : []),
    ...(found === undefined || found.matrix === null
      ? []
      : [{ name: `products on matrix units ${tileName(found.matrix)}`, variant: found }]),
  ];
}

const halvesOf = new WeakMap<Gpu, Gpu['recorder']['matmul']>();

/** Every tile of matrix units that the GPU can run. */
export const matrixVariants = (gpu: Gpu): readonly ProductVariant[] =>
  gpu.recorder.isSoftware
    ? []
    : matrixTiles(gpu).map((matrix) => ({
        name: `matrix ${tileName(matrix)}`,
        variant: { ...plainMatmul, workgroup: true, f16: true, matrix },
      }));

const tileName = ({ rows, columns, subgroupRows, subgroupColumns }: MatrixTile): string =>
  `${rows}x${columns}/${subgroupRows}x${subgroupColumns}`;

/** Opens the device as the trainer does, kernel variants chosen by the self-test. */
export async function openEngine(): Promise<Gpu> {
  const gpu = await openDevice(navigator.gpu);
  await selfTest(gpu);
  gpu.recorder.expectWork(Infinity); // what is measured is a long run
  if (!gpu.recorder.isSoftware) {
    const tuning = await tuneHalves(gpu);
    if (tuning !== null) halvesOf.set(gpu, tuning.variant);
    gpu.recorder.rowScales = gpu.memory.alloc('scales of rows', [mostScaledRows]);
  }
  return gpu;
}

export const deviceOf = ({ report }: Gpu): BenchDevice => ({
  gpu: report.gpu,
  isSoftware: report.isSoftware,
  features: report.features,
  maxBindingBytes: report.maxBindingBytes,
});

/** Threads per row of the row-wise kernels, as the model chooses them. */
export const rowThreads = (gpu: Gpu): 1 | 64 => gpu.recorder.rowThreads;

/** y = low · Bᵀ, by itself: in a step it is part of the frozen product. */
export function loraUp(
  gpu: Gpu,
  low: GpuTensor, // [M, R]
  b: GpuTensor, // [N, R]
  y: GpuTensor, // [M, N]
  { m, n, r }: { readonly m: number; readonly n: number; readonly r: number },
): void {
  engineLinear(gpu.recorder, low, b, y, { m, n, k: r });
}

/** du = scale · dy · B */
export function loraDu(
  gpu: Gpu,
  dy: GpuTensor,
  b: GpuTensor,
  du: GpuTensor,
  { m, n, r }: { readonly m: number; readonly n: number; readonly r: number },
  scale: number,
): void {
  engineLinearDx(gpu.recorder, dy, b, du, { m, n, k: r }, { scale });
}
