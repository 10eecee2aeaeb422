/**
 * What the generators of `npm run proof:differential` make: cases with the changes that made them, and how a case may end.
 * A change says whether a refusal is right, and which words the refusal must have; any other refusal counts as a disagreement.
 */
import type { Rng } from '../../../src/support/rng.ts';

export type Json = Record<string, unknown>;

export interface Change {
  readonly name: string;
  /** A refusal is right, and its message matches this: it names what is refused. null: nothing here is a reason to refuse. */
  readonly refusal: RegExp | null;
}

export interface Loss {
  readonly kind: 'loss';
  readonly loss: number;
  readonly eosIds: readonly number[];
  /** What this project said of the files. */
  readonly notes?: readonly string[];
}
export interface Refused {
  readonly kind: 'refused';
  readonly code: string;
  readonly message: string;
}
export type Parts = Readonly<Record<string, unknown>>;

/** How one side ends: numbers to compare, or why there are none. */
export type Outcome = Loss | { readonly kind: 'tokens'; readonly parts: Parts } | Refused;

export interface Case {
  readonly id: string;
  readonly changes: readonly Change[];
}

export const pick = <T>(rng: Rng, items: readonly T[]): T => items[rng.below(items.length)];
export const chance = (rng: Rng, share: number): boolean => rng.next() < share;

/** One to three changes, most often one: a fault that needs two at once is found, and one that needs one is named. */
export const changeCount = (rng: Rng): number => [1, 1, 1, 2, 2, 3][rng.below(6)];

/** Every kind of change in turn, so that each is met as often as the others; the rest of a case's changes are drawn. */
export function drawKinds<T>(rng: Rng, kinds: readonly T[], index: number): T[] {
  const drawn = [kinds[index % kinds.length]];
  for (let more = changeCount(rng) - 1; more > 0; more--) {
    const other = pick(rng, kinds);
    if (!drawn.includes(other)) drawn.push(other);
  }
  return drawn;
}
