/** The definition of softmax cross-entropy and its gradient, in plain float64 loops. */
import { at } from './linear.ts';

/** losses[row] = logsumexp(logits[row]) − logits[row][target]; dLogits = (softmax − onehot) · scale. */
export function crossEntropyReference(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  vocab: number,
  scale: number,
): { readonly losses: Float64Array; readonly dLogits: Float64Array } {
  const losses = new Float64Array(targets.length);
  const dLogits = new Float64Array(logits.length);
  for (let row = 0; row < targets.length; row++) {
    let highest = -Infinity;
    for (let v = 0; v < vocab; v++) highest = Math.max(highest, at(logits, row * vocab + v));
    let total = 0;
    for (let v = 0; v < vocab; v++) total += Math.exp(at(logits, row * vocab + v) - highest);
    const target = at(targets, row);
    losses[row] = Math.log(total) + highest - at(logits, row * vocab + target);
    for (let v = 0; v < vocab; v++) {
      const p = Math.exp(at(logits, row * vocab + v) - highest) / total;
      dLogits[row * vocab + v] = (p - (v === target ? 1 : 0)) * scale;
    }
  }
  return { losses, dLogits };
}
