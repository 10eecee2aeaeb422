/**
 * Tokens of many rows in a few large arrays. 5 bytes a token are kept (its id, and whether it is trained) and about 60 a
 * row: arrays of its own would cost a short row more than its tokens, so they are made when they are asked for. Weights
 * cost 4 bytes more a token, and only from the first row that has one.
 */
import type { Masked, Window } from './fit-length.ts';
import type { TokenizedExample } from './mask.ts';

const SLAB_TOKENS = 1 << 20;

interface Slab {
  readonly tokens: Int32Array;
  readonly isTarget: Uint8Array;
  weights: Float32Array | null; // made for the first row with weights
}

interface Place {
  readonly slab: Slab;
  readonly start: number;
  readonly end: number;
  readonly isWeighted: boolean;
}

class StoredExample implements TokenizedExample {
  readonly line: number;
  readonly targetCount: number;
  readonly truncated: boolean;
  readonly #slab: Slab;
  readonly #start: number;
  readonly #end: number;
  readonly #isWeighted: boolean;

  constructor(line: number, { targetCount, truncated }: Window, { slab, start, end, isWeighted }: Place) {
    this.line = line;
    this.targetCount = targetCount;
    this.truncated = truncated;
    this.#slab = slab;
    this.#start = start;
    this.#end = end;
    this.#isWeighted = isWeighted;
  }

  get tokens(): Int32Array {
    return this.#slab.tokens.subarray(this.#start, this.#end);
  }

  get isTarget(): Uint8Array {
    return this.#slab.isTarget.subarray(this.#start, this.#end);
  }

  get weights(): Float32Array | null {
    return this.#isWeighted ? (this.#slab.weights?.subarray(this.#start, this.#end) ?? null) : null;
  }
}

export class TokenStore {
  readonly #slabTokens: number;
  #slab = emptySlab(0);
  #used = 0;

  /** `slabTokens` 0: every row has arrays of its own. */
  constructor(slabTokens = SLAB_TOKENS) {
    this.#slabTokens = slabTokens;
  }

  /** The tokens of one window of a row. The first is never trained: nothing in the window predicts it. */
  keep(line: number, { ids, isTarget, weights }: Masked, window: Window): TokenizedExample {
    const count = window.end - window.start;
    if (this.#used + count > this.#slab.tokens.length) {
      this.#slab = emptySlab(Math.max(this.#slabTokens, count)); // its rows hold the former one
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += count;
    const slab = this.#slab;
    for (let i = 0; i < count; i++) slab.tokens[start + i] = ids[window.start + i];
    for (let i = 1; i < count; i++) slab.isTarget[start + i] = isTarget[window.start + i];
    if (weights !== undefined) {
      slab.weights ??= new Float32Array(slab.tokens.length);
      for (let i = 1; i < count; i++)
        if (isTarget[window.start + i] === 1) slab.weights[start + i] = weights[window.start + i];
    }
    const isWeighted = weights !== undefined;
    return new StoredExample(line, window, { slab, start, end: this.#used, isWeighted });
  }
}

const emptySlab = (size: number): Slab => ({
  tokens: new Int32Array(size),
  isTarget: new Uint8Array(size),
  weights: null,
});
