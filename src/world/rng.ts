// Seeded randomness for the demo world. mulberry32 (public domain, Tommy Ettinger): 32 bits of state are plenty for drawing toy sentences,
// and the same integer arithmetic gives the same world in node and in every browser.

export type Rng = () => number; // uniform in [0, 1)

export function createWorldRng(seed: number): Rng {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Whole number in [low, high], both ends included. */
export function randomInt(rng: Rng, low: number, high: number): number {
  return low + Math.floor(rng() * (high - low + 1));
}

export function pick<T>(rng: Rng, choices: readonly T[]): T {
  const choice = choices[Math.floor(rng() * choices.length)];
  if (choice === undefined) throw new Error('world-empty-choice: cannot pick from an empty list');
  return choice;
}

export function shuffled<T>(rng: Rng, values: readonly T[]): T[] {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = randomInt(rng, 0, i);
    const moved = out[i] as T;
    out[i] = out[j] as T;
    out[j] = moved;
  }
  return out;
}

export function pickWeighted<T>(rng: Rng, choices: readonly (readonly [weight: number, value: T])[]): T {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  let point = rng() * total;
  for (const [weight, value] of choices) {
    point -= weight;
    if (point < 0) return value;
  }
  return (choices[choices.length - 1] as readonly [number, T])[1];
}
