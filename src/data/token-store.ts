/** Tokens of many rows in a few large arrays: two small arrays per row would cost more than the tokens in them. */

/** 5 bytes a token: its id, and whether it is trained. */
const SLAB_TOKENS = 1 << 20;

export interface KeptTokens {
  readonly tokens: Int32Array;
  readonly isTarget: Uint8Array;
}

export class TokenStore {
  readonly #slabTokens: number;
  #tokens = new Int32Array(0);
  #isTarget = new Uint8Array(0);
  #used = 0;

  /** `slabTokens` 0: every row has arrays of its own. */
  constructor(slabTokens = SLAB_TOKENS) {
    this.#slabTokens = slabTokens;
  }

  /** Windows into the store, with the values of [start, end). Their first token is never trained: nothing predicts it. */
  keep(ids: readonly number[], isTarget: readonly number[], start: number, end: number): KeptTokens {
    const count = end - start;
    if (this.#used + count > this.#tokens.length) {
      const size = Math.max(this.#slabTokens, count);
      this.#tokens = new Int32Array(size); // the former one lives on in the windows into it
      this.#isTarget = new Uint8Array(size);
      this.#used = 0;
    }
    const first = this.#used;
    this.#used += count;
    const kept: KeptTokens = {
      tokens: this.#tokens.subarray(first, this.#used),
      isTarget: this.#isTarget.subarray(first, this.#used),
    };
    for (let i = 0; i < count; i++) kept.tokens[i] = ids[start + i];
    for (let i = 1; i < count; i++) kept.isTarget[i] = isTarget[start + i];
    return kept;
  }
}
