/**
 * Sharing loads among the four threads of a quad: threads 4i … 4i + 3 of a subgroup, in a subgroup of any size. A swap
 * is one shuffle; a broadcast to four lanes costs several times as much in software (performance log).
 */
export const quadSize = 4;

/** Declares `lane`, the thread's place in its quad; 0 for a thread by itself. */
export const laneOf = (quads: boolean): string =>
  `  let lane = ${quads ? `subgroupLane % ${quadSize}u` : '0u'};`;

/** The WGSL extensions that a kernel with or without quads needs. */
export const quadFeatures = (quads: boolean): string[] => (quads ? ['subgroups'] : []);

const swaps = ['', 'quadSwapX', 'quadSwapY', 'quadSwapDiagonal'];

/** The value of `name` in thread `lane ^ t` of the quad: t = 0 … 3 visits all four, in each thread in its own order. */
export const swapped = (name: string, t: number): string => (t === 0 ? name : `${swaps[t]}(${name})`);
