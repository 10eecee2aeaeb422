/** The structure of a JavaScript regular expression: what is repeated, and which letters each place of it takes. */

export type PatternNode =
  | { readonly kind: 'letter'; readonly source: string } // a class, an escape, a point or a letter
  | { readonly kind: 'empty' } // anchors and word boundaries
  | { readonly kind: 'look'; readonly inside: PatternNode }
  | { readonly kind: 'choice' | 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly inside: PatternNode; readonly min: number; readonly max: number };

/** Of a pattern that RegExp accepts. */
export const parsePattern = (source: string): PatternNode => new Parser(source).choice();

const anyLetter: PatternNode = { kind: 'letter', source: '[^]' };
const classOf = /\[(?:\\[^]|[^\\\]])*\]/uy;
const escapeOf = /\\(?:[pP]\{[^}]*\}|u\{[\da-f]+\}|u[\da-f]{4}|x[\da-f]{2}|c[a-z]|k<[^>]*>|\d+|[^])/iuy;
const quantifierOf = /(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/uy;
const groupOf = /\((?:\?(?:<[=!]|[=!]|<[^>]*>|[-ims]*:))?/uy;

class Parser {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  choice(): PatternNode {
    const parts = [this.#sequence()];
    while (this.#source[this.#at] === '|') {
      this.#at++;
      parts.push(this.#sequence());
    }
    return parts.length === 1 ? parts[0] : { kind: 'choice', parts };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#at < this.#source.length && this.#source[this.#at] !== '|' && this.#source[this.#at] !== ')')
      parts.push(this.#quantified(this.#one()));
    return { kind: 'sequence', parts };
  }

  #quantified(inside: PatternNode): PatternNode {
    const found = this.#take(quantifierOf);
    if (found === null) return inside;
    const [, sign, least, comma, most] = found;
    const [min, max] =
      sign === undefined
        ? [Number(least), comma === undefined ? Number(least) : most === '' ? Infinity : Number(most)]
        : [sign === '+' ? 1 : 0, sign === '?' ? 1 : Infinity];
    return { kind: 'repeat', inside, min, max };
  }

  #one(): PatternNode {
    const group = this.#take(groupOf);
    if (group !== null) {
      const inside = this.choice();
      this.#at++; // the closing bracket
      return /[=!]$/.test(group[0]) ? { kind: 'look', inside } : inside;
    }
    const escape = this.#take(escapeOf)?.[0];
    if (escape !== undefined) {
      if (/^\\[bB]$/.test(escape)) return { kind: 'empty' };
      return /^\\(?:k<|[1-9])/.test(escape) ? anyLetter : { kind: 'letter', source: escape };
    }
    const source = this.#take(classOf)?.[0] ?? String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    if (!source.startsWith('[') || source === '[') this.#at += source.length;
    if (source === '^' || source === '$') return { kind: 'empty' };
    // Outside of the mode "u" a bracket may stand for itself.
    return { kind: 'letter', source: /^[\]{}[]$/.test(source) ? `\\${source}` : source };
  }

  #take(form: RegExp): RegExpExecArray | null {
    form.lastIndex = this.#at;
    const found = form.exec(this.#source);
    this.#at += found?.[0].length ?? 0;
    return found;
  }
}
