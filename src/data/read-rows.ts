/**
 * Any dropped file to rows, a batch at a time: what it is is decided by its content first and its name second.
 * A bad row is reported and the rest is kept; nothing is dropped silently.
 */
import type { DatasetFormat } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import { byteChunks, inflated, isGzip, readSlice, type ByteProgress } from './byte-chunks.ts';
import { acceptedShapes, excerptOf, isProblem, parseJsonRow, type ReadRow } from './raw-row.ts';
import { csvForm, csvRows } from './read-csv.ts';
import { listRows, wrappedRows } from './read-json.ts';
import { isParquet, parquetRows } from './read-parquet.ts';
import { textChunks, textLines } from './text-lines.ts';

export interface RowSource {
  readonly format: DatasetFormat;
  readonly isCompressed: boolean;
  readonly batches: AsyncIterable<readonly ReadRow[]>;
}

/** JSON in one piece over many lines is parsed whole up to this size. */
const MAX_WHOLE_CHARS = 64 << 20;
const MAX_UNPACKED_PARQUET_BYTES = 1 << 30;
const HEAD_BYTES = 8;

/** @throws TrainerError "dataset-unreadable", also while the batches are read. */
export async function openRows(blob: Blob, name: string, progress: ByteProgress = {}): Promise<RowSource> {
  const head = await readSlice(blob, 0, HEAD_BYTES, name);
  const isCompressed = isGzip(head);
  if (isParquet(head)) return { format: 'parquet', isCompressed, batches: parquetRows(blob, name, progress) };
  const raw = byteChunks(blob, name, progress);
  const bytes = await peek(isCompressed ? inflated(raw, name) : raw, (chunk) => chunk.length >= HEAD_BYTES);
  if (bytes.first !== undefined && isParquet(bytes.first))
    return {
      format: 'parquet',
      isCompressed,
      batches: parquetRows(await unpacked(bytes.all, name), name, progress),
    };
  const text = await peek(textChunks(bytes.all, name), (chunk) => chunk.trim() !== '');
  return { isCompressed, ...(await textRows(text.all, text.first?.trimStart() ?? '', name)) };
}

async function textRows(
  chunks: AsyncIterable<string>,
  start: string,
  name: string,
): Promise<Pick<RowSource, 'format' | 'batches'>> {
  const ending = /\.(\w+)(?:\.gz)?$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  const firstLine = /^[^\r\n]*/.exec(start)?.[0] ?? '';
  if (start.startsWith('[') && !isJsonLine(firstLine, start))
    return { format: 'json', batches: listRows(chunks, name) };
  if (start.startsWith('[') || start.startsWith('{')) return objectRows(chunks, name);
  const isTable = ending === 'csv' || ending === 'tsv' || ending === 'tab';
  if (isTable && start !== '') {
    const form = csvForm(start, ending !== 'csv');
    return { format: form.delimiter === '\t' ? 'tsv' : 'csv', batches: csvRows(chunks, name, form) };
  }
  return { format: 'jsonl', batches: lineRows(chunks, name) };
}

/** A line that is a list by itself, with another row after it: a line of JSONL, if one that cannot be used. */
function isJsonLine(firstLine: string, start: string): boolean {
  const rest = start.slice(firstLine.length).trimStart();
  return /^[[{]/.test(rest) && !isProblem(parseJsonRow(1, firstLine, firstLine.length));
}

/** Starts with "{": rows on lines, or one JSON value over several lines. */
async function objectRows(
  chunks: AsyncIterable<string>,
  name: string,
): Promise<Pick<RowSource, 'format' | 'batches'>> {
  const lines = textLines(chunks);
  const seen: ReadRow[] = [];
  const texts: string[] = [];
  let charCount = 0;
  // Two rows that are JSON, or a second one that is, make it JSONL; pretty-printed JSON has neither.
  for (;;) {
    const next = await lines.next(); // a loop that is left would close the stream
    if (next.done === true) break;
    for (const { line, text, length } of next.value) {
      seen.push(parseJsonRow(line, text, length));
      texts.push(text);
      charCount += text.length;
    }
    const second = seen[1];
    const isJsonl = second !== undefined && (!isProblem(second) || !isProblem(seen[0]));
    if (isJsonl || charCount > MAX_WHOLE_CHARS)
      return { format: 'jsonl', batches: checked(chain(seen, parsedLines(lines)), name) };
  }
  const [only] = seen;
  if (seen.length === 1 && !isProblem(only)) {
    const { format, rows } = wrappedRows(only.value, name);
    return { format, batches: once(rows) };
  }
  const whole = parseJsonRow(1, texts.join('\n'), charCount + Math.max(0, texts.length - 1));
  if (isProblem(whole)) return { format: 'jsonl', batches: checked(once(seen), name) };
  const { format, rows } = wrappedRows(whole.value, name);
  return { format, batches: once(rows) };
}

const lineRows = (chunks: AsyncIterable<string>, name: string): AsyncIterable<readonly ReadRow[]> =>
  checked(parsedLines(textLines(chunks)), name);

async function* parsedLines(lines: ReturnType<typeof textLines>): AsyncGenerator<readonly ReadRow[]> {
  for await (const batch of lines)
    yield batch.map(({ line, text, length }) => parseJsonRow(line, text, length));
}

/** A file without a single line of JSON is no JSONL with bad rows, it is something else. */
async function* checked(
  batches: AsyncIterable<readonly ReadRow[]>,
  name: string,
): AsyncGenerator<readonly ReadRow[]> {
  let first: ReadRow | undefined;
  let hasJson = false;
  let isMaybeValue = true; // 42, "text": JSON, but no rows
  for await (const batch of batches) {
    first ??= batch[0];
    hasJson ||= batch.some((row) => !isProblem(row) || row.code !== 'row-not-json');
    isMaybeValue &&= batch.every((row) => !isProblem(row) && typeof row.value !== 'object');
    yield batch;
  }
  if (first === undefined) return;
  if (!hasJson && isProblem(first))
    throw new TrainerError(
      'dataset-unreadable',
      `${name} is neither JSONL nor JSON, and its name does not end with .csv, .tsv or .parquet: line ${first.line} ${first.reason}. ${acceptedShapes}`,
      first.excerpt,
    );
  if (isMaybeValue && !isProblem(first))
    throw new TrainerError(
      'dataset-unreadable',
      `${name} holds ${excerptOf(first.value)}, not rows. ${acceptedShapes}`,
    );
}

/** The beginning of a stream, and the stream with it. Takes chunks until one that `isEnough`. */
async function peek<T extends Uint8Array | string>(
  stream: AsyncGenerator<T>,
  isEnough: (chunk: T) => boolean,
): Promise<{ first: T | undefined; all: AsyncGenerator<T> }> {
  const taken: T[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done === true) break;
    taken.push(next.value);
    if (isEnough(next.value)) break;
  }
  async function* all(): AsyncGenerator<T> {
    yield* taken;
    taken.length = 0;
    yield* stream;
  }
  return { first: taken.at(-1), all: all() };
}

async function* once(rows: readonly ReadRow[]): AsyncGenerator<readonly ReadRow[]> {
  yield await Promise.resolve(rows);
}

async function* chain(
  rows: readonly ReadRow[],
  more: AsyncIterable<readonly ReadRow[]>,
): AsyncGenerator<readonly ReadRow[]> {
  yield rows;
  yield* more;
}

/** Parquet is read from its end, so a gzipped one has to be unpacked first. */
async function unpacked(chunks: AsyncIterable<Uint8Array>, name: string): Promise<Blob> {
  const parts: BlobPart[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    parts.push(chunk as Uint8Array<ArrayBuffer>);
    bytes += chunk.length;
    if (bytes > MAX_UNPACKED_PARQUET_BYTES)
      throw new TrainerError('dataset-unreadable', `${name} is too large gzipped: unpack it first.`);
  }
  return new Blob(parts);
}
