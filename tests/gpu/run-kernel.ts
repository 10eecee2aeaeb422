/** Runs kernels on plain arrays: uploads, runs, reads back, disposes. */
import type { Gpu } from '../../src/device/open-device.ts';
import type { GpuTensor } from '../../src/device/gpu-memory.ts';
import type { Rng } from '../../src/support/rng.ts';

export const F32 = 2e-5; // float32 sums of up to a few thousand terms, relative to the largest entry

export interface KernelRunner {
  /** Values in [−scale, scale). */
  readonly random: (count: number, scale?: number) => Float32Array;
  readonly onGpu: (
    inputs: Record<string, Float32Array | Uint32Array | Int32Array>,
    run: (tensors: Record<string, GpuTensor>) => void,
    outputs: readonly string[],
  ) => Promise<Record<string, Float32Array>>;
}

export function kernelRunner(gpu: Gpu, rng: Rng): KernelRunner {
  const { memory, recorder } = gpu;
  return {
    random: (count, scale = 1) => Float32Array.from({ length: count }, () => (rng.next() * 2 - 1) * scale),
    onGpu: async (inputs, run, outputs) => {
      const tensors = Object.fromEntries(
        Object.entries(inputs).map(([name, data]) => [name, memory.from(name, [data.length], data)]),
      );
      run(tensors);
      recorder.submit();
      const results: Record<string, Float32Array> = {};
      for (const name of outputs) results[name] = await memory.readFloat32(tensors[name]);
      recorder.forgetBindGroups();
      memory.dispose(Object.values(tensors));
      return results;
    },
  };
}

export const t = (tensors: Record<string, GpuTensor>, name: string): GpuTensor => {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  return tensor;
};
