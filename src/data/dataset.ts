/**
 * A dataset's files to training examples and the report the page shows before anything starts.
 * Rows are made into tokens as they are read and their text is let go: memory grows with the tokens, not with the file.
 * Every row of the file is either used or a problem with its line and reason.
 */
import type { DatasetReport, DatasetSettings, LoadProgress, RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { toChatExample, type ReadOptions } from './chat-example.ts';
import { parseColumns } from './column-mapping.ts';
import { DatasetTally } from './dataset-tally.ts';
import { tokenizeExample, type TokenizedExample } from './mask.ts';
import { packRows } from './packing.ts';
import { acceptedShapes, isProblem, type ReadRow } from './raw-row.ts';
import { bytesOf, openFiles, type DatasetFiles } from './read-files.ts';
import { RowIndex, type SuiteQuestions } from './row-index.ts';
import { TokenStore } from './token-store.ts';
import type { ChatTokenizer } from './tokenizer.ts';

const PAUSE_EVERY_MS = 50; // between them the worker answers other calls, a cancel among them

interface DatasetHost {
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
  /** What is evaluated after training: its questions should not be trained. */
  readonly suites?: readonly SuiteQuestions[];
  /** Told of every row that is not used; the report keeps the first 100,000. */
  readonly onProblem?: (problem: RowProblem) => void;
}

export interface PreparedDataset {
  readonly report: DatasetReport;
  readonly examples: TokenizedExample[];
  /** Examples by pack, where `packing` is on. */
  readonly packs: readonly (readonly number[])[] | null;
}

/** @throws TrainerError "dataset-unreadable", "dataset-empty" (no usable row), "config-invalid", "cancelled". */
export async function prepareDataset(
  data: DatasetFiles,
  modelTokenizer: ChatTokenizer,
  settings: DatasetSettings,
  host: DatasetHost = {},
): Promise<PreparedDataset> {
  const { name } = data;
  const { signal, onProgress } = host;
  const tokenizer = modelTokenizer.onDay(settings.templateDate);
  const reading: ReadOptions = {
    systemPrompt: settings.systemPrompt,
    columns: parseColumns(settings.columns),
  };
  const tally = new DatasetTally(new RowIndex(host.suites ?? []), tokenizer, settings);
  const store = new TokenStore();
  const examples: TokenizedExample[] = [];
  let bytes = { done: 0, total: bytesOf(data) };
  const report = (): void => onProgress?.({ ...bytes, note: `Tokenizing rows: ${tally.totalRows}` });
  const source = await openFiles(data, {
    signal,
    columns: [...reading.columns.values()],
    onBytes: (done, total) => (bytes = { done, total }),
  });
  const use = (row: ReadRow): void => {
    if (!isProblem(row)) tally.sawColumns(row.value);
    const example = isProblem(row) ? row : toChatExample(row, reading);
    const tokenized = isProblem(example) ? example : tokenizeExample(example, tokenizer, settings, store);
    if ('reason' in tokenized) {
      tally.reject(tokenized, isProblem(row) ? null : row);
      host.onProblem?.(tokenized);
      return;
    }
    if (isProblem(example)) return;
    for (const part of tokenized) examples.push(part);
    tally.accept(example, tokenized);
  };
  report();
  let pauseAt = performance.now() + PAUSE_EVERY_MS;
  for await (const batch of source.batches) {
    for (const row of batch) {
      use(row);
      if (performance.now() < pauseAt) continue;
      report();
      await new Promise((resolve) => setTimeout(resolve));
      if (signal?.aborted) throw new TrainerError('cancelled', `Reading ${name} was cancelled.`);
      pauseAt = performance.now() + PAUSE_EVERY_MS;
    }
  }
  report();
  if (examples.length === 0) throw noUsableRow(name, tally);
  const lengths = examples.map(({ tokens }) => tokens.length);
  const packs = settings.packing ? packRows(lengths, settings.maxLength) : null;
  return {
    report: tally.report(name, source.format, source.isCompressed, lengths, packs?.length ?? null),
    examples,
    packs,
  };
}

function noUsableRow(name: string, tally: DatasetTally): TrainerError {
  if (tally.totalRows === 0)
    return new TrainerError('dataset-empty', `${name} holds no rows. ${acceptedShapes}`);
  const listed = (count: number): string =>
    tally.rejected
      .slice(0, count)
      .map(({ line, reason }) => `row ${line} ${reason.replace(` ${acceptedShapes}`, '')}`)
      .join('\n');
  return new TrainerError(
    'dataset-empty',
    `None of the ${tally.totalRows} rows of ${name} can be used:\n${listed(3)}\n${acceptedShapes}`,
    listed(20),
  );
}
