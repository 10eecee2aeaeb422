/** The definition of Qwen3's norm of queries and keys with the rotation after it, in plain float64 loops. */
import { rmsNormReference } from './rms-norm.ts';
import { ropeReference } from './rope.ts';

type Values = ArrayLike<number>;

/** x is [rows, heads + kvHeads, headSize]: the queries of a row, then its keys. */
interface QkSize {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
}
/** What both directions share: where each row is, and the two weights [headSize]. */
interface QkTerms {
  readonly positions: Values;
  readonly frequencies: readonly number[];
  readonly qWeight: Values;
  readonly kWeight: Values;
  readonly eps: number;
}

export const qkNormRopeReference = {
  forward(x: Values, size: QkSize, { positions, frequencies, eps, ...weights }: QkTerms): Float64Array {
    const normed = perHead(x, size, weights, (head, w) =>
      rmsNormReference.forward(head, w, { rows: 1, width: size.headSize }, eps),
    );
    return ropeReference(normed, positions, allHeads(size), frequencies);
  },

  dx(
    dy: Values,
    x: Values,
    size: QkSize,
    { positions, frequencies, eps, ...weights }: QkTerms,
  ): Float64Array {
    const back = ropeReference(dy, positions, allHeads(size), frequencies, -1);
    return perHead(x, size, weights, (head, w, at) =>
      rmsNormReference.dx(
        back.subarray(at, at + size.headSize),
        head,
        w,
        { rows: 1, width: size.headSize },
        eps,
      ),
    );
  },
};

const allHeads = ({ heads, kvHeads, headSize }: QkSize): { heads: number; headSize: number } => ({
  heads: heads + kvHeads,
  headSize,
});

/** Each head of x with the weight that is its own, and where it starts. */
function perHead(
  x: Values,
  { heads, kvHeads, headSize }: QkSize,
  { qWeight, kWeight }: Pick<QkTerms, 'qWeight' | 'kWeight'>,
  compute: (head: Float64Array, weight: Values, at: number) => Float64Array,
): Float64Array {
  const values = Float64Array.from(x);
  const result = new Float64Array(values.length);
  for (let i = 0; i < values.length / headSize; i++) {
    const at = i * headSize;
    const weight = i % (heads + kvHeads) < heads ? qWeight : kWeight;
    result.set(compute(values.subarray(at, at + headSize), weight, at), at);
  }
  return result;
}
