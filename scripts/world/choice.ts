// Seeded choices, on top of the project's generator.

import type { Rng } from '../../src/support/rng.ts';

/** Whole number in [low, high], both ends included. */
export function randomInt(rng: Rng, low: number, high: number): number {
  return low + rng.below(high - low + 1);
}

export function pick<T>(rng: Rng, choices: readonly T[]): T {
  const choice = choices[rng.below(choices.length)];
  if (choice === undefined) throw new Error('world-empty-choice: cannot pick from an empty list');
  return choice;
}

export function pickWeighted<T>(rng: Rng, choices: readonly (readonly [weight: number, value: T])[]): T {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  let point = rng.next() * total;
  for (const [weight, value] of choices) {
    point -= weight;
    if (point < 0) return value;
  }
  return pick(rng, choices)[1];
}
