/** A file's rows as one model's tokens, and the report on them. Plain memory: it goes when nobody holds it. */
import type { DatasetReport, DatasetSettings, DatasetSource, InspectedRow } from '../api/trainer-api.ts';
import type { PreparedDataset } from '../data/dataset.ts';
import { inspectTokens } from '../alttrain/inspect-tokens.ts';
import type { TokenizedExample } from '../data/mask.ts';
import { placeOf } from '../data/packing.ts';
import type { ChatTokenizer } from '../data/tokenizer.ts';
import { RowPlans } from './row-plan.ts';

export class Dataset {
  readonly source: DatasetSource;
  readonly settings: DatasetSettings;
  /** @internal */
  readonly plans: RowPlans;
  readonly #prepared: PreparedDataset;
  readonly #tokenizer: ChatTokenizer;

  /** @internal */
  constructor(
    source: DatasetSource,
    settings: DatasetSettings,
    prepared: PreparedDataset,
    tokenizer: ChatTokenizer,
  ) {
    this.source = source;
    this.settings = settings;
    this.plans = new RowPlans(prepared.examples);
    this.#prepared = prepared;
    this.#tokenizer = tokenizer;
  }

  get report(): DatasetReport {
    return this.#prepared.report;
  }
  /** @internal */
  get examples(): readonly TokenizedExample[] {
    return this.#prepared.examples;
  }

  /** Examples token by token. */
  inspect(first: number, count: number): InspectedRow[] {
    const { examples, packs } = this.#prepared;
    return examples.slice(first, first + count).map((example, i) => ({
      index: first + i,
      line: example.line,
      tokens: inspectTokens(example, this.#tokenizer),
      truncated: example.truncated,
      place: packs === null ? null : placeOf(first + i, packs, examples),
    }));
  }
}
