/**
 * Regular expressions of strangers: JavaScript's engine tries every way in which a text can be cut into the rounds of a
 * repetition, and (a+)+b has 2ⁿ of them. A pattern is safe here where each repeated group is deterministic in Glushkov's
 * sense (Brüggemann-Klein, "Regular expressions into finite automata"): after each letter, at most one place of the pattern
 * can take the next one, and it is reached in one way. Patterns of published tokenizers repeat single classes and pass.
 */
import { parsePattern, type PatternNode } from './regex-parts.ts';

const MAX_PLACES = 400;
/** `{2,5}` is written out; from here on it is taken for `+`. */
const MAX_COPIES = 10;

/** true: no text takes exponential time. false also where it cannot be told. `flags` as of the RegExp that is made. */
export function isSafePattern(source: string, flags: string): boolean {
  try {
    const checker = new Checker(flags);
    checker.build(parsePattern(source));
    return true;
  } catch (error) {
    if (error instanceof Unsafe) return false;
    throw error;
  }
}

class Unsafe extends Error {}

/** A place of the pattern that takes one letter. */
interface Place {
  readonly letters: Uint8Array; // of the sample
  readonly next: Set<Place>;
}
interface Part {
  readonly isNullable: boolean;
  readonly first: readonly Place[];
  readonly last: readonly Place[];
  readonly all: readonly Place[];
}
const nothing: Part = { isNullable: true, first: [], last: [], all: [] };

/** Holds a repetition of more than one length: rounds of it multiply the ways. */
function isVariable(node: PatternNode): boolean {
  switch (node.kind) {
    case 'choice':
    case 'sequence':
      return node.parts.some(isVariable);
    case 'repeat':
      return node.min !== node.max || isVariable(node.inside);
    default:
      return false;
  }
}

class Checker {
  readonly #flags: string;
  readonly #known = new Map<string, Uint8Array>();
  #placeCount = 0;

  constructor(flags: string) {
    this.#flags = [...new Set(`${flags.replace(/[gy]/g, '')}gu`)].join('');
  }

  build(node: PatternNode): Part {
    switch (node.kind) {
      case 'letter': {
        if (++this.#placeCount > MAX_PLACES) throw new Unsafe();
        const place = { letters: this.#lettersOf(node.source), next: new Set<Place>() };
        return { isNullable: false, first: [place], last: [place], all: [place] };
      }
      case 'empty':
        return nothing;
      case 'look': // takes no letter; its own repetitions are checked
        this.build(node.inside);
        return nothing;
      case 'choice': {
        const parts = node.parts.map((part) => this.build(part));
        return {
          isNullable: parts.some(({ isNullable }) => isNullable),
          first: parts.flatMap(({ first }) => first),
          last: parts.flatMap(({ last }) => last),
          all: parts.flatMap(({ all }) => all),
        };
      }
      case 'sequence':
        return node.parts.map((part) => this.build(part)).reduce(joined, nothing);
      case 'repeat':
        return this.#repeated(node);
    }
  }

  #repeated({ inside, min, max }: Extract<PatternNode, { kind: 'repeat' }>): Part {
    if (max === 0) return nothing;
    if (max > MAX_COPIES || (max > 1 && isVariable(inside))) {
      const body = this.build(inside);
      if (body.isNullable && min > 1) throw new Unsafe(); // empty rounds count up to the least
      connect(body.last, body.first);
      checkDeterministic(body);
      return min === 0 ? { ...body, isNullable: true } : body;
    }
    let whole = nothing;
    for (let copy = max; copy > 0; copy--) {
      const one = joined(this.build(inside), whole);
      whole = copy > min ? { ...one, isNullable: true } : one;
    }
    return whole;
  }

  #lettersOf(source: string): Uint8Array {
    const known = this.#known.get(source);
    if (known !== undefined) return known;
    const letters = new Uint8Array(sample.length);
    let pattern: RegExp;
    try {
      pattern = new RegExp(source, this.#flags);
    } catch {
      throw new Unsafe();
    }
    for (const { index } of sample.matchAll(pattern)) letters[index] = 1;
    this.#known.set(source, letters);
    return letters;
  }
}

function joined(a: Part, b: Part): Part {
  connect(a.last, b.first);
  return {
    isNullable: a.isNullable && b.isNullable,
    first: a.isNullable ? [...a.first, ...b.first] : a.first,
    last: b.isNullable ? [...a.last, ...b.last] : b.last,
    all: [...a.all, ...b.all],
  };
}

/** A way that is there already would be a second one. */
function connect(from: readonly Place[], to: readonly Place[]): void {
  for (const place of from)
    for (const next of to) {
      if (place.next.has(next)) throw new Unsafe();
      place.next.add(next);
    }
}

/** Only of repetitions: what is not repeated is tried a bounded number of times. */
function checkDeterministic({ first, all }: Part): void {
  if (all.length === 1) return;
  for (const places of [first, ...all.map(({ next }) => [...next])]) {
    const taken = new Uint8Array(sample.length);
    for (const { letters } of places)
      for (let i = 0; i < letters.length; i++) {
        if (letters[i] === 0) continue;
        if (taken[i] === 1) throw new Unsafe();
        taken[i] = 1;
      }
  }
}

/** Letters of every script and category: the first 12,288 code points, and every 64th of the others. */
const sample = [
  ...Array.from({ length: 0x3000 }, (_, code) => code),
  ...Array.from({ length: (0x110000 - 0x3000) / 64 }, (_, i) => 0x3000 + 64 * i),
]
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .join('');
