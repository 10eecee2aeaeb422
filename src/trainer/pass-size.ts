/** How large the buffers of a run must be: the most that any batch of its rows can hold, however they are shuffled. */
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import type { PassSize } from '../model/training-pass.ts';

/** What planning adds up and the run then allocates. */
export interface RunSize extends PassSize {
  readonly longest: number; // tokens of the longest row
}

export type BatchSettings = Pick<RunConfig, 'perDeviceTrainBatchSize' | 'gradientAccumulationSteps'>;
type Units = readonly (readonly TokenizedExample[])[];

/** Of rows in their units: how much the widest one, two, three … hold. Any batch size is then looked up. */
export class WidestUnits {
  readonly longest: number; // tokens of the longest row
  readonly #train: Widest;
  readonly #evaluation: Widest;

  constructor(train: Units, evaluation: Units) {
    this.#train = widestOf(train);
    this.#evaluation = widestOf(evaluation);
    // not Math.max(...lengths): a hundred thousand rows are too many arguments
    this.longest = [...train, ...evaluation]
      .flat()
      .reduce((most, { tokens }) => Math.max(most, tokens.length), 0);
  }

  /** `checkpointing`: layers are recomputed in the backward pass. */
  size(
    { perDeviceTrainBatchSize: batch, gradientAccumulationSteps: windows }: BatchSettings,
    checkpointing: boolean,
  ): RunSize {
    return {
      rows: Math.max(most(this.#train.inputs, batch), most(this.#evaluation.inputs, batch)),
      lossRows: Math.max(most(this.#train.targets, batch * windows), most(this.#evaluation.targets, batch)),
      checkpointing,
      longest: this.longest,
    };
  }
}

/** Sums over the widest units: of one, of two … of all. */
interface Widest {
  readonly inputs: Float64Array;
  readonly targets: Float64Array;
}

const widestOf = (units: Units): Widest => ({
  inputs: sumsOfWidest(units, ({ tokens }) => tokens.length - 1),
  targets: sumsOfWidest(units, ({ targetCount }) => targetCount),
});

function sumsOfWidest(units: Units, width: (example: TokenizedExample) => number): Float64Array {
  const widths = Float64Array.from(units, (rows) => rows.reduce((sum, row) => sum + width(row), 0));
  widths.sort().reverse();
  for (let i = 1; i < widths.length; i++) widths[i] += widths[i - 1];
  return widths;
}

const most = (sums: Float64Array, count: number): number =>
  sums.length === 0 ? 0 : sums[Math.min(count, sums.length) - 1];
