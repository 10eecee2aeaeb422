/** CSV and TSV with a header line, through papaparse's own parser, fed piece by piece so that no file has to fit into memory. */
import Papa from 'papaparse';
import type { RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import { excerptOf, type ReadRow } from './raw-row.ts';
import { MAX_ROW_CHARS } from './text-lines.ts';

/** A file with more has its rows where its columns should be. */
const MAX_COLUMNS = 10_000;
const delimiters = [',', '\t', ';', '|'];

/** The delimiter that stands most often outside quotes in the header line. */
export function guessDelimiter(header: string): string {
  const bare = header.replace(/"[^"]*"/g, '');
  const counts = delimiters.map((delimiter) => bare.split(delimiter).length);
  return delimiters[counts.indexOf(Math.max(...counts))];
}

interface Parsed {
  readonly data: readonly string[][];
  readonly errors: readonly { readonly code: string }[];
  readonly meta: { readonly cursor: number };
}

/** @throws TrainerError "dataset-unreadable" when the header cannot be used, or a quote is never closed. */
export async function* csvRows(
  chunks: AsyncIterable<string>,
  name: string,
  delimiter: string,
): AsyncGenerator<ReadRow[]> {
  const table = new Table(name);
  const parse = (text: string, isLast: boolean): Parsed =>
    new Papa.Parser({ delimiter, newline: newlineOf(text) }).parse(text, 0, !isLast) as Parsed;
  let pending = '';
  let neededChars = 0; // a record that was not complete is tried again when there is twice as much
  for await (const chunk of chunks) {
    pending += chunk;
    if (pending.length > MAX_ROW_CHARS && neededChars > 0) throw table.neverClosed(pending);
    if (pending.length < neededChars) continue;
    // A CR at the end may be half of a CRLF.
    const { data, meta } = parse(pending.endsWith('\r') ? pending.slice(0, -1) : pending, false);
    pending = pending.slice(meta.cursor);
    neededChars = data.length === 0 ? pending.length * 2 : 0;
    const rows = table.rowsOf(data);
    if (rows.length > 0) yield rows;
  }
  if (pending !== '') {
    const { data, errors } = parse(pending, true);
    if (errors.some(({ code }) => code === 'MissingQuotes')) throw table.neverClosed(pending);
    yield table.rowsOf(data);
  }
  if (table.columns === null) throw new TrainerError('dataset-empty', `${name} holds no rows.`);
}

function newlineOf(text: string): '\r\n' | '\n' | '\r' {
  const first = /\r\n|\n|\r/.exec(text)?.[0];
  return first === '\r\n' || first === '\r' ? first : '\n';
}

/** Records to objects under the header's names, with the line each one starts in. */
class Table {
  columns: readonly string[] | null = null;
  line = 1;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  rowsOf(records: readonly string[][]): ReadRow[] {
    return records.flatMap((record) => {
      const line = this.line;
      this.line += 1 + record.reduce((count, field) => count + (field.match(/\r\n|\n|\r/g)?.length ?? 0), 0);
      if (record.length === 1 && record[0].trim() === '') return []; // a blank line
      if (this.columns !== null) return [toRow(line, record, this.columns)];
      this.columns = this.#header(record);
      return [];
    });
  }

  /** `rest`: from the row on that may never end. */
  neverClosed(rest: string): TrainerError {
    return new TrainerError(
      'dataset-unreadable',
      `${this.#name}: a quote is opened in line ${this.line} or after it and never closed. Close it, or double it ("") where it is meant.`,
      excerptOf(rest),
    );
  }

  #header(record: readonly string[]): string[] {
    const columns = record.map((field) => field.trim());
    const seen = new Set<string>();
    const twice = columns.find((column) => seen.size === seen.add(column).size);
    const isFine = twice === undefined && !seen.has('') && columns.length <= MAX_COLUMNS;
    if (isFine) return columns;
    const what = seen.has('')
      ? 'a column without a name'
      : twice === undefined
        ? `${columns.length} columns, more than ${MAX_COLUMNS},`
        : `the column "${excerptOf(twice)}" twice`;
    throw new TrainerError(
      'dataset-unreadable',
      `${this.#name} has ${what} in its first line. The first line names the columns.`,
      excerptOf(record.join(',')),
    );
  }
}

function toRow(line: number, record: readonly string[], columns: readonly string[]): ReadRow {
  if (record.length === columns.length)
    return { line, value: Object.fromEntries(columns.map((column, index) => [column, record[index]])) };
  return {
    line,
    code: 'row-shape',
    reason: `has ${record.length} fields; the first line names ${columns.length} columns`,
    excerpt: excerptOf(record.join(',')),
  } satisfies RowProblem;
}
