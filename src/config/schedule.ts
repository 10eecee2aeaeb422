/**
 * Learning-rate schedules, as transformers 5 `get_scheduler` defines them. `step` counts optimizer steps done
 * before this one, so the first step of a run with warm-up has the rate 0.
 */
import type { RunConfig } from './run-config.ts';

/** `warmup_steps` below 1 is a share of all steps, rounded up (TrainingArguments.get_warmup_steps). */
export function warmupSteps(setting: number, totalSteps: number): number {
  return setting >= 1 ? Math.floor(setting) : Math.ceil(totalSteps * setting);
}

/** The factor on the peak learning rate. */
export function scheduleFactor(
  type: RunConfig['lrSchedulerType'],
  step: number,
  totalSteps: number,
  warmup: number,
): number {
  if (type === 'constant') return 1;
  if (step < warmup) return step / Math.max(1, warmup);
  const progress = (step - warmup) / Math.max(1, totalSteps - warmup);
  switch (type) {
    case 'constant_with_warmup':
      return 1;
    case 'linear':
      return Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmup));
    case 'cosine':
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
    default:
      return type satisfies never;
  }
}
