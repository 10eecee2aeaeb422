/**
 * JSON that is not one row per line: a list of rows, cut into its elements while it is read, so that a broken row is
 * one row's problem and a long list never lies in memory; and an object around one list, which is read whole.
 */
import { TrainerError } from '../support/trainer-error.ts';
import { acceptedShapes, excerptOf, parseJsonRow, type ReadRow } from './raw-row.ts';
import { MAX_ROW_CHARS } from './text-lines.ts';

const code = (character: string): number => character.charCodeAt(0);
const quote = code('"');
const backslash = code('\\');
const comma = code(',');
const opening = new Set([code('{'), code('[')]);
const closing = new Set([code('}'), code(']')]);

/** @throws TrainerError "dataset-unreadable" when the list is not closed, or closed too often. */
export async function* listRows(chunks: AsyncIterable<string>, name: string): AsyncGenerator<ReadRow[]> {
  const splitter = new ListSplitter(name);
  for await (const chunk of chunks) {
    const rows = splitter.push(chunk);
    if (rows.length > 0) yield rows;
  }
  splitter.end();
}

/** Walks the brackets and strings of a list. What stands between two commas of its own level is a row. */
class ListSplitter {
  readonly #name: string;
  #depth = 0; // 1: inside the list, between or in plain values
  #inString = false;
  #isEscaped = false;
  #isOver = false;
  #row = 0;
  #text = ''; // of the row that is being read
  #length = 0;

  constructor(name: string) {
    this.#name = name;
  }

  push(chunk: string): ReadRow[] {
    const rows: ReadRow[] = [];
    let start = 0; // of the part of the row that lies in this chunk
    for (let i = 0; i < chunk.length; i++) {
      const c = chunk.charCodeAt(i);
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (c === backslash) this.#isEscaped = true;
        else if (c === quote) this.#inString = false;
        continue;
      }
      if (this.#isOver) {
        if (chunk.slice(i).trim() === '') return rows;
        throw this.#broken(`there is more after its end: ${excerptOf(chunk.slice(i).trim())}`);
      }
      if (c === quote) this.#inString = true;
      else if (opening.has(c)) {
        if (++this.#depth === 1) start = i + 1;
      } else if (closing.has(c)) {
        if (--this.#depth > 0) continue;
        this.#keep(chunk.slice(start, i));
        if (this.#text.trim() !== '') rows.push(this.#take()); // nothing: an empty list, or a comma after the last row
        this.#isOver = true;
        if (c !== code(']')) throw this.#broken('it is closed with "}"');
      } else if (c === comma && this.#depth === 1) {
        this.#keep(chunk.slice(start, i));
        rows.push(this.#take());
        start = i + 1;
      }
    }
    if (this.#depth > 0) this.#keep(chunk.slice(start));
    return rows;
  }

  end(): void {
    if (this.#isOver) return;
    throw this.#broken(
      `it is never closed; the file ends in row ${this.#row + 1}, as a broken download does`,
    );
  }

  #keep(text: string): void {
    this.#length += text.length;
    if (this.#text.length < MAX_ROW_CHARS) this.#text += text.slice(0, MAX_ROW_CHARS - this.#text.length);
  }

  #take(): ReadRow {
    const isWhole = this.#length === this.#text.length;
    const text = this.#text.trim();
    const row = parseJsonRow(++this.#row, text, isWhole ? text.length : this.#length);
    this.#text = '';
    this.#length = 0;
    return row;
  }

  #broken(reason: string): TrainerError {
    return new TrainerError(
      'dataset-unreadable',
      `${this.#name}: the JSON list is broken: ${reason}. ${acceptedShapes}`,
      excerptOf(this.#text),
    );
  }
}

/** Fields that make an object a row by itself, not a wrapper around rows. */
const rowFields = [
  'instruction',
  'response',
  'prompt',
  'completion',
  'messages',
  'conversations',
  'text',
  'question',
  'answer',
  'output',
  'query',
  'problem',
  'solution',
  'chosen',
  'rejected',
];

/**
 * Rows of a whole JSON value that is not a list: one row, or an object with one list of rows in it.
 * `columns`: what the user mapped, which makes an object a row too. @throws TrainerError "dataset-unreadable"
 */
export function wrappedRows(
  value: unknown,
  name: string,
  columns: readonly string[],
): { format: 'json' | 'jsonl'; rows: ReadRow[] } {
  const number = (format: 'json' | 'jsonl', values: readonly unknown[]) => ({
    format,
    rows: values.map((row, index) => ({ line: index + 1, value: row })),
  });
  const refused = (what: string): TrainerError =>
    new TrainerError('dataset-unreadable', `${name} holds ${what}. ${acceptedShapes}`);
  if (!isObject(value)) throw refused(`${excerptOf(value)}, not rows`);
  if (holdsColumns(value))
    throw refused(
      'columns, not rows, as to_json of pandas and to_dict of datasets write them; write rows with df.to_json("rows.jsonl", orient="records", lines=True)',
    );
  // A JSONL file with a single row is valid JSON too.
  if ([...rowFields, ...columns].some((field) => Object.hasOwn(value, field)))
    return number('jsonl', [value]);
  const lists = Object.entries(value).filter(([, field]) => Array.isArray(field)) as [string, unknown[]][];
  const hasText = Object.values(value).some((field) => typeof field === 'string');
  const ofRows = lists.filter(([, list]) => (list.length === 0 ? !hasText : list.some(isRowLike)));
  if (ofRows.length === 1) return number('json', ofRows[0][1]);
  if (ofRows.length === 0) return number('jsonl', [value]);
  const names = ofRows.map(([list]) => list).slice(0, 8);
  throw refused(`${ofRows.length} lists (${names.join(', ')}): keep the one to train on`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Tags and numbers are values of a row, turns are parts of one. */
const isRowLike = (value: unknown): boolean =>
  isObject(value) && !(('role' in value && 'content' in value) || ('from' in value && 'value' in value));

/** pandas' orients "columns", "index" and "split", and a dict of lists: each says what a column holds, not what a row does. */
function holdsColumns(value: Record<string, unknown>): boolean {
  const [names, fields] = [Object.keys(value), Object.values(value)];
  if (fields.length === 0) return false;
  if ([...names].sort().join() === 'columns,data,index') return true;
  const isNumber = (key: string): boolean => /^\d+$/.test(key);
  if (fields.every(isObject))
    return (
      names.every(isNumber) ||
      fields.every((field) => Object.keys(field).length > 0 && Object.keys(field).every(isNumber))
    );
  const isColumn = (field: unknown): field is unknown[] =>
    Array.isArray(field) && field.length > 0 && !field.some(isObject);
  return fields.every(isColumn) && new Set(fields.map(({ length }) => length)).size === 1;
}
