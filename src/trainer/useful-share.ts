/**
 * How much of what the device computes is for tokens of the data. Rows lie end to end and none is padded, so what is
 * computed in vain is only the rest of a product's last tile of rows, once per micro-batch.
 */
import { workgroupTile } from '../kernels/matmul-workgroup.ts';
import type { BatchPlan } from './batch-plan.ts';
import type { RowPiece } from './held-out.ts';

export interface UsefulShare {
  readonly tokens: number; // positions of rows in one epoch: a row of n tokens has n − 1
  readonly processed: number; // the same with every micro-batch rounded up to whole tiles
}

/** Of the first epoch, by the widest tile there is; narrower ones waste less. */
export function usefulShare(examples: readonly Pick<RowPiece, 'tokens'>[], batches: BatchPlan): UsefulShare {
  let tokens = 0;
  let processed = 0;
  for (let step = 0; step < batches.stepsPerEpoch; step++)
    for (const rows of batches.window(step)) {
      const positions = rows.reduce((sum, row) => sum + examples[row].tokens.length - 1, 0);
      tokens += positions;
      processed += workgroupTile * Math.ceil(positions / workgroupTile);
    }
  return { tokens, processed };
}
