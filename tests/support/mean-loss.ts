/** The mean cross-entropy of a step, said to a training pass directly: what it was before objectives had names. */
import type { Batch } from '../../src/data/batch.ts';

/** dLoss / dLogProb of every target of `batch`, of the mean over `total` targets. */
export const meanCoefficients = (batch: Batch, total = batch.targetCount): Float32Array =>
  new Float32Array(batch.targetCount).fill(-1 / total);

/** Σ −log p. */
export const lossSumOf = (logProbs: Float32Array): number =>
  logProbs.reduce((sum, logProb) => sum - logProb, 0);
