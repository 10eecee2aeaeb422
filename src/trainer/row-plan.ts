/** Which rows of a dataset a run trains on, which it holds out, and what its batch size counts. */
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import { packRows } from '../data/packing.ts';
import { splitExamples, type Split } from './held-out.ts';
import { WidestUnits, type BatchSettings, type RunSize } from './pass-size.ts';

/** The settings that decide it. */
export type RowSettings = Pick<RunConfig, 'packing' | 'maxLength' | 'evalFraction' | 'seed'>;
type PackSettings = Pick<RunConfig, 'packing' | 'maxLength'>;

export class RowPlan {
  readonly examples: readonly TokenizedExample[]; // all of the dataset; numbers of rows are places among them
  readonly split: Split;
  /** Of the rows that are trained: each by itself, or the rows of each pack. */
  readonly units: readonly (readonly number[])[];
  readonly #settings: RowSettings;
  readonly #widest = new Map<number, WidestUnits>(); // by max_length

  constructor(examples: readonly TokenizedExample[], settings: RowSettings) {
    this.examples = examples;
    this.split = splitExamples(examples, settings);
    this.units = unitsAmong(examples, this.split.train, settings);
    this.#settings = settings;
  }

  /** What buffers must hold. A smaller `maxLength` than the plan's counts the rows as if each were cut there. */
  size(settings: BatchSettings & Pick<RunConfig, 'maxLength'>, checkpointing: boolean): RunSize {
    const maxLength = Math.min(settings.maxLength, this.#settings.maxLength);
    const widest = this.#widest.get(maxLength) ?? this.#widestAt(maxLength);
    this.#widest.set(maxLength, widest);
    return widest.size(settings, checkpointing);
  }

  #widestAt(maxLength: number): WidestUnits {
    const { split } = this;
    const { packing } = this.#settings;
    const isCut = maxLength < this.#settings.maxLength;
    const examples = isCut ? this.examples.map((example) => shortened(example, maxLength)) : this.examples;
    const units = isCut ? unitsAmong(examples, split.train, { packing, maxLength }) : this.units;
    return new WidestUnits(
      units.map((unit) => unit.map((i) => examples[i])),
      split.evaluation.map((i) => [examples[i]]),
    );
  }
}

/** The plans of one dataset: the rows are gone through again only for settings that decide what becomes of them. */
export class RowPlans {
  readonly #examples: readonly TokenizedExample[];
  #latest: { readonly key: string; readonly plan: RowPlan } | null = null;

  constructor(examples: readonly TokenizedExample[]) {
    this.#examples = examples;
  }

  for({ packing, maxLength, evalFraction, seed }: RowSettings): RowPlan {
    const key = JSON.stringify([packing, maxLength, evalFraction, evalFraction > 0 ? seed : null]);
    if (this.#latest?.key !== key)
      this.#latest = {
        key,
        plan: new RowPlan(this.#examples, { packing, maxLength, evalFraction, seed }),
      };
    return this.#latest.plan;
  }
}

/** What the batch size counts: each row by itself, or the rows of each pack. */
export function unitsOf(lengths: readonly number[], { packing, maxLength }: PackSettings): number[][] {
  return packing ? packRows(lengths, maxLength) : lengths.map((_, row) => [row]);
}

function unitsAmong(
  examples: readonly TokenizedExample[],
  train: readonly number[],
  settings: PackSettings,
): number[][] {
  const lengths = train.map((i) => examples[i].tokens.length);
  return unitsOf(lengths, settings).map((unit) => unit.map((i) => train[i]));
}

function shortened(example: TokenizedExample, maxLength: number): TokenizedExample {
  const { line, tokens } = example;
  if (tokens.length <= maxLength) return example;
  const isTarget = example.isTarget.subarray(0, maxLength);
  const targetCount = isTarget.reduce((sum, flag) => sum + flag, 0);
  return { line, tokens: tokens.subarray(0, maxLength), isTarget, targetCount, truncated: true };
}
