/** The definition of rotary position embedding, half-split layout (arXiv 2104.09864), in plain float64 loops. */
import { at } from './linear.ts';

/** x[rows, heads, headSize] rotated by its position; `direction` −1 is the gradient. */
export function ropeReference(
  x: ArrayLike<number>,
  positions: ArrayLike<number>,
  { heads, headSize }: { heads: number; headSize: number },
  frequencies: readonly number[], // [D / 2]
  direction: 1 | -1 = 1,
): Float64Array {
  const y = new Float64Array(x.length);
  const half = headSize / 2;
  for (let m = 0; m < positions.length; m++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < half; i++) {
        const angle = direction * at(positions, m) * at(frequencies, i);
        const first = (m * heads + h) * headSize + i;
        const [a, b] = [at(x, first), at(x, first + half)];
        y[first] = a * Math.cos(angle) - b * Math.sin(angle);
        y[first + half] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
  }
  return y;
}
