/**
 * A dropped file to training examples and the report the page shows before anything starts.
 * Every row of the file is either an example or a problem with its line and reason.
 */
import type { DatasetReport, LoadProgress, PreviewRow, RowProblem, TokenSpan } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import { isRowProblem, toChatExample, type RowShape } from './chat-example.ts';
import { tokenizeExample, type MaskOptions, type TokenizedExample } from './mask.ts';
import { acceptedShapes, readRows, type RawRows } from './read-rows.ts';
import type { ChatTokenizer } from './tokenizer.ts';

const PREVIEW_ROWS = 5;
const ROWS_PER_PAUSE = 256; // between them the worker answers other calls

/** @throws TrainerError "dataset-unreadable" (not text, not JSON), "dataset-empty" (no usable row). */
export async function prepareDataset(
  blob: Blob,
  name: string,
  tokenizer: ChatTokenizer,
  options: MaskOptions,
  onProgress: (progress: LoadProgress) => void = () => {},
): Promise<{ report: DatasetReport; examples: TokenizedExample[] }> {
  const raw = readRows(await readBlob(blob, name));
  const examples: TokenizedExample[] = [];
  const rejected: RowProblem[] = [...raw.rejected];
  const shapes = new Set<RowShape>();
  for (const [index, row] of raw.rows.entries()) {
    if (index % ROWS_PER_PAUSE === 0) {
      onProgress({ done: index, total: raw.rows.length, note: 'Tokenizing rows' });
      await new Promise((resolve) => setTimeout(resolve));
    }
    const example = toChatExample(row);
    const tokenized = isRowProblem(example) ? example : tokenizeExample(example, tokenizer, options);
    if (isRowProblem(tokenized)) rejected.push(tokenized);
    else {
      examples.push(tokenized);
      if (!isRowProblem(example)) shapes.add(example.shape);
    }
  }
  onProgress({ done: raw.rows.length, total: raw.rows.length, note: 'Tokenizing rows' });
  rejected.sort((a, b) => a.line - b.line);
  if (examples.length === 0) throw noUsableRow(name, raw, rejected);
  const shape = shapes.size === 1 ? ([...shapes][0] ?? 'mixed') : 'mixed';
  return { report: makeReport(name, raw, shape, examples, rejected, tokenizer), examples };
}

async function readBlob(blob: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    // The browser refuses when a picked file was changed, moved or is too large for memory.
    throw new TrainerError(
      'dataset-unreadable',
      `${name} could not be read. Choose the file again.`,
      String(error),
    );
  }
}

function noUsableRow(name: string, raw: RawRows, rejected: readonly RowProblem[]): TrainerError {
  if (raw.totalRows === 0)
    return new TrainerError('dataset-empty', `${name} holds no rows. ${acceptedShapes}`);
  const listed = (count: number): string =>
    rejected
      .slice(0, count)
      .map(({ line, reason }) => `row ${line} ${reason}`)
      .join('\n');
  return new TrainerError(
    'dataset-empty',
    `None of the ${raw.totalRows} rows of ${name} can be used:\n${listed(3)}`,
    listed(20),
  );
}

function makeReport(
  name: string,
  raw: RawRows,
  shape: string,
  examples: readonly TokenizedExample[],
  rejected: readonly RowProblem[],
  tokenizer: ChatTokenizer,
): DatasetReport {
  const lengths = examples.map(({ tokens }) => tokens.length);
  const tokenCount = lengths.reduce((sum, length) => sum + length, 0);
  return {
    name,
    format: raw.format,
    shape,
    totalRows: raw.totalRows,
    usableRows: examples.length,
    rejected,
    truncatedLines: examples.filter(({ truncated }) => truncated).map(({ line }) => line),
    tokenCount,
    targetTokenCount: examples.reduce((sum, { targetCount }) => sum + targetCount, 0),
    tokensPerRow: {
      mean: tokenCount / examples.length,
      max: lengths.reduce((longest, length) => Math.max(longest, length), 0),
    },
    preview: examples.slice(0, PREVIEW_ROWS).map((example) => previewOf(example, tokenizer)),
  };
}

function previewOf({ line, tokens, isTarget }: TokenizedExample, tokenizer: ChatTokenizer): PreviewRow {
  const spans: TokenSpan[] = [];
  for (let start = 0; start < tokens.length;) {
    let end = start + 1;
    while (end < tokens.length && isTarget[end] === isTarget[start]) end++;
    spans.push({ text: tokenizer.decode([...tokens.subarray(start, end)]), isTarget: isTarget[start] === 1 });
    start = end;
  }
  return { line, spans };
}
