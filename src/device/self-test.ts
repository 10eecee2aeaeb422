/**
 * A few milliseconds of proof, at every start, that this adapter computes what we think: our linear kernels against
 * tfjs on the same device and both against plain loops. A driver that is wrong fails here and not in an adapter.
 */
import * as tf from '@tensorflow/tfjs';
import { TrainerError } from '../api/trainer-error.ts';
import { linear, linearDx } from '../kernels/matmul.ts';
import { subgroupSizes } from '../kernels/matmul-subgroup.ts';
import { linearReference } from '../kernels/reference/linear.ts';
import { createRng } from '../support/rng.ts';
import type { Gpu } from './open-device.ts';

const TOLERANCE = 1e-4; // 36-term float32 dot products of values in [-1, 1]

/**
 * Also decides whether the subgroup variants are used: only where they compute the same.
 * @throws TrainerError "self-test-failed"
 */
export async function selfTest(gpu: Gpu): Promise<void> {
  const { recorder } = gpu;
  recorder.subgroupSize = null;
  const worst = await largestError(gpu, true);
  if (!(worst <= TOLERANCE)) {
    throw new TrainerError(
      'self-test-failed',
      'This graphics adapter computes wrong numbers in a short self-test, so training on it would be useless. Update the graphics driver or use another browser.',
      `largest error ${worst}`,
    );
  }
  if (gpu.subgroupSize !== null && subgroupSizes.includes(gpu.subgroupSize)) {
    recorder.subgroupSize = gpu.subgroupSize;
    if (!((await largestError(gpu, false)) <= TOLERANCE)) recorder.subgroupSize = null;
  }
  gpu.assertHealthy();
}

async function largestError({ memory, recorder }: Gpu, withTfjs: boolean): Promise<number> {
  const rng = createRng(7);
  const [m, n, k] = [19, 20, 36];
  const random = (count: number): Float32Array =>
    Float32Array.from({ length: count }, () => rng.next() * 2 - 1);
  const [x, w, dy] = [random(m * k), random(n * k), random(m * n)];
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
    const expected = linearReference.forward(x, w, { m, n, k });
    const errors = [
      distance(await memory.readFloat32(tensors.y), expected),
      distance(await memory.readFloat32(tensors.dx), linearReference.dx(dy, w, { m, n, k })),
    ];
    if (withTfjs) {
      const product = tf.tidy(() => tf.matMul(tf.tensor2d(x, [m, k]), tf.tensor2d(w, [n, k]), false, true));
      errors.push(distance(await product.data(), expected));
      product.dispose();
    }
    return Math.max(...errors);
  } finally {
    recorder.forgetBindGroups();
    memory.dispose(Object.values(tensors));
  }
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs((a[i] ?? Number.NaN) - b[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}
