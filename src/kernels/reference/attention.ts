/** The definition of causal grouped-query attention with segments, and its gradient, in plain float64 loops. */
import { at } from './linear.ts';

type Values = ArrayLike<number>;
interface AttentionSize {
  readonly m: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
}

/** qkv[m, (H + 2K)·D] with queries, keys, values side by side; row i sees keys segmentStarts[i] … i. */
export const attentionReference = {
  forward(qkv: Values, segmentStarts: Values, size: AttentionSize): Float64Array {
    const { m, heads, headSize } = size;
    const o = new Float64Array(m * heads * headSize);
    forEachQuery(size, segmentStarts, (i, h, columns, start) => {
      const p = probabilities(qkv, i, start, columns, size);
      p.forEach((weight, n) => {
        for (let d = 0; d < headSize; d++) {
          const out = (i * heads + h) * headSize + d;
          o[out] = at(o, out) + weight * at(qkv, (start + n) * columns.stride + columns.v + d);
        }
      });
    });
    return o;
  },

  /** dQkv from dO[m, H·D]. */
  dx(dO: Values, qkv: Values, segmentStarts: Values, size: AttentionSize): Float64Array {
    const { heads, headSize } = size;
    const scale = 1 / Math.sqrt(headSize);
    const dQkv = new Float64Array(qkv.length);
    const add = (index: number, value: number): void => {
      dQkv[index] = at(dQkv, index) + value;
    };
    forEachQuery(size, segmentStarts, (i, h, { stride, q, k, v }, start) => {
      const p = probabilities(qkv, i, start, { stride, q, k, v }, size);
      const dP = p.map((_, n) => {
        let sum = 0;
        for (let d = 0; d < headSize; d++)
          sum += at(dO, (i * heads + h) * headSize + d) * at(qkv, (start + n) * stride + v + d);
        return sum;
      });
      const mean = p.reduce((sum, weight, n) => sum + weight * dP[n], 0);
      p.forEach((weight, n) => {
        const dS = weight * (dP[n] - mean) * scale;
        const row = (start + n) * stride;
        for (let d = 0; d < headSize; d++) {
          add(i * stride + q + d, dS * at(qkv, row + k + d));
          add(row + k + d, dS * at(qkv, i * stride + q + d));
          add(row + v + d, weight * at(dO, (i * heads + h) * headSize + d));
        }
      });
    });
    return dQkv;
  },
};

interface Columns {
  readonly stride: number;
  readonly q: number;
  readonly k: number;
  readonly v: number;
}

function forEachQuery(
  { m, heads, kvHeads, headSize }: AttentionSize,
  segmentStarts: Values,
  visit: (row: number, head: number, columns: Columns, start: number) => void,
): void {
  const stride = (heads + 2 * kvHeads) * headSize;
  for (let i = 0; i < m; i++) {
    for (let h = 0; h < heads; h++) {
      const group = Math.floor(h / (heads / kvHeads));
      const columns = {
        stride,
        q: h * headSize,
        k: (heads + group) * headSize,
        v: (heads + kvHeads + group) * headSize,
      };
      visit(i, h, columns, at(segmentStarts, i));
    }
  }
}

function probabilities(
  qkv: Values,
  i: number,
  start: number,
  { stride, q, k }: Columns,
  { headSize }: AttentionSize,
): number[] {
  const scores: number[] = [];
  for (let j = start; j <= i; j++) {
    let dot = 0;
    for (let d = 0; d < headSize; d++) dot += at(qkv, i * stride + q + d) * at(qkv, j * stride + k + d);
    scores.push(dot / Math.sqrt(headSize));
  }
  const highest = Math.max(...scores);
  const exps = scores.map((score) => Math.exp(score - highest));
  const total = exps.reduce((sum, value) => sum + value, 0);
  return exps.map((value) => value / total);
}
