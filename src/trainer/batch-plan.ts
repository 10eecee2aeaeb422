/**
 * Which rows go into which micro-batch of which optimizer step: a pure function of the settings, so that a run
 * can be resumed at any step. Counts follow transformers 5: the last batch may be smaller (drop_last is off), the
 * last accumulation window of an epoch may have fewer micro-batches, and both are used. With packing the batch size
 * counts packs of at most max_length tokens, as in TRL; they are made once and shuffled as wholes.
 */
import type { RunConfig } from '../config/run-config.ts';
import { createRng, shuffled } from '../support/rng.ts';

type PlanSettings = Pick<
  RunConfig,
  'perDeviceTrainBatchSize' | 'gradientAccumulationSteps' | 'numTrainEpochs' | 'maxSteps' | 'shuffle' | 'seed'
>;

export class BatchPlan {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly #units: readonly (readonly number[])[];
  readonly #settings: PlanSettings;
  #cached: { readonly epoch: number; readonly order: readonly number[] } | null = null;

  constructor(units: readonly (readonly number[])[], settings: PlanSettings) {
    this.#units = units;
    this.#settings = settings;
    const microBatches = Math.ceil(units.length / settings.perDeviceTrainBatchSize);
    this.stepsPerEpoch = Math.ceil(microBatches / settings.gradientAccumulationSteps);
    this.totalSteps =
      settings.maxSteps > 0 ? settings.maxSteps : Math.ceil(settings.numTrainEpochs * this.stepsPerEpoch);
  }

  /** Rows of each micro-batch of step `step` (0-based), by the numbers that the units have. */
  window(step: number): number[][] {
    return this.unitsOf(step).map((units) => units.flat());
  }

  /** The same by units: rows by themselves, or the rows of each pack. */
  unitsOf(step: number): (readonly number[])[][] {
    const { perDeviceTrainBatchSize: batch, gradientAccumulationSteps: accumulation } = this.#settings;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const first = (step % this.stepsPerEpoch) * accumulation * batch;
    const units = this.#order(epoch)
      .slice(first, first + accumulation * batch)
      .map((unit) => this.#units[unit]);
    const microBatches: (readonly number[])[][] = [];
    for (let i = 0; i < units.length; i += batch) microBatches.push(units.slice(i, i + batch));
    return microBatches;
  }

  /** Epochs done after step `step` (0-based), fractional. */
  epochAfter(step: number): number {
    return (step + 1) / this.stepsPerEpoch;
  }

  #order(epoch: number): readonly number[] {
    if (this.#cached?.epoch === epoch) return this.#cached.order;
    const natural = this.#units.map((_, i) => i);
    const { shuffle, seed } = this.#settings;
    const order = shuffle
      ? shuffled(natural, createRng((seed + Math.imul(epoch + 1, 0x85ebca6b)) >>> 0))
      : natural;
    this.#cached = { epoch, order };
    return order;
  }
}
