/** A run of the store that is to take longer than it was planned for, and what that does to its learning rate. */
import type { StoredRun } from '../api/stored-runs.ts';
import { fieldOf, type RunConfig } from '../config/run-config.ts';
import { scheduleFactor, warmupSteps } from '../config/schedule.ts';
import { formatCount } from './format.ts';

export interface LongerRun {
  readonly config: RunConfig;
  readonly totalSteps: number;
  /** What will happen, for the user to read before it does. */
  readonly plan: string;
}

/** What a run is counted in: its length is given in steps, or in epochs. */
export const unitOf = ({ maxSteps }: RunConfig): 'steps' | 'epochs' => (maxSteps > 0 ? 'steps' : 'epochs');

/** `more` steps or epochs than `config` has; null: not a number of them, or more than the setting may be. */
export function longerRun(
  { step, totalSteps: before, stepsPerEpoch }: Pick<StoredRun, 'step' | 'totalSteps' | 'stepsPerEpoch'>,
  config: RunConfig,
  more: number,
): LongerRun | null {
  const key = unitOf(config) === 'steps' ? 'maxSteps' : 'numTrainEpochs';
  const field = fieldOf(key) as { readonly max: number };
  const value = config[key] + more;
  if (!(more > 0) || value > field.max || (key === 'maxSteps' && !Number.isInteger(more))) return null;
  const totalSteps = key === 'maxSteps' ? value : Math.ceil(value * stepsPerEpoch);
  if (totalSteps <= step) return null;
  const rateAt = (index: number, total: number): number =>
    config.learningRate *
    scheduleFactor(config.lrSchedulerType, index, total, warmupSteps(config.warmupSteps, total));
  const was = rateText(rateAt(Math.max(0, step - 1), before));
  const [first, last] = [step, totalSteps - 1].map((index) => rateText(rateAt(index, totalSteps)));
  const steps = `It goes on after step ${formatCount(step)}, up to step ${formatCount(totalSteps)} instead of ${formatCount(before)}, with the optimizer as it was.`;
  const rate =
    was === first && first === last
      ? `The learning rate stays at ${first}.`
      : `The learning rate follows the schedule of ${formatCount(totalSteps)} steps from here on: it was ${was} at step ${formatCount(step)}, goes on at ${first} and ends at ${last}.`;
  return { config: { ...config, [key]: value }, totalSteps, plan: `${steps} ${rate}` };
}

const rateText = (rate: number): string => (rate === 0 ? '0' : rate.toExponential(1).replace('.0e', 'e'));
