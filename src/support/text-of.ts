/**
 * A value of a stranger's file as a short text for a message. Describing what is wrong must not fail itself: JSON.stringify
 * overflows the stack on a value that is nested deeply, refuses cycles and BigInt, and lets control characters through that a
 * terminal obeys. Outside of messages JSON is still written by JSON.stringify.
 */

const DEEPEST = 6; // levels shown: a message is read by people
const standardChars = 120;
const unshowable = 'a value that cannot be shown';

/** As JSON where it has such a form; texts in quotes. At most `maxChars`, the last of them "…" where something was cut. */
export function textOf(value: unknown, maxChars = standardChars): string {
  const writer = new Writer(maxChars);
  try {
    writer.write(value, 0);
  } catch (error) {
    if (!(error instanceof Full)) return unshowable; // a getter or a proxy that throws
  }
  return shortened(writer.text, maxChars);
}

/** What an error says, whoever threw it: messages of parsers quote the file. */
export function reasonOf(error: unknown, maxChars = 300): string {
  let reason = unshowable;
  try {
    reason = error instanceof Error ? error.message : String(error);
  } catch {
    // a toString that throws
  }
  return shortened(withoutControls(reason.slice(0, maxChars + 1)), maxChars);
}

/** Never half of a surrogate pair. */
export function shortened(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const end = maxChars - 1;
  return `${text.slice(0, /[\ud800-\udbff]/.test(text[end - 1] ?? '') ? end - 1 : end)}…`;
}

/** Control characters, marks that turn the direction of writing, and halves of surrogate pairs, as escapes. Line ends and tabs stay. */
export const withoutControls = (text: string): string => text.replace(hiddenCharacters, escapeOf);

const hiddenCharacters =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const escapeOf = (letter: string): string => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Thrown when the text is long enough. */
class Full extends Error {}

class Writer {
  text = '';
  readonly #maxChars: number;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  write(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        return this.#add(withoutControls(JSON.stringify(value.slice(0, this.#maxChars + 1))));
      case 'bigint':
        return this.#add(value > -(2n ** 256n) && value < 2n ** 256n ? `${value}` : 'a huge number');
      case 'function':
        return this.#add('a function');
      case 'object':
        if (value === null) return this.#add('null');
        if (depth >= DEEPEST) return this.#add('…');
        return this.#object(value, depth);
      default:
        return this.#add(String(value)); // number, with NaN and Infinity; boolean, undefined, symbol
    }
  }

  #object(value: object, depth: number): void {
    if (value instanceof Date) return this.#add(String(value.getTime()));
    if (ArrayBuffer.isView(value)) return this.#add(`${value.byteLength} bytes`);
    if (Array.isArray(value)) {
      this.#add('[');
      for (let i = 0; i < value.length; i++) {
        if (i > 0) this.#add(',');
        this.write(value[i], depth + 1);
      }
      return this.#add(']');
    }
    this.#add('{');
    let isFirst = true;
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      if (!isFirst) this.#add(',');
      isFirst = false;
      this.write(key, depth);
      this.#add(':');
      this.write((value as Record<string, unknown>)[key], depth + 1);
    }
    this.#add('}');
  }

  #add(text: string): void {
    this.text += text;
    if (this.text.length > this.#maxChars) throw new Full();
  }
}
