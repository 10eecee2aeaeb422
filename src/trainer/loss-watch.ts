/**
 * Does a run diverge? Its losses are compared with what it began with:
 *
 *   start = mean loss of the first 3 steps;  bound = start + max(1, start / 2)
 *   diverging = each of the last 20 steps above the bound
 *
 * A step of the first three that jumps far above those before it is no part of the start, and counts as above the bound.
 *
 * The first three, because a learning rate that is far too high has ruined the adapter a few steps later, and the warm-up
 * keeps them near the base. One nat per token more is a perplexity e times as high; half of the start above it is beyond
 * what batches differ by. Twenty steps in a row, because hard batches are no trend: with steps of a single row whose losses spread by
 * 0.6 nats, ten in a row were found once in 100,000 steps. A run is not stopped for it: a high
 * loss can come down again, and only the user knows whether it may.
 */
import { divergenceBound, jumpBound } from '../support/loss-bounds.ts';

const START_STEPS = 3;
const STEPS_ABOVE = 20;

export interface LossWatch {
  readonly startSteps: number; // at most START_STEPS
  readonly startSum: number;
  readonly stepsAbove: number; // in a row, up to the last step
  readonly isSaid: boolean; // once in a run
}

export const freshWatch: LossWatch = { startSteps: 0, startSum: 0, stepsAbove: 0, isSaid: false };

const startOf = ({ startSteps, startSum }: LossWatch): number => startSum / startSteps;

/** Steps that were skipped are not shown to it. `diverges`: it does, and that has not been said yet. */
export function afterLoss(
  watch: LossWatch,
  loss: number,
): { readonly watch: LossWatch; readonly diverges: boolean } {
  const hasJumped = watch.startSteps > 0 && loss > jumpBound(startOf(watch));
  if (watch.startSteps < START_STEPS && !hasJumped)
    return {
      watch: { ...watch, startSteps: watch.startSteps + 1, startSum: watch.startSum + loss },
      diverges: false,
    };
  const start = startOf(watch);
  const stepsAbove = loss > divergenceBound(start) ? watch.stepsAbove + 1 : 0;
  const diverges = stepsAbove >= STEPS_ABOVE && !watch.isSaid;
  return { watch: { ...watch, stepsAbove, isSaid: watch.isSaid || diverges }, diverges };
}

export const divergenceSentence = (watch: LossWatch, loss: number): string =>
  `The loss has been far above its start for ${watch.stepsAbove} steps (it began at ${startOf(watch).toFixed(2)} and is ${loss.toFixed(2)}): the run is diverging. It goes on, but this adapter will hardly be of use: stop, and start again with a lower learning_rate (a third of it), more warmup_steps, or max_grad_norm 1. If the rows are not shuffled and those of now are harder, it may be no fault.`;
