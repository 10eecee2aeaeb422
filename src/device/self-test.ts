/**
 * A few milliseconds of proof, at every start, that this adapter computes what we think: our linear kernels against
 * tfjs on the same device and both against plain loops. A driver that is wrong fails here and not in an adapter.
 */
import * as tf from '@tensorflow/tfjs';
import { TrainerError } from '../api/trainer-error.ts';
import { linear, linearDx } from '../kernels/matmul.ts';
import { linearReference } from '../kernels/reference/linear.ts';
import { createRng } from '../support/rng.ts';
import type { Gpu } from './open-device.ts';

const TOLERANCE = 1e-4; // 36-term float32 dot products of values in [-1, 1]

/** @throws TrainerError "self-test-failed" */
export async function selfTest(gpu: Gpu): Promise<void> {
  const rng = createRng(7);
  const [m, n, k] = [7, 20, 36];
  const random = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => rng.next() * 2 - 1);
  const [x, w, dy] = [random(m * k), random(n * k), random(m * n)];
  const { memory, recorder } = gpu;
  const tensors = {
    x: memory.from('self-test x', [m, k], x),
    w: memory.from('self-test w', [n, k], w),
    dy: memory.from('self-test dy', [m, n], dy),
    y: memory.alloc('self-test y', [m, n]),
    dx: memory.alloc('self-test dx', [m, k]),
  };
  try {
    linear(recorder, tensors.x, tensors.w, tensors.y, { m, n, k });
    linearDx(recorder, tensors.dy, tensors.w, tensors.dx, { m, n, k });
    recorder.submit();
    const ours = await memory.readFloat32(tensors.y);
    const dx = await memory.readFloat32(tensors.dx);
    const theirs = tf.tidy(() => tf.matMul(tf.tensor2d(x, [m, k]), tf.tensor2d(w, [n, k]), false, true));
    const tfjs = await theirs.data();
    theirs.dispose();
    const expected = linearReference.forward(x, w, { m, n, k });
    const expectedDx = linearReference.dx(dy, w, { m, n, k });
    const worst = Math.max(distance(ours, expected), distance(tfjs, expected), distance(dx, expectedDx));
    if (!(worst <= TOLERANCE)) {
      throw new TrainerError(
        'self-test-failed',
        'This graphics adapter computes wrong numbers in a short self-test, so training on it would be useless. Update the graphics driver or use another browser.',
        `largest error ${worst}`,
      );
    }
  } finally {
    recorder.forgetBindGroups();
    memory.dispose(Object.values(tensors));
  }
  gpu.assertHealthy();
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs((a[i] ?? Number.NaN) - (b[i]));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}
