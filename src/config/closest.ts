/** The name that was probably meant: by the letters that are missing, added, other or swapped with their neighbour, at most a third of its letters away. */
export function closest(word: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let least = Infinity;
  for (const name of names) {
    const distance = editDistance(word, name);
    if (distance < least && distance <= Math.floor(Math.max(word.length, name.length) / 3)) {
      best = name;
      least = distance;
    }
  }
  return best;
}

/** Levenshtein's, with a swap of neighbours as one change (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  let former: number[] = [];
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const isSwap = i > 0 && j > 0 && a[i] === b[j - 1] && a[i - 1] === b[j];
      next.push(
        Math.min(
          row[j + 1] + 1,
          next[j] + 1,
          row[j] + (a[i] === b[j] ? 0 : 1),
          isSwap ? former[j - 1] + 1 : Infinity,
        ),
      );
    }
    former = row;
    row = next;
  }
  return row[b.length];
}
