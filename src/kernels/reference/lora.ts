/** The definition of a LoRA-adapted linear layer's low-rank part and its gradients (arXiv 2106.09685), in float64. */
import { linearReference } from './linear.ts';

type Values = ArrayLike<number>;
interface LoraSize {
  readonly m: number;
  readonly n: number; // out features
  readonly k: number; // in features
  readonly r: number;
}

export const loraReference = {
  /** scale · (x · Aᵀ) · Bᵀ, [m, n]. */
  forward(x: Values, a: Values, b: Values, { m, n, k, r }: LoraSize, scale: number): Float64Array {
    const low = linearReference.forward(x, a, { m, n: r, k });
    return linearReference.forward(low, b, { m, n, k: r }).map((value) => value * scale);
  },

  backward(
    dy: Values,
    x: Values,
    a: Values,
    b: Values,
    { m, n, k, r }: LoraSize,
    scale: number,
  ): { dA: Float64Array; dB: Float64Array; dx: Float64Array } {
    const low = linearReference.forward(x, a, { m, n: r, k });
    const du = linearReference.dx(dy, b, { m, n, k: r }).map((value) => value * scale);
    return {
      dA: linearReference.outerSum(du, x, { m, p: r, q: k }, 1),
      dB: linearReference.outerSum(dy, low, { m, p: n, q: r }, scale),
      dx: linearReference.dx(du, a, { m, n: r, k }),
    };
  },
};
