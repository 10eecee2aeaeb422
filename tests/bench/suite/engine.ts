/**
 * Every touch point of the benchmark with the engine. When an engine signature changes, this file changes and the
 * suites do not.
 */
import { openDevice, type Gpu } from '../../../src/device/open-device.ts';
import type { GpuTensor, TypedArray } from '../../../src/device/gpu-memory.ts';
import { selfTest } from '../../../src/device/self-test.ts';
import { linear as engineLinear, linearDx as engineLinearDx } from '../../../src/kernels/matmul.ts';
import { createRng, type Rng } from '../../../src/support/rng.ts';
import type { BenchDevice } from '../protocol.ts';

export { adamw, gradNorm, gradNormPartials } from '../../../src/kernels/adamw.ts';
export { attention } from '../../../src/kernels/attention.ts';
export { attentionDx } from '../../../src/kernels/attention-backward.ts';
export { crossEntropy } from '../../../src/kernels/cross-entropy.ts';
export { loraDu, loraUp } from '../../../src/kernels/lora.ts';
export { outerSum } from '../../../src/kernels/matmul.ts';
export { rmsNorm, rmsNormDx } from '../../../src/kernels/rms-norm.ts';
export { rope, ropeTable } from '../../../src/kernels/rope.ts';
export { swiglu, swigluDx } from '../../../src/kernels/swiglu.ts';
export { adamwReference } from '../../../src/kernels/reference/adamw.ts';
export { attentionReference } from '../../../src/kernels/reference/attention.ts';
export { crossEntropyReference } from '../../../src/kernels/reference/cross-entropy.ts';
export { linearReference } from '../../../src/kernels/reference/linear.ts';
export { rmsNormReference } from '../../../src/kernels/reference/rms-norm.ts';
export { ropeReference } from '../../../src/kernels/reference/rope.ts';
export { swigluReference } from '../../../src/kernels/reference/swiglu.ts';
export type { Gpu, GpuTensor, Rng, TypedArray };
export { createRng };

/** Storage of frozen weights; the kernels suite loops over these. */
export const weightFormats = ['f32'] as const;
export type WeightFormat = (typeof weightFormats)[number];

/** A frozen matrix as the engine stores it. */
export interface BenchWeights {
  readonly matrix: GpuTensor;
  /** The values the kernels see: what the reference must be given. */
  readonly stored: Float32Array;
  readonly tensors: readonly GpuTensor[];
  readonly bytes: number;
}

export function makeWeights(
  { memory }: Gpu,
  format: WeightFormat,
  data: Float32Array,
  rows: number,
  columns: number,
): BenchWeights {
  const matrix = memory.from(`weights ${format}`, [rows, columns], data);
  return { matrix, stored: data, tensors: [matrix], bytes: matrix.byteSize };
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

/** Opens the device as the trainer does, kernel variants chosen by the self-test. */
export async function openEngine(): Promise<Gpu> {
  const gpu = await openDevice(navigator.gpu);
  await selfTest(gpu);
  return gpu;
}

export const deviceOf = ({ report }: Gpu): BenchDevice => ({
  adapter: report.adapter,
  isSoftware: report.isSoftware,
  features: report.features,
  maxBindingBytes: report.maxBindingBytes,
});

/** Threads per row of the row-wise kernels, as the model chooses them. */
export const rowThreads = (gpu: Gpu): 1 | 64 => (gpu.recorder.isSoftware ? 1 : 64);
