/**
 * Tokens of many rows in a few large arrays. 5 bytes a token are kept (its id, and whether it is trained) and about 60 a
 * row: arrays of its own would cost a short row more than its tokens, so they are made when they are asked for.
 */
import type { Masked, Window } from './fit-length.ts';
import type { TokenizedExample } from './mask.ts';

const SLAB_TOKENS = 1 << 20;

interface Slab {
  readonly tokens: Int32Array;
  readonly isTarget: Uint8Array;
}

class StoredExample implements TokenizedExample {
  readonly line: number;
  readonly targetCount: number;
  readonly truncated: boolean;
  readonly #slab: Slab;
  readonly #start: number;
  readonly #end: number;

  constructor(line: number, { targetCount, truncated }: Window, slab: Slab, start: number, end: number) {
    this.line = line;
    this.targetCount = targetCount;
    this.truncated = truncated;
    this.#slab = slab;
    this.#start = start;
    this.#end = end;
  }

  get tokens(): Int32Array {
    return this.#slab.tokens.subarray(this.#start, this.#end);
  }

  get isTarget(): Uint8Array {
    return this.#slab.isTarget.subarray(this.#start, this.#end);
  }
}

export class TokenStore {
  readonly #slabTokens: number;
  #slab: Slab = { tokens: new Int32Array(0), isTarget: new Uint8Array(0) };
  #used = 0;

  /** `slabTokens` 0: every row has arrays of its own. */
  constructor(slabTokens = SLAB_TOKENS) {
    this.#slabTokens = slabTokens;
  }

  /** The tokens of one window of a row. The first is never trained: nothing in the window predicts it. */
  keep(line: number, { ids, isTarget }: Masked, window: Window): TokenizedExample {
    const count = window.end - window.start;
    if (this.#used + count > this.#slab.tokens.length) {
      const size = Math.max(this.#slabTokens, count);
      this.#slab = { tokens: new Int32Array(size), isTarget: new Uint8Array(size) }; // its rows hold the former one
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += count;
    const slab = this.#slab;
    for (let i = 0; i < count; i++) slab.tokens[start + i] = ids[window.start + i];
    for (let i = 1; i < count; i++) slab.isTarget[start + i] = isTarget[window.start + i];
    return new StoredExample(line, window, slab, start, this.#used);
  }
}
