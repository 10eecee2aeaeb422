/** The definition of a target's log-probability and its gradient, in plain float64 loops. */
import { at } from './linear.ts';

/** logProbs[row] = logits[row][target] − logsumexp(logits[row]); dLogits = (onehot − softmax) · coefficients[row]. */
export function crossEntropyReference(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  vocab: number,
  coefficients: ArrayLike<number>,
): { readonly logProbs: Float64Array; readonly dLogits: Float64Array } {
  const logProbs = new Float64Array(targets.length);
  const dLogits = new Float64Array(logits.length);
  for (let row = 0; row < targets.length; row++) {
    let highest = -Infinity;
    for (let v = 0; v < vocab; v++) highest = Math.max(highest, at(logits, row * vocab + v));
    let total = 0;
    for (let v = 0; v < vocab; v++) total += Math.exp(at(logits, row * vocab + v) - highest);
    const target = at(targets, row);
    logProbs[row] = at(logits, row * vocab + target) - (Math.log(total) + highest);
    for (let v = 0; v < vocab; v++) {
      const p = Math.exp(at(logits, row * vocab + v) - highest) / total;
      dLogits[row * vocab + v] = ((v === target ? 1 : 0) - p) * at(coefficients, row);
    }
  }
  return { logProbs, dLogits };
}
