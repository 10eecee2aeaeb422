/** Runs side by side in words: what they are called, what their settings differ in, how their loss went. */
import type { RowCounts, StoredRecord, StoredRun } from '../api/stored-runs.ts';
import { runName } from '../support/run-name.ts';
import { formatDate } from './format.ts';

/** A letter for charts and tables, in the order of the runs. */
export const letterOf = (i: number): string => String.fromCharCode(65 + i);

export const nameOfRun = (run: StoredRun): string => `${runName(run)}, ${formatDate(run.createdMs)}`;

export interface Difference {
  readonly setting: string; // its name in files
  readonly values: readonly string[]; // in the order of the runs
}

/** Settings that are not the same in all runs. */
export function differencesOf(runs: readonly Pick<StoredRun, 'settings'>[]): Difference[] {
  const names = new Set(runs.flatMap(({ settings }) => Object.keys(settings)));
  return [...names]
    .map((setting) => ({ setting, values: runs.map(({ settings }) => valueText(settings[setting])) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

function valueText(value: unknown): string {
  if (value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const SMOOTHING = 0.8; // as in the chart of one run

export interface OverlaidLosses {
  readonly steps: readonly number[];
  /** By run; null: the run has no such step. Smoothed, so that the curves can be told apart. */
  readonly losses: readonly (readonly (number | null)[])[];
}

export function overlaidLosses(runs: readonly (readonly StoredRecord[])[]): OverlaidLosses {
  const curves = runs.map(smoothedByStep);
  const steps = [...new Set(curves.flatMap((curve) => [...curve.keys()]))].sort((a, b) => a - b);
  return { steps, losses: curves.map((curve) => steps.map((step) => curve.get(step) ?? null)) };
}

function smoothedByStep(records: readonly StoredRecord[]): Map<number, number> {
  const curve = new Map<number, number>();
  let average = 0;
  let weight = 0;
  for (const record of records) {
    if (record.kind !== 'step' || record.report.skipped !== undefined) continue;
    average = SMOOTHING * average + (1 - SMOOTHING) * record.report.loss;
    weight = SMOOTHING * weight + (1 - SMOOTHING);
    curve.set(record.report.step, average / weight);
  }
  return curve;
}

/** Mean, prompts included; null where the run did not count them. */
export const tokensPerSample = ({ examples, exampleTokens }: RowCounts): number | null =>
  exampleTokens === undefined ? null : exampleTokens / Math.max(1, examples);
