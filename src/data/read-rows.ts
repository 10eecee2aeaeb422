/**
 * Any dropped file to rows, a batch at a time: what it is is decided by its content first and its name second.
 * A bad row is reported and the rest is kept; nothing is dropped silently.
 */
import type { FileBytes } from '../api/file-bytes.ts';
import type { DatasetFormat } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { byteChunks, inflated, isGzip, readSlice, type ByteProgress } from './byte-chunks.ts';
import { refuseForeign, refuseForeignText, SIGNATURE_BYTES } from './foreign-files.ts';
import { acceptedShapes, excerptOf, isProblem, parseJsonRow, type ReadRow } from './raw-row.ts';
import { csvForm, csvRows } from './read-csv.ts';
import { listRows, wrappedRows } from './read-json.ts';
import { textChunks, textLines } from './text-lines.ts';

export interface RowSource {
  readonly format: DatasetFormat;
  readonly isCompressed: boolean;
  readonly batches: AsyncIterable<readonly ReadRow[]>;
}

export interface OpenOptions extends ByteProgress {
  /** Columns that the user mapped: an object that has one of them is a row. */
  readonly columns?: readonly string[];
}

/** JSON in one piece over many lines is parsed whole up to this size. */
const MAX_WHOLE_CHARS = 64 << 20;
const MAX_UNPACKED_PARQUET_BYTES = 1 << 30;

/** @throws TrainerError "dataset-unreadable", also while the batches are read. */
export async function openRows(
  blob: FileBytes,
  name: string,
  { columns = [], ...progress }: OpenOptions = {},
): Promise<RowSource> {
  const head = await readSlice(blob, 0, Math.min(SIGNATURE_BYTES, blob.size), name);
  const isCompressed = isGzip(head);
  if (isParquet(head))
    return { format: 'parquet', isCompressed, batches: await parquet(blob, name, progress) };
  if (!isCompressed) await refuseForeign(head, name, blob);
  const raw = byteChunks(blob, name, progress);
  if (!isCompressed) return { isCompressed, ...(await decodedRows(raw, name, columns)) };
  const bytes = await peek(inflated(raw, name), (chunks) => lengthOf(chunks) >= SIGNATURE_BYTES);
  const start = joined(bytes.taken);
  if (isParquet(start))
    return {
      format: 'parquet',
      isCompressed,
      batches: await parquet(await unpacked(bytes.all, name), name, progress),
    };
  await refuseForeign(start, `What is in ${name}`, null);
  return { isCompressed, ...(await decodedRows(bytes.all, name, columns)) };
}

const parquetMagic = [0x50, 0x41, 0x52, 0x31]; // "PAR1"
const isParquet = (head: Uint8Array): boolean => parquetMagic.every((byte, index) => head[index] === byte);

/** Its reader is loaded with the first file that needs it. */
async function parquet(blob: FileBytes, name: string, progress: ByteProgress): Promise<RowSource['batches']> {
  const { parquetRows } = await import('./read-parquet.ts');
  return parquetRows(blob, name, progress);
}

async function decodedRows(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  columns: readonly string[],
): Promise<Pick<RowSource, 'format' | 'batches'>> {
  const text = await peek(textChunks(bytes, name), (chunks) => chunks.at(-1)?.trim() !== '');
  const start = text.taken.at(-1)?.trimStart() ?? '';
  refuseForeignText(start, name);
  return textRows(text.all, start, name, columns);
}

async function textRows(
  chunks: AsyncIterable<string>,
  start: string,
  name: string,
  columns: readonly string[],
): Promise<Pick<RowSource, 'format' | 'batches'>> {
  const ending = /\.(\w+)(?:\.gz)?$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  const firstLine = /^[^\r\n]*/.exec(start)?.[0] ?? '';
  if (start.startsWith('[') && !isJsonLine(firstLine, start))
    return { format: 'json', batches: listRows(chunks, name) };
  if (start.startsWith('[') || start.startsWith('{')) return objectRows(chunks, name, columns);
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
  columns: readonly string[],
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
    const { format, rows } = wrappedRows(only.value, name, columns);
    return { format, batches: once(rows) };
  }
  const whole = parseJsonRow(1, texts.join('\n'), charCount + Math.max(0, texts.length - 1));
  if (isProblem(whole)) {
    const isOverLines = seen.length > 1 && seen.every(isProblem) && /^\s*[{[][^}\]]*$/.test(texts[0]);
    if (isOverLines)
      throw new TrainerError(
        'dataset-unreadable',
        `${name} ${whole.reason}. ${acceptedShapes}`,
        whole.excerpt,
      );
    return { format: 'jsonl', batches: checked(once(seen), name) };
  }
  const { format, rows } = wrappedRows(whole.value, name, columns);
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

/** The beginning of a stream, and the stream with it. Takes chunks until there are enough. */
async function peek<T extends Uint8Array | string>(
  stream: AsyncGenerator<T>,
  isEnough: (taken: readonly T[]) => boolean,
): Promise<{ taken: readonly T[]; all: AsyncGenerator<T> }> {
  const taken: T[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done === true) break;
    taken.push(next.value);
    if (isEnough(taken)) break;
  }
  const first = [...taken];
  async function* all(): AsyncGenerator<T> {
    yield* first;
    first.length = 0;
    yield* stream;
  }
  return { taken, all: all() };
}

const lengthOf = (chunks: readonly Uint8Array[]): number =>
  chunks.reduce((sum, { length }) => sum + length, 0);

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(lengthOf(chunks));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
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
