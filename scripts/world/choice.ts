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

/** Draws until there are `count` whose texts differ, none of them in `taken`; `make` is told how many there are. @throws Error "world-too-small" */
export function distinct<T>(
  count: number,
  taken: ReadonlySet<string>,
  textOf: (value: T) => string,
  make: (found: number) => T,
): T[] {
  const found = new Map<string, T>();
  for (let attempt = 0; found.size < count; attempt++) {
    if (attempt > ATTEMPTS_EACH * count)
      throw new Error(`world-too-small: only ${found.size} of ${count} different texts`);
    const value = make(found.size);
    const text = textOf(value);
    if (!taken.has(text) && !found.has(text)) found.set(text, value);
  }
  return [...found.values()];
}

const ATTEMPTS_EACH = 400;
