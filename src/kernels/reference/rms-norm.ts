/** The definition of RMSNorm and its gradient (arXiv 1910.07467), in plain float64 loops. */
import { at } from './linear.ts';

type Values = ArrayLike<number>;
interface Size {
  readonly rows: number;
  readonly width: number;
}

export const rmsNormReference = {
  /** y = x / sqrt(mean x² + eps) · w. */
  forward(x: Values, w: Values, { rows, width }: Size, eps: number): Float64Array {
    const y = new Float64Array(rows * width);
    for (let m = 0; m < rows; m++) {
      const inv = inverseRms(x, m, width, eps);
      for (let c = 0; c < width; c++) y[m * width + c] = at(x, m * width + c) * inv * at(w, c);
    }
    return y;
  },

  /** dx = inv · (g − x · inv² · mean(g · x)), g = dy · w. */
  dx(dy: Values, x: Values, w: Values, { rows, width }: Size, eps: number): Float64Array {
    const dx = new Float64Array(rows * width);
    for (let m = 0; m < rows; m++) {
      const inv = inverseRms(x, m, width, eps);
      let product = 0;
      for (let c = 0; c < width; c++) product += at(dy, m * width + c) * at(w, c) * at(x, m * width + c);
      for (let c = 0; c < width; c++) {
        const i = m * width + c;
        dx[i] = inv * (at(dy, i) * at(w, c) - (at(x, i) * inv * inv * product) / width);
      }
    }
    return dx;
  },
};

function inverseRms(x: Values, row: number, width: number, eps: number): number {
  let squares = 0;
  for (let c = 0; c < width; c++) squares += at(x, row * width + c) ** 2;
  return 1 / Math.sqrt(squares / width + eps);
}
