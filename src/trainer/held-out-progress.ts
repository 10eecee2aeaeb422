/**
 * The lowest held-out loss of a run, and whether it is time to stop because it falls no more. As transformers has it
 * (EarlyStoppingCallback, and Trainer's `_determine_best_metric` for metric_for_best_model "eval_loss"): an evaluation
 * is a gain where its loss is below the lowest by more than the threshold; any lower loss is the new lowest, gain or not.
 */
import type { BestStep } from '../api/trainer-api.ts';

export interface HeldOutProgress {
  readonly evaluations: number;
  readonly best: BestStep | null; // null: no loss was a number yet
  readonly withoutGain: number; // evaluations since the last gain
}

export const freshHeldOut: HeldOutProgress = { evaluations: 0, best: null, withoutGain: 0 };

export function afterEvaluation(
  { evaluations, best, withoutGain }: HeldOutProgress,
  { step, evalLoss }: BestStep,
  threshold: number,
): HeldOutProgress {
  const lowest = best?.evalLoss ?? Infinity;
  const isLower = evalLoss < lowest; // NaN is not
  const isGain = evaluations === 0 || (isLower && Math.abs(evalLoss - lowest) > threshold);
  return {
    evaluations: evaluations + 1,
    best: isLower ? { step, evalLoss } : best,
    withoutGain: isGain ? 0 : withoutGain + 1,
  };
}

/** `patience` 0 never stops. */
export const isExhausted = ({ withoutGain }: HeldOutProgress, patience: number): boolean =>
  patience > 0 && withoutGain >= patience;

export function earlyStopSentence(
  { best, withoutGain }: HeldOutProgress,
  { step, totalSteps, threshold }: { step: number; totalSteps: number; threshold: number },
): string {
  const by = threshold > 0 ? ` by more than ${threshold}` : '';
  const lowest =
    best === null
      ? 'it never was a number'
      : `the lowest was ${best.evalLoss.toFixed(4)} at step ${best.step}`;
  const times = `${withoutGain} ${withoutGain === 1 ? 'evaluation' : 'evaluations in a row'}`;
  return `Stopped early after step ${step} of ${totalSteps}: the held-out loss did not fall${by} in ${times} (early_stopping_patience); ${lowest}.`;
}
