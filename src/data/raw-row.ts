/** What every reader gives: rows with their place in the file, or the reason why there is none. */
import type { RowProblem } from '../api/trainer-api.ts';
import { jsonFault, parseJson } from './json-form.ts';

export interface RawRow {
  /** 1-based: the line of JSONL and CSV where the row starts; the number of the row in a JSON list and in Parquet. */
  readonly line: number;
  readonly value: unknown;
}
export type ReadRow = RawRow | RowProblem;

export const isProblem = (row: object): row is RowProblem => 'code' in row && 'reason' in row;

export const acceptedShapes =
  'Accepted: {"messages"}, {"conversations"}, {"prompt", "completion"}, {"instruction", "response"}, {"instruction", "input", "output"}, {"question", "response"} or {"text"}; other columns can be mapped.';

/** The first 80 characters of a row, for the report. */
export function excerptOf(value: unknown): string {
  return textOf(value).slice(0, 80);
}

/** A value as it could stand in the file. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return 'nested too deeply to be shown'; // JSON.parse has no limit, JSON.stringify has the stack
  }
}

/** One row of JSON text. */
export function parseJsonRow(line: number, text: string, length: number): ReadRow {
  if (length > text.length || text.length === 0) return unreadRow(line, text, length);
  try {
    return { line, value: parseJson(text) };
  } catch (error) {
    return { line, code: 'row-not-json', reason: jsonFault(text, error), excerpt: excerptOf(text) };
  }
}

function unreadRow(line: number, text: string, length: number): RowProblem {
  return length === 0
    ? { line, code: 'row-not-json', reason: 'is not JSON: there is nothing between two commas', excerpt: '' }
    : {
        line,
        code: 'row-too-long',
        reason: `has ${length} characters; rows of that size are not read`,
        excerpt: excerptOf(text),
      };
}
