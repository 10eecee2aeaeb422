/** What every reader gives: rows with their place in the file, or the reason why there is none. */
import type { RowProblem } from '../api/trainer-api.ts';
import { TooDeep } from '../support/parse-json.ts';
import { shortened, textOf } from '../support/text-of.ts';
import { jsonFault, parsePythonJson } from './json-form.ts';

export interface RawRow {
  /** 1-based: the line of JSONL and CSV where the row starts; the number of the row in a JSON list and in Parquet. */
  readonly line: number;
  readonly value: unknown;
}
export type ReadRow = RawRow | RowProblem;

export const isProblem = (row: object): row is RowProblem => 'code' in row && 'reason' in row;

export const acceptedShapes =
  'Accepted: {"messages"}, {"conversations"}, {"prompt", "completion"}, {"instruction", "response"}, {"instruction", "input", "output"}, {"question", "response"} or {"text"}; other columns can be mapped.';

/** The beginning of a row or a cell as it could stand in the file, for the report. */
export function excerptOf(value: unknown, maxChars = 80): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? shortened(value, maxChars) : textOf(value, maxChars);
}

/** One row of JSON text. */
export function parseJsonRow(line: number, text: string, length: number): ReadRow {
  if (length > text.length || text.length === 0) return unreadRow(line, text, length);
  try {
    return { line, value: parsePythonJson(text) };
  } catch (error) {
    const code = error instanceof TooDeep ? 'row-shape' : 'row-not-json';
    return { line, code, reason: jsonFault(text, error), excerpt: excerptOf(text) };
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
