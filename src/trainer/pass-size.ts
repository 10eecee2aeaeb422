/** How large the buffers of a run must be: the most that any batch of its rows can hold, however they are shuffled. */
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import { unitsOf } from './batch-plan.ts';

type Settings = Pick<
  RunConfig,
  'perDeviceTrainBatchSize' | 'gradientAccumulationSteps' | 'packing' | 'maxLength'
>;

export interface RunSize {
  readonly rows: number; // tokens of the largest micro-batch
  readonly lossRows: number; // targets of the largest accumulation window or evaluation batch
  readonly longest: number; // tokens of the longest row
}

export function passSize(
  train: readonly TokenizedExample[],
  evaluation: readonly TokenizedExample[],
  config: Settings,
): RunSize {
  const units = unitsOf(
    train.map(({ tokens }) => tokens.length),
    config,
  ).map((rows) => rows.map((row) => train[row]));
  const { perDeviceTrainBatchSize: batch, gradientAccumulationSteps: windows } = config;
  const inputs = (example: TokenizedExample): number => example.tokens.length - 1;
  const targets = (example: TokenizedExample): number => example.targetCount;
  const single = evaluation.map((example) => [example]);
  return {
    rows: Math.max(widest(units, batch, inputs), widest(single, batch, inputs)),
    lossRows: Math.max(widest(units, batch * windows, targets), widest(single, batch, targets)),
    // not Math.max(...lengths): a hundred thousand rows are too many arguments
    longest: [...train, ...evaluation].reduce((most, { tokens }) => Math.max(most, tokens.length), 0),
  };
}

function widest(
  units: readonly (readonly TokenizedExample[])[],
  count: number,
  value: (example: TokenizedExample) => number,
): number {
  return units
    .map((unit) => unit.reduce((sum, example) => sum + value(example), 0))
    .sort((a, b) => b - a)
    .slice(0, count)
    .reduce((sum, n) => sum + n, 0);
}
