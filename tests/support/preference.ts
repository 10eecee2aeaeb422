/**
 * An objective that the project does not have yet, to show that it needs nothing below src/objectives: DPO's sigmoid loss
 * (arXiv 2305.18290). Rows come in pairs, the chosen one first; the reference is the model without its adapter.
 *
 *   gain of a row = Σ over its targets of (log p − log p of the base),   margin = β · (gain chosen − gain rejected)
 *   loss = mean over pairs of −log σ(margin),   dLoss / dLogProb = ∓ β · σ(−margin) / pairs
 */
import type { Batch } from '../../src/data/batch.ts';
import type { ScoredBatch, ScoredObjective } from '../../src/objectives/objective.ts';

const pairsOf = ({ rowTargetCounts }: Batch): number => rowTargetCounts.length / 2;

export function marginsOf({ batch, logProbs, baseLogProbs }: ScoredBatch, beta: number): number[] {
  let next = 0;
  const gains = batch.rowTargetCounts.map((count) => {
    let gain = 0;
    for (const end = next + count; next < end; next++) gain += logProbs[next] - (baseLogProbs?.[next] ?? NaN);
    return gain;
  });
  return Array.from({ length: pairsOf(batch) }, (_, pair) => beta * (gains[2 * pair] - gains[2 * pair + 1]));
}

export const preference = (beta: number): ScoredObjective => ({
  name: 'preference',
  kind: 'scored',
  needsBase: true,

  coefficients(scored, microBatches) {
    const { rowTargetCounts } = scored.batch;
    const pairs = microBatches.reduce((sum, batch) => sum + pairsOf(batch), 0);
    const pulls = marginsOf(scored, beta).map((margin) => beta / (1 + Math.exp(margin)) / pairs);
    return Float32Array.from(
      rowTargetCounts.flatMap((count, row) => {
        const pull = pulls[Math.floor(row / 2)];
        return Array.from({ length: count }, () => (row % 2 === 0 ? -pull : pull));
      }),
    );
  },

  measure(scored, sums) {
    for (const margin of marginsOf(scored, beta)) {
      const add = (name: string, value: number): void => {
        const own = sums.of(name);
        own.sum += value;
        own.weight += 1;
      };
      add('loss', Math.log1p(Math.exp(-margin)));
      add('margin', margin);
      add('accuracy', margin > 0 ? 1 : 0);
    }
  },
});
