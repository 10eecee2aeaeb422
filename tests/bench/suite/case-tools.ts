/** What the cases share: random tensors that are disposed together, and samples of rows for the references. */
import type { Gpu, GpuTensor, Rng, TypedArray } from './engine.ts';
import { createRng } from './engine.ts';

export interface Bench {
  readonly gpu: Gpu;
  readonly random: (count: number, scale?: number) => Float32Array;
  readonly upload: (data: TypedArray) => GpuTensor;
  readonly zeros: (count: number) => GpuTensor;
  readonly own: (tensors: readonly GpuTensor[]) => void;
  readonly read: (tensor: GpuTensor) => Promise<Float32Array>;
  readonly dispose: () => void;
}

/** A case's own tensors. `checked` allocation, so that a matrix too large for the GPU is a plain error. */
export function benchTensors(gpu: Gpu, seed: number): Bench {
  const { memory, recorder } = gpu;
  const rng: Rng = createRng(seed);
  const owned: GpuTensor[] = [];
  const keep = (tensor: GpuTensor): GpuTensor => {
    owned.push(tensor);
    return tensor;
  };
  return {
    gpu,
    random: (count, scale = 1) => {
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++) values[i] = (rng.next() * 2 - 1) * scale;
      return values;
    },
    upload: (data) => keep(memory.from('bench', [data.length], data)),
    zeros: (count) => keep(memory.alloc('bench', [count])),
    own: (tensors) => owned.push(...tensors),
    read: async (tensor) => {
      recorder.submit();
      return memory.readFloat32(tensor);
    },
    dispose: () => {
      recorder.forgetBindGroups();
      memory.dispose(owned);
    },
  };
}

/** `count` row numbers spread over all, the first and the last among them. */
export function sampleRows(rows: number, count: number): number[] {
  const picked = Math.min(rows, count);
  return Array.from({ length: picked }, (_, i) =>
    picked === 1 ? 0 : Math.round((i * (rows - 1)) / (picked - 1)),
  );
}

/** Those rows, one after another. */
export function takeRows(data: Float32Array, width: number, rows: readonly number[]): Float32Array {
  const taken = new Float32Array(rows.length * width);
  rows.forEach((row, i) => taken.set(data.subarray(row * width, (row + 1) * width), i * width));
  return taken;
}

/** Columns [first, first + count) of every row. */
export function takeColumns(data: Float32Array, width: number, first: number, count: number): Float32Array {
  const rows = data.length / width;
  const taken = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++)
    taken.set(data.subarray(row * width + first, row * width + first + count), row * count);
  return taken;
}
