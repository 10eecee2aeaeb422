/**
 * Supervised fine-tuning: the mean cross-entropy of the trained tokens, each with its weight.
 *
 *   loss = Σ weight · −log p / Σ weight,   over all targets of the optimizer step
 *
 * Normalised by tokens, as transformers does: a row counts with its targets, and weight 2 is the row twice in the step.
 * Only the ratio of weights within a step matters; without weights this is transformers' loss to the bit.
 */
import type { Batch } from '../data/batch.ts';
import type { FixedObjective } from './objective.ts';

export const sft: FixedObjective = {
  name: 'sft',
  kind: 'fixed',

  coefficients(batch, microBatches) {
    const total = microBatches.reduce((sum, one) => sum + weightOf(one), 0);
    const { weights, targetCount } = batch;
    if (weights === null) return new Float32Array(targetCount).fill(-1 / total);
    return weights.map((weight) => -weight / total);
  },

  measure({ batch, logProbs }, sums) {
    const loss = sums.of('loss');
    const { weights } = batch;
    logProbs.forEach((logProb, i) => (loss.sum -= weights === null ? logProb : weights[i] * logProb));
    loss.weight += weightOf(batch);
  },
};

const weightOf = ({ weights, targetCount }: Batch): number =>
  weights === null ? targetCount : weights.reduce((sum, weight) => sum + weight, 0);
