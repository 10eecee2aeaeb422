/**
 * Rows laid end to end in one flat stream, without padding. Attention is kept inside a row by its segment,
 * positions start again at 0 in every row: packed and unpacked give the same loss.
 */
import type { TokenizedExample } from './mask.ts';

/** M positions: a row of n tokens gives n − 1, each token predicting the next. */
export interface Batch {
  readonly inputs: Uint32Array; // [M] token ids
  readonly targets: Int32Array; // [M] id of the next token, −1 where it is not trained
  readonly positions: Uint32Array; // [M] within the row
  readonly segmentStarts: Uint32Array; // [M] the token's own row is [start, end) of the stream
  readonly segmentEnds: Uint32Array;
  readonly tokenCount: number; // M
  readonly targetCount: number; // targets that are not −1
  readonly rowTargetCounts: readonly number[]; // of each row, in their order; they add up to targetCount
  readonly weights: Float32Array | null; // [targetCount], in the order of targets; null: all are 1
}

export function toBatch(examples: readonly TokenizedExample[]): Batch {
  const tokenCount = examples.reduce((sum, { tokens }) => sum + Math.max(0, tokens.length - 1), 0);
  const inputs = new Uint32Array(tokenCount);
  const targets = new Int32Array(tokenCount).fill(-1);
  const positions = new Uint32Array(tokenCount);
  const segmentStarts = new Uint32Array(tokenCount);
  const segmentEnds = new Uint32Array(tokenCount);
  const rowTargetCounts: number[] = [];
  let targetCount = 0;
  let start = 0;
  for (const { tokens, isTarget } of examples) {
    const before = targetCount;
    const end = start + Math.max(0, tokens.length - 1);
    for (let t = 0; start + t < end; t++) {
      inputs[start + t] = tokens[t];
      positions[start + t] = t;
      if (isTarget[t + 1] === 1) {
        targets[start + t] = tokens[t + 1];
        targetCount++;
      }
    }
    segmentStarts.fill(start, start, end);
    segmentEnds.fill(end, start, end);
    rowTargetCounts.push(targetCount - before);
    start = end;
  }
  return {
    inputs,
    targets,
    positions,
    segmentStarts,
    segmentEnds,
    tokenCount,
    targetCount,
    rowTargetCounts,
    weights: weightsOf(examples, targetCount),
  };
}

function weightsOf(examples: readonly TokenizedExample[], targetCount: number): Float32Array | null {
  if (examples.every(({ weights = null }) => weights === null)) return null;
  const all = new Float32Array(targetCount);
  let next = 0;
  for (const { isTarget, weights } of examples)
    for (let t = 1; t < isTarget.length; t++) if (isTarget[t] === 1) all[next++] = weights?.[t] ?? 1;
  return all;
}
