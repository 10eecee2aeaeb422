/** What a run has counted up to a step; its checkpoints keep it, so that a resumed run reports and decides as the whole. */
import type { EvaluationReport } from '../api/trainer-api.ts';
import { freshHeldOut, type HeldOutProgress } from './held-out-progress.ts';
import { freshWatch, type LossWatch } from './loss-watch.ts';
import { emptyWindow, type MetricsWindow } from './run-metrics.ts';

export interface RunProgress {
  readonly lossFirst: number | null;
  readonly lossLast: number | null;
  readonly targetTokens: number;
  readonly tokens: number;
  readonly trainMs: number;
  readonly window: MetricsWindow;
  readonly before: EvaluationReport | null;
  readonly after: EvaluationReport | null;
  readonly skipped: SkippedSteps;
  readonly heldOut: HeldOutProgress;
  readonly watch: LossWatch;
}

/** Steps whose loss or gradient was not finite. */
export interface SkippedSteps {
  readonly total: number;
  readonly inARow: number; // up to the last step
}

export const nothingYet: RunProgress = {
  lossFirst: null,
  lossLast: null,
  targetTokens: 0,
  tokens: 0,
  trainMs: 0,
  window: emptyWindow,
  before: null,
  after: null,
  skipped: { total: 0, inARow: 0 },
  heldOut: freshHeldOut,
  watch: freshWatch,
};

/** As a checkpoint holds it; what an older one did not count is as at the start. null: it is not what a run writes. */
export function progressOf(raw: Readonly<Record<string, unknown>>): RunProgress | null {
  const progress = { ...nothingYet, ...raw };
  return isProgress(progress) ? progress : null;
}

type Values = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const isCount = (value: unknown): boolean => isNumber(value) && Number(value) >= 0;
const orNull =
  (isValid: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === null || isValid(value);
const hasAll = (value: unknown, names: readonly string[], isValid: (value: unknown) => boolean): boolean =>
  isObject(value) && names.every((name) => isValid(value[name]));

function isProgress(progress: Values): boolean {
  const { lossFirst, lossLast, window, before, after, skipped, heldOut, watch } = progress;
  return (
    hasAll(progress, ['targetTokens', 'tokens', 'trainMs'], isCount) &&
    [lossFirst, lossLast].every(orNull(isNumber)) &&
    isWindow(window) &&
    [before, after].every(orNull(isEvaluation)) &&
    hasAll(skipped, ['total', 'inARow'], isCount) &&
    hasAll(heldOut, ['evaluations', 'withoutGain'], isCount) &&
    orNull(isBest)((heldOut as Values)['best']) &&
    hasAll(watch, ['startSteps', 'startSum', 'stepsAbove'], isNumber) &&
    typeof (watch as Values)['isSaid'] === 'boolean'
  );
}

const isBest = (best: unknown): boolean =>
  isObject(best) && isCount(best['step']) && isNumber(best['evalLoss']);

function isWindow(window: unknown): boolean {
  if (!hasAll(window, ['steps', 'targetTokens', 'tokens', 'ms'], isCount)) return false;
  const { lossSum, metrics = {} } = window as Values;
  return isNumber(lossSum) && isObject(metrics) && Object.values(metrics).every(isNumber);
}

function isEvaluation(report: unknown): boolean {
  if (!hasAll(report, ['newTokens', 'seconds'], isCount)) return false;
  const { suites } = report as Values;
  return Array.isArray(suites) && suites.every(isSuite);
}

const isSuite = (suite: unknown): boolean =>
  hasAll(suite, ['id', 'title', 'kind'], (value) => typeof value === 'string') &&
  hasAll(suite, ['n', 'refusedRate'], isCount) &&
  orNull(isCount)((suite as Values)['correctRate']);
