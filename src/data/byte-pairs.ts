/**
 * Byte-pair encoding of one short piece of text, on ids instead of texts: of all neighbours that have a merge, the earliest
 * learnt is merged first, the leftmost of equals, until none is left (arXiv 1508.07909). The library's own does the same
 * with a heap of text nodes, which pays for pieces of thousands of letters and not for words.
 */
const NO_MERGE = 0x7fffffff;

/** Longer pieces are the library's: the loop below grows with the square of the length. */
export const MAX_PIECE_CHARS = 64;
const MAX_PIECE_BYTES = 3 * MAX_PIECE_CHARS; // UTF-8 of one UTF-16 unit

export interface BytePairModel {
  readonly idOf: ReadonlyMap<string, number>;
  readonly merges: readonly string[]; // "left right", the earliest learnt first
  readonly byteLetters: Readonly<Record<number, string>>; // the letter that stands for a byte in the vocabulary
  readonly ignoresMerges: boolean; // a piece that is a token is that token
}

/** null: the vocabulary lacks a byte, or a part or the result of a merge. */
export function createBytePairs(model: BytePairModel): ((piece: string) => number[]) | null {
  const { idOf, merges, byteLetters, ignoresMerges } = model;
  const byteIds = Array.from({ length: 256 }, (_, byte) => idOf.get(byteLetters[byte]));
  if (!byteIds.every((id) => id !== undefined)) return null;
  let size = 0;
  for (const id of idOf.values()) size = Math.max(size, id + 1);
  const rankOfPair = new Map<number, number>(); // left · size + right → index of the merge
  const merged = new Int32Array(merges.length);
  for (const [rank, merge] of merges.entries()) {
    const space = merge.indexOf(' ');
    const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
    const ids = [idOf.get(left), idOf.get(right), idOf.get(left + right)];
    if (!ids.every((id) => id !== undefined)) return null;
    rankOfPair.set(ids[0] * size + ids[1], rank);
    merged[rank] = ids[2];
  }

  const utf8 = new TextEncoder();
  const bytes = new Uint8Array(MAX_PIECE_BYTES);
  const symbols = new Int32Array(MAX_PIECE_BYTES);
  const ranks = new Int32Array(MAX_PIECE_BYTES); // of symbol i with the one after it
  const rankAt = (i: number): number => rankOfPair.get(symbols[i] * size + symbols[i + 1]) ?? NO_MERGE;

  return (piece) => {
    let count = utf8.encodeInto(piece, bytes).written;
    if (ignoresMerges) {
      const whole = idOf.get(Array.from(bytes.subarray(0, count), (byte) => byteLetters[byte]).join(''));
      if (whole !== undefined) return [whole];
    }
    for (let i = 0; i < count; i++) symbols[i] = byteIds[bytes[i]];
    for (let i = 0; i + 1 < count; i++) ranks[i] = rankAt(i);
    while (count > 1) {
      let best = 0;
      for (let i = 1; i + 1 < count; i++) if (ranks[i] < ranks[best]) best = i;
      if (ranks[best] === NO_MERGE) break;
      symbols[best] = merged[ranks[best]];
      symbols.copyWithin(best + 1, best + 2, count);
      ranks.copyWithin(best, best + 1, count - 1);
      count--;
      if (best > 0) ranks[best - 1] = rankAt(best - 1);
      if (best + 1 < count) ranks[best] = rankAt(best);
    }
    return Array.from(symbols.subarray(0, count));
  };
}
