/** CSV and TSV with a header line, through papaparse's own parser, fed piece by piece so that no file has to fit into memory. */
import Papa from 'papaparse';
import type { RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import { excerptOf, type ReadRow } from './raw-row.ts';
import { MAX_ROW_CHARS } from './text-lines.ts';

const delimiters = [',', '\t', ';', '|'];

/** The delimiter that stands most often outside quotes in the header line. */
export function guessDelimiter(header: string): string {
  const bare = header.replace(/"[^"]*"/g, '');
  const counts = delimiters.map((delimiter) => bare.split(delimiter).length);
  return delimiters[counts.indexOf(Math.max(...counts))];
}

interface Parsed {
  readonly data: readonly string[][];
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
    if (pending.length < neededChars) continue;
    // A CR at the end may be half of a CRLF.
    const { data, meta } = parse(pending.endsWith('\r') ? pending.slice(0, -1) : pending, false);
    pending = pending.slice(meta.cursor);
    neededChars = data.length === 0 ? pending.length * 2 : 0;
    if (data.length === 0 && pending.length > MAX_ROW_CHARS)
      throw new TrainerError(
        'dataset-unreadable',
        `${name}: the row that starts in line ${table.line} does not end within ${MAX_ROW_CHARS} characters: a quote is probably never closed.`,
        excerptOf(pending),
      );
    const rows = table.rowsOf(data);
    if (rows.length > 0) yield rows;
  }
  if (pending !== '') yield table.rowsOf(parse(pending, true).data);
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

  #header(record: readonly string[]): string[] {
    const columns = record.map((field) => field.trim());
    const twice = columns.find((column, index) => columns.indexOf(column) !== index);
    if (twice === undefined && !columns.includes('')) return columns;
    const what = columns.includes('') ? 'a column without a name' : `the column "${twice}" twice`;
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
