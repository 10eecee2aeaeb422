/** The fields of a row, and which of them were read: what a row holds and nobody reads is told to the user. */

export type Row = Readonly<Record<string, unknown>>;

/** Deeper than this a value is taken to hold something: JSON.parse has no limit, the stack has. */
const MAX_DEPTH = 20;

/** null, blank text, NaN, and lists and objects of nothing else: the ways in which files say that a cell is empty. */
export function isNothing(value: unknown, depth = 0): boolean {
  if (value === null || value === undefined) return true;
  if (typeof value === 'string') return value.trim() === '';
  if (typeof value === 'number') return Number.isNaN(value);
  if (typeof value !== 'object' || value instanceof Date) return false;
  if (ArrayBuffer.isView(value)) return value.byteLength === 0;
  if (depth > MAX_DEPTH) return false;
  return Object.values(value).every((part) => isNothing(part, depth + 1));
}

/** How tables write a missing value or an empty list. */
const emptyTexts = new Set(['[]', '{}', 'null', 'None', 'nan', 'NaN']);

/** The same where a table has its text. Not for questions and answers, which may well say "null". */
export const isEmptyCell = (value: unknown): boolean =>
  isNothing(value) || (typeof value === 'string' && emptyTexts.has(value.trim()));

export class RowFields {
  readonly names: readonly string[];
  readonly #row: Row;
  readonly #read = new Set<string>();
  readonly #unusedWithin = new Set<string>();

  constructor(row: Row) {
    this.#row = row;
    this.names = Object.keys(row);
  }

  /** The value, without counting it as read. */
  peek(name: string): unknown {
    return Object.hasOwn(this.#row, name) ? this.#row[name] : undefined;
  }

  read(name: string): unknown {
    this.#read.add(name);
    return this.peek(name);
  }

  isKnown(name: string): boolean {
    return Object.hasOwn(this.#row, name);
  }

  /** Not null; it may be empty. */
  isGiven(name: string): boolean {
    const value = this.peek(name);
    return value !== undefined && value !== null;
  }

  isFilled(name: string): boolean {
    return !isNothing(this.peek(name));
  }

  /** Told by those who read a field with fields of its own: "messages[].name". */
  readonly leaveOut = (name: string): void => {
    this.#unusedWithin.add(name);
  };

  /** Names of what the row holds and nobody has read. */
  unused(): string[] {
    const own = this.names.filter((name) => !this.#read.has(name) && !isEmptyCell(this.peek(name)));
    return [...own, ...this.#unusedWithin];
  }
}
