/** kernels/fingerprint.ts in plain loops. */
const mix = (x: number): number => {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
};

export function fingerprintReference(
  words: Uint32Array,
  { seed, firstWord }: { readonly seed: number; readonly firstWord: number },
): readonly [number, number] {
  let a = 0;
  let b = 0;
  for (const [i, word] of words.entries()) {
    if (word === 0) continue;
    a = (a + mix(word + mix(firstWord + i + seed))) >>> 0;
    b = (b + mix(word + mix(firstWord + i + ((seed ^ 0x9e3779b9) >>> 0)))) >>> 0;
  }
  return [a, b];
}
