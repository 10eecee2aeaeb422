/**
 * A few milliseconds of proof, at every start, that this GPU computes what we think: tfjs on our device, and the
 * kernel variant that was chosen, both against plain loops. A driver that is wrong fails here and not in what was trained.
 */
import * as tf from '@tensorflow/tfjs-core';
import { TrainerError } from '../support/trainer-error.ts';
import type { NoteStore } from '../host/host.ts';
import { linearReference } from '../kernels/reference/linear.ts';
import { createRng } from '../support/rng.ts';
import type { Gpu } from '../device/open-device.ts';
import { plainMatmul } from '../device/recorder.ts';
import { errorOfAttention } from './attention.ts';
import { errorOfLongRow } from './long-loops.ts';
import { distance, largestError, measureSpeed, TOLERANCE, tune } from './tuner.ts';

/** Also chooses the kernel variants and measures the GPU's speed. @throws TrainerError "self-test-failed" */
export async function selfTest(gpu: Gpu, store: NoteStore | null = null): Promise<void> {
  await tune(gpu, store);
  let worst = await largestError(gpu);
  if (!(worst <= TOLERANCE)) {
    gpu.recorder.matmul = plainMatmul; // a remembered choice that a driver update has broken
    worst = await largestError(gpu);
  }
  if (gpu.recorder.lanes > 1 && !((await errorOfAttention(gpu)) <= TOLERANCE)) gpu.recorder.lanes = 1;
  worst = Math.max(worst, await errorOfLongRows(gpu), await errorOfTfjs(gpu));
  if (!(worst <= TOLERANCE)) {
    throw new TrainerError(
      'self-test-failed',
      'This GPU computes wrong numbers in a short self-test, so training on it would be useless. Update the graphics driver or use another browser.',
      `largest error ${worst}`,
    );
  }
  await measureSpeed(gpu);
  gpu.assertHealthy();
}

/** Where a thread's long loops are cut short, many threads share a row from now on. */
async function errorOfLongRows(gpu: Gpu): Promise<number> {
  if (!gpu.recorder.isSoftware) return 0;
  const error = await errorOfLongRow(gpu);
  if (error <= TOLERANCE || gpu.recorder.rowThreads === 64) return error;
  gpu.recorder.rowThreads = 64;
  return errorOfLongRow(gpu);
}

async function errorOfTfjs({ tfjs }: Gpu): Promise<number> {
  const rng = createRng(11);
  const size = { m: 19, n: 20, k: 36 };
  const random = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => rng.next() * 2 - 1);
  const [x, w] = [random(size.m * size.k), random(size.n * size.k)];
  const product = tfjs.run(() =>
    tf.tidy(() => tf.matMul(tf.tensor2d(x, [size.m, size.k]), tf.tensor2d(w, [size.n, size.k]), false, true)),
  );
  const error = distance(await product.data(), linearReference.forward(x, w, size));
  product.dispose();
  return error;
}
