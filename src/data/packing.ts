/**
 * Rows into packs of at most `capacity` tokens, first-fit decreasing: rows from long to short, each into the first pack
 * with room. (arXiv 2404.10830 packs this way; FFD needs at most 11/9 of the fewest packs possible, plus one.)
 * A pack is only a list of rows: data/batch.ts lays them end to end, each with its own segment and positions.
 */

/** Indices into `lengths`, in packs; the rows of a pack in the order of the file. Every row is in exactly one pack. */
export function packRows(lengths: readonly number[], capacity: number): number[][] {
  const byLength = lengths.map((_, row) => row).sort((a, b) => lengths[b] - lengths[a] || a - b);
  const rooms = new RoomTree(lengths.length, capacity);
  const packs: number[][] = [];
  for (const row of byLength) {
    const pack = rooms.place(Math.min(lengths[row], capacity));
    (packs[pack] ??= []).push(row);
  }
  for (const pack of packs) pack.sort((a, b) => a - b);
  // By their first rows: without shuffling, training follows the file as far as packs allow.
  return packs.sort((a, b) => a[0] - b[0]);
}

/** The room left in each pack, as a tree of maxima: the first pack with enough room is found in log n steps. */
class RoomTree {
  readonly #leafCount: number;
  readonly #most: Float64Array; // node n has children 2n and 2n + 1; leaves are packs

  constructor(packCount: number, capacity: number) {
    this.#leafCount = 2 ** Math.ceil(Math.log2(Math.max(1, packCount)));
    this.#most = new Float64Array(2 * this.#leafCount).fill(capacity);
  }

  /** Takes `length` out of the first pack that has it. As many packs as rows: one always has. */
  place(length: number): number {
    let node = 1;
    while (node < this.#leafCount) node = this.#most[2 * node] >= length ? 2 * node : 2 * node + 1;
    this.#most[node] -= length;
    const pack = node - this.#leafCount;
    for (node >>= 1; node >= 1; node >>= 1)
      this.#most[node] = Math.max(this.#most[2 * node], this.#most[2 * node + 1]);
    return pack;
  }
}

/** Share of the packs' capacity that is filled, 0..1. */
export function packFill(lengths: readonly number[], packCount: number, capacity: number): number {
  return lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, packCount * capacity);
}

/** Where a row stands: its pack, and how many tokens come before it there. */
export function placeOf(
  row: number,
  packs: readonly (readonly number[])[],
  examples: readonly { readonly tokens: Int32Array }[],
): { pack: number; offset: number } | null {
  const pack = packs.findIndex((rows) => rows.includes(row));
  if (pack < 0) return null;
  let offset = 0;
  for (const other of packs[pack]) {
    if (other === row) break;
    offset += examples[other].tokens.length;
  }
  return { pack, offset };
}
