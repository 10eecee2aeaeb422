/** Tokens of many rows in a few large arrays: two small arrays per row would cost more than the tokens in them. */

const SLAB_TOKENS = 1 << 20;

export class TokenStore {
  #tokens = new Int32Array(0);
  #isTarget = new Uint8Array(0);
  #used = 0;

  /** The same values, as windows into the store. */
  keep<T extends { readonly tokens: Int32Array; readonly isTarget: Uint8Array }>(example: T): T {
    const { tokens, isTarget } = example;
    if (this.#used + tokens.length > this.#tokens.length) {
      const size = Math.max(SLAB_TOKENS, tokens.length);
      this.#tokens = new Int32Array(size); // the former one lives on in the windows into it
      this.#isTarget = new Uint8Array(size);
      this.#used = 0;
    }
    const [start, end] = [this.#used, this.#used + tokens.length];
    this.#tokens.set(tokens, start);
    this.#isTarget.set(isTarget, start);
    this.#used = end;
    return {
      ...example,
      tokens: this.#tokens.subarray(start, end),
      isTarget: this.#isTarget.subarray(start, end),
    };
  }
}
