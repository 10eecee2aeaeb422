/** The definition of SwiGLU and its gradient (arXiv 2002.05202), in plain float64 loops. */
import { at } from './linear.ts';

type Values = ArrayLike<number>;
interface Size {
  readonly m: number;
  readonly f: number;
}
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export const swigluReference = {
  /** h[m, f] = silu(g) · p of gateUp[m, 2f] = [g | p]. */
  forward(gateUp: Values, { m, f }: Size): Float64Array {
    const h = new Float64Array(m * f);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < f; j++) {
        const g = at(gateUp, i * 2 * f + j);
        h[i * f + j] = g * sigmoid(g) * at(gateUp, i * 2 * f + f + j);
      }
    }
    return h;
  },

  dx(dh: Values, gateUp: Values, { m, f }: Size): Float64Array {
    const d = new Float64Array(m * 2 * f);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < f; j++) {
        const g = at(gateUp, i * 2 * f + j);
        const s = sigmoid(g);
        d[i * 2 * f + j] = at(dh, i * f + j) * at(gateUp, i * 2 * f + f + j) * s * (1 + g * (1 - s));
        d[i * 2 * f + f + j] = at(dh, i * f + j) * g * s;
      }
    }
    return d;
  },
};
