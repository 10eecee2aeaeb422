/**
 * Byte-pair encoding of one short piece of text, on ids instead of texts: of all neighbours that have a merge, the earliest
 * learnt is merged first, the leftmost of equals, until none is left (arXiv 1508.07909). data/bpe-model.ts does the same with
 * a heap, which pays for pieces of thousands of letters and not for words.
 */
import type { MergeTable } from './bpe-model.ts';

const NO_MERGE = 0x7fffffff;

/** Longer pieces go to data/bpe-model.ts: the loop below grows with the square of the length. */
export const MAX_PIECE_CHARS = 64;
const MAX_PIECE_BYTES = 3 * MAX_PIECE_CHARS; // UTF-8 of one UTF-16 unit

/** null: the vocabulary lacks a byte. `byteLetters`: the letter that stands for a byte in the vocabulary. */
export function createBytePairs(
  { idOf, size, rankOfPair, merged }: MergeTable,
  byteLetters: Readonly<Record<number, string>>,
  ignoresMerges: boolean, // a piece that is a token is that token
): ((piece: string) => number[]) | null {
  const byteIds = Array.from({ length: 256 }, (_, byte) => idOf.get(byteLetters[byte]));
  if (!byteIds.every((id) => id !== undefined)) return null;

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
