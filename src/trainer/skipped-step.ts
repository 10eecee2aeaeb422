/**
 * A step whose loss or gradient is not finite is skipped: the adapter and its moments stay as they were, to the bit. As with
 * accelerate's GradScaler (AcceleratedOptimizer, AcceleratedScheduler) the data go on, and neither the learning-rate schedule nor
 * AdamW's count of updates does: the next step has the rate and the bias correction that this one would have had.
 */
import type { SkippedStep, StepReport } from '../api/trainer-api.ts';
import type { Batch } from '../data/batch.ts';
import { TrainerError } from '../support/trainer-error.ts';

const MOST_LINES = 20; // that are named

/** Places in `rows` of those with a log-probability that is not finite. `rows`: of each micro-batch, what `window` was made of. */
export function unsoundRows(
  rows: readonly (readonly number[])[],
  window: readonly Batch[],
  logProbs: Float32Array,
): number[] {
  const found: number[] = [];
  let first = 0;
  for (const [micro, { rowTargetCounts }] of window.entries())
    for (const [i, count] of rowTargetCounts.entries()) {
      const own = logProbs.subarray(first, (first += count));
      if (!own.every(Number.isFinite)) found.push(rows[micro][i]);
    }
  return found;
}

interface Skip {
  readonly isLoss: boolean; // a log-probability was not finite; else a gradient
  readonly lines: readonly number[]; // of the rows that did it, or of all rows of the step
  readonly isNarrowed: boolean;
  readonly inARow: number;
  readonly total: number;
}

export function skippedStep({ isLoss, lines, ...skip }: Skip): SkippedStep {
  const all = [...new Set(lines)].sort((a, b) => a - b);
  return { reason: isLoss ? 'loss' : 'gradient', lines: all.slice(0, MOST_LINES), rows: all.length, ...skip };
}

/** The setting of how many may follow each other: 0 allows none, as 1 does. */
export const isTooMany = ({ inARow }: Pick<SkippedStep, 'inARow'>, most: number): boolean =>
  inARow >= Math.max(1, most);

export function skippedSentence(skipped: SkippedStep, most: number): string {
  const { isNarrowed, inARow, total } = skipped;
  const cause = isNarrowed
    ? `${linesText(skipped)}: look at ${skipped.rows === 1 ? 'that row' : 'those rows'}, or leave ${skipped.rows === 1 ? 'it' : 'them'} out`
    : `no row by itself; the step had ${linesText(skipped)}. A lower learning_rate or max_grad_norm 1 may help`;
  const count = `${total} skipped so far${inARow > 1 ? `, ${inARow} in a row` : ''}; after ${Math.max(1, most)} in a row the run stops`;
  return `Skipped: the ${skipped.reason === 'loss' ? 'loss' : 'gradient'} was not finite, so the adapter stays as it was. It comes from ${cause}. ${count}.`;
}

function linesText({ lines, rows }: SkippedStep): string {
  const more = rows > lines.length ? ` and ${rows - lines.length} more` : '';
  return `${rows === 1 ? 'line' : 'lines'} ${lines.join(', ')}${more}`;
}

/** @throws always: the last of too many */
export function tooManySkipped({ step, loss, gradNorm }: StepReport, skipped: SkippedStep): TrainerError {
  const { inARow, isNarrowed } = skipped;
  const what = `loss ${loss}, gradient norm ${gradNorm}`;
  const many = inARow > 1 ? `, the last of ${inARow} skipped in a row (max_consecutive_skipped_steps)` : '';
  const where = isNarrowed ? ` It comes from ${linesText(skipped)} of the data.` : '';
  return notFinite(step, `${what}${many}`, where);
}

export function notFinite(step: number, what: string, where = ''): TrainerError {
  return new TrainerError(
    'loss-not-finite',
    `The run stopped making sense at step ${step} (${what}).${where} Use a lower learning rate or a longer warm-up; the last sound snapshot of the adapter can be downloaded.`,
  );
}
