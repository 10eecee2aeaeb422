/**
 * tfjs as the tensor runtime on our device: the only file that knows it. Its core, its WebGPU backend and the one operation that
 * the self-test asks of it: layers, other backends and the other operations would be three quarters of what a worker loads.
 *
 * Its WebGPU backend is registered under a name of our own and made current only while our ops run, so that a page that
 * embeds the trainer keeps its own tfjs as it was: backend, flags and default device.
 */
import * as tf from '@tensorflow/tfjs-core';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu/dist/base';
import { batchMatMulConfig } from '@tensorflow/tfjs-backend-webgpu/dist/kernels/BatchMatMul';
import type { GpuTensor } from './gpu-memory.ts';

export interface TfjsRuntime {
  /**
   * A tfjs tensor on the same buffer, without a copy. tfjs caches what it reads, so a tensor that our kernels change in
   * place must be wrapped anew for each tfjs read. Caller disposes.
   */
  tensorOf(tensor: GpuTensor): tf.Tensor;
  /** Runs tfjs ops on our device. They are recorded when it returns; results are read with their own `data()`. */
  run<T>(ops: () => T): T;
  /**
   * For a program that is ours as a whole, such as a benchmark of tfjs: our device stays tfjs's current one, with all
   * operations that the program has loaded.
   */
  makeCurrent(): void;
  /** Forgets the backend. Tensors that are still held can be disposed after it. */
  dispose(): void;
}

/** Flags that are process-wide in tfjs: they hold while our ops run. */
const flags = {
  WEBGPU_CPU_FORWARD: false, // otherwise small tensors never touch the GPU
  WEBGPU_MATMUL_PROGRAM_TYPE: 3, // the split-K program is wrong for inner sizes >= 2000
} as const;

/** The parts of tfjs's engine that say what is current. `backendName` is undefined before anybody has used tfjs. */
interface CurrentBackend {
  backendName: string | undefined;
  backendInstance: unknown;
}

let count = 0;

export function openTfjs(device: GPUDevice, info: GPUAdapterInfo): TfjsRuntime {
  const name = `alttrain-webgpu-${++count}`;
  // Two copies of @webgpu/types (ours and the one inside tfjs) are structurally the same device.
  const backend = new WebGPUBackend(device, info);
  tf.registerBackend(name, () => backend, 0); // never chosen by itself
  tf.registerKernel({ ...batchMatMulConfig, backendName: name });
  const engine = tf.engine() as unknown as CurrentBackend;
  const makeCurrent = (): void => {
    for (const [flag, value] of Object.entries(flags)) tf.env().set(flag, value);
    void tf.setBackend(name); // at once: the backend is there already
  };
  return {
    tensorOf: (tensor) => {
      if (tensor.byteOffset !== 0) throw new RangeError(`tfjs cannot see a view: "${tensor.label}"`);
      return backend.createTensorFromGPUData(
        { buffer: tensor.buffer, zeroCopy: true },
        [...tensor.shape],
        tensor.dtype === 'f32' ? 'float32' : 'int32',
      );
    },
    run(ops) {
      const before = { backendName: engine.backendName, backendInstance: engine.backendInstance };
      const flagsBefore = Object.keys(flags).map((flag) => [flag, tf.env().get(flag)] as const);
      makeCurrent();
      try {
        return ops();
      } finally {
        // Not setBackend: it would open a device for a tfjs that nobody has used yet.
        Object.assign(engine, before);
        for (const [flag, value] of flagsBefore) tf.env().set(flag, value);
      }
    },
    makeCurrent() {
      for (const kernel of tf.getKernelsForBackend('webgpu'))
        if (tf.getKernel(kernel.kernelName, name) === undefined)
          tf.registerKernel({ ...kernel, backendName: name });
      makeCurrent();
    },
    dispose() {
      for (const { kernelName } of tf.getKernelsForBackend(name)) tf.unregisterKernel(kernelName, name);
      tf.removeBackend(name);
    },
  };
}
