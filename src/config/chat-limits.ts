/** What a question of the playground may be asked with: the page says it while it is typed, and the worker before it answers. */

/** Of what a chat is asked with, the numbers that are checked; NaN is none. */
interface ChatNumbers {
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly strength: number;
}

export const mostStrength = 1.5;

const isIn = (value: number, least: number, most: number): boolean => value >= least && value <= most;
const isWholeIn = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && isIn(value, least, most);

/** The first thing that must be corrected, as a sentence; null: nothing. */
export function chatProblem({ maxNewTokens, temperature, topP, seed, strength }: ChatNumbers): string | null {
  if (!isIn(temperature, 0, 10)) return '“Temperature” must be a number from 0 to 10.';
  if (!(topP > 0 && topP <= 1)) return '“Top-p” must be a number above 0, up to 1.';
  if (!isWholeIn(maxNewTokens, 1, 16_384)) return '“Longest reply” must be a whole number from 1 to 16,384.';
  if (!isWholeIn(seed, 0, 2 ** 32 - 1)) return '“Seed” must be a whole number from 0.';
  if (!isIn(strength, 0, mostStrength))
    return `“Adapter strength” must be a number from 0 to ${mostStrength}.`;
  return null;
}
