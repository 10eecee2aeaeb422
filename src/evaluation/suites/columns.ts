/** The cells of a suite's row by column, whatever the case of its name; and which of them were read. */
import { RowFields, type Row } from '../../data/row-fields.ts';
import { isRefusal, type Refusal } from '../../data/refusal.ts';

export class Columns {
  readonly fields: RowFields;
  readonly #nameOf: ReadonlyMap<string, string>;

  constructor(row: Row) {
    this.fields = new RowFields(row);
    this.#nameOf = new Map(Object.keys(row).map((name) => [name.toLowerCase(), name]));
  }

  /** The first of these columns that is there, by its own name. */
  find(...names: readonly string[]): string | null {
    for (const name of names) {
      const own = this.#nameOf.get(name.toLowerCase());
      if (own !== undefined && this.fields.isFilled(own)) return own;
    }
    return null;
  }

  /** Its value; undefined where none of the columns holds something. */
  value(...names: readonly string[]): unknown {
    const name = this.find(...names);
    return name === null ? undefined : this.fields.read(name);
  }

  /** A text that must be there. Numbers count as texts. */
  text(...names: readonly string[]): string | Refusal {
    const name = this.find(...names);
    if (name === null) return { code: 'row-empty', reason: `has nothing in ${quoted(names)}` };
    const text = textOf(this.fields.read(name));
    return text ?? { code: 'row-shape', reason: `has a "${name}" that is not text` };
  }

  /** A text that may be missing. */
  optional(...names: readonly string[]): string | null {
    const name = this.find(...names);
    return name === null ? null : textOf(this.fields.read(name));
  }
}

const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(' or ');

export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value.trim() === '' ? null : value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return null;
}

/**
 * A list of texts, as JSON has it or as its JSON text, or as numpy and Python print it. `null`: it is none.
 * Parquet and pandas write lists of a CSV in the form ['a' 'b'] or ['a', "b's"].
 */
export function listOfTexts(value: unknown): string[] | null {
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return Array.from(value as Iterable<unknown>, (item) => textOf(item) ?? '');
  if (typeof value !== 'string' || !/^\s*\[[\s\S]*\]\s*$/.test(value)) return null;
  try {
    const parsed: unknown = JSON.parse(value);
    if (Array.isArray(parsed)) return parsed.map((item) => textOf(item) ?? '');
  } catch {
    // not JSON: Python's own form, read below
  }
  return pythonList(value.trim().slice(1, -1));
}

/** 'a', "b's" with commas, line breaks or blanks between them; null where anything else stands between. */
function pythonList(inner: string): string[] | null {
  const item = /\s*,?\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/y;
  const items: string[] = [];
  let end = 0;
  for (let match = item.exec(inner); match !== null; match = item.exec(inner)) {
    items.push((match[1] ?? match[2] ?? '').replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c)));
    end = item.lastIndex;
  }
  return items.length > 0 && inner.slice(end).trim().replace(/^,$/, '') === '' ? items : null;
}

export { isRefusal, type Refusal };
