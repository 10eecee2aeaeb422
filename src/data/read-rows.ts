/**
 * A dropped file's bytes to rows with line numbers. JSONL, or JSON: a list of rows, or an object with one list in it.
 * A bad row is reported and the rest is kept; nothing is dropped silently.
 */
import type { RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';

export interface RawRow {
  readonly line: number; // 1-based line of a JSONL file; 1-based row of a JSON list
  readonly value: unknown;
}
export interface RawRows {
  readonly format: 'jsonl' | 'json';
  readonly rows: readonly RawRow[];
  readonly rejected: readonly RowProblem[]; // all "row-not-json"
  readonly totalRows: number; // rows.length + rejected.length; blank lines are not rows
}

export const acceptedShapes =
  'Accepted: {"instruction", "response"}, {"prompt", "completion"} or {"messages"}, one row per line (JSONL) or as a JSON list.';

/** Fields that make an object a row by itself, not a wrapper around rows. */
const rowFields = ['instruction', 'response', 'prompt', 'completion', 'messages'];

/** @throws TrainerError "dataset-unreadable" when it is not text, or no part of it is JSON. */
export function readRows(bytes: Uint8Array): RawRows {
  const text = decodeText(bytes);
  const whole = tryParse(text);
  if (whole.ok) return rowsOfJson(whole.value);
  return rowsOfLines(text, whole.reason);
}

/** The first 80 characters of a row, for the report. */
export function excerptOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.slice(0, 80);
}

function decodeText(bytes: Uint8Array): string {
  const utf16 =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : null;
  let text: string;
  try {
    text = new TextDecoder(utf16 ?? 'utf-8', { fatal: true }).decode(bytes); // takes a byte order mark away
  } catch {
    throw new TrainerError('dataset-unreadable', `The file is not UTF-8 text. ${acceptedShapes}`);
  }
  if (text.includes('\0'))
    throw new TrainerError('dataset-unreadable', `The file is not text. ${acceptedShapes}`);
  return text;
}

type Parsed =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };
function tryParse(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

function rowsOfJson(value: unknown): RawRows {
  if (Array.isArray(value)) return numbered('json', value);
  if (typeof value !== 'object' || value === null)
    throw new TrainerError(
      'dataset-unreadable',
      `The file holds ${excerptOf(value)}, not rows. ${acceptedShapes}`,
    );
  // A JSONL file with a single row is valid JSON too.
  if (rowFields.some((field) => Object.hasOwn(value, field))) return numbered('jsonl', [value]);
  const lists = Object.entries(value).filter(([, field]) => Array.isArray(field)) as [string, unknown[]][];
  if (lists.length === 1) return numbered('json', lists[0][1]);
  if (lists.length === 0) return numbered('jsonl', [value]);
  throw new TrainerError(
    'dataset-unreadable',
    `The file holds ${lists.length} lists (${lists.map(([name]) => name).join(', ')}): keep the one to train on. ${acceptedShapes}`,
  );
}

function numbered(format: RawRows['format'], values: readonly unknown[]): RawRows {
  const rows = values.map((value, index) => ({ line: index + 1, value }));
  return { format, rows, rejected: [], totalRows: rows.length };
}

function rowsOfLines(text: string, wholeReason: string): RawRows {
  const rows: RawRow[] = [];
  const rejected: RowProblem[] = [];
  for (const [index, content] of text.split(/\r\n|\n|\r/).entries()) {
    if (content.trim() === '') continue;
    const line = index + 1;
    const parsed = tryParse(content);
    if (parsed.ok) rows.push({ line, value: parsed.value });
    else
      rejected.push({
        line,
        code: 'row-not-json',
        reason: `is not JSON: ${parsed.reason}`,
        excerpt: excerptOf(content),
      });
  }
  const looksLikeList = text.trimStart().startsWith('[');
  if (rejected.length > 0 && (rows.length === 0 || looksLikeList)) {
    const first = rejected[0];
    const where = looksLikeList
      ? `the JSON list is broken: ${wholeReason}`
      : `line ${first.line} ${first.reason}`;
    throw new TrainerError(
      'dataset-unreadable',
      `The file is neither JSONL nor JSON: ${where}. ${acceptedShapes}`,
      first.excerpt,
    );
  }
  return { format: 'jsonl', rows, rejected, totalRows: rows.length + rejected.length };
}
