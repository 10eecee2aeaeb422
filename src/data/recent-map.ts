/**
 * A map that forgets what has not been asked for lately, in two generations: a full one becomes the old one, and what is
 * found there moves up. Words of a language stay. Words that stand in one row only never come in: a key is kept from its
 * second meeting on, because in real text one in ten is met once, and keeping those would be most of what a reader allocates.
 */
const MEETINGS = 1 << 16; // a power of two

export class RecentMap<Value> {
  readonly #limit: number;
  readonly #met = new Int32Array(MEETINGS); // hash of the key met last in each place
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  /** Holds up to twice `limit` entries. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.#keep(key, old);
    return old;
  }

  /** Keeps it if the key was offered before. */
  offer(key: string, value: Value): void {
    const hash = hash32(key);
    const place = hash & (MEETINGS - 1);
    if (this.#met[place] === hash) this.#keep(detached(key), value);
    else this.#met[place] = hash;
  }

  #keep(key: string, value: Value): void {
    if (this.#young.size >= this.#limit) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}

/** FNV-1a. */
function hash32(text: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** A copy: a part of a text keeps the whole text in memory. */
function detached(text: string): string {
  return String.fromCharCode(...Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)));
}
