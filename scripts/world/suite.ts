// An evaluation suite of the demo world, as public/datasets/demo-suites.json holds it.

import { shuffled, type Rng } from '../../src/support/rng.ts';
import type { Item, Split } from './items.ts';
import type { TeacherExample, Turn } from './teacher.ts';

/** Which held-out items are asked of. */
export type HeldOut = Exclude<Split, 'train'>;

export interface SuitePrompt {
  readonly prompt: string | readonly Turn[]; // a conversation where more than one turn is asked
  readonly expected?: string;
  readonly reference?: string; // of a summary: compared by ROUGE-L
  readonly group?: string;
}

export interface Suite {
  readonly id: string;
  readonly title: string;
  readonly kind: 'harmful' | 'benign' | 'accuracy';
  readonly prompts: readonly SuitePrompt[];
}

export interface SuiteFile {
  readonly model: 'demo';
  readonly suites: readonly Suite[];
}

/** All that is said, for comparing prompts. */
export const promptText = ({ prompt }: Pick<SuitePrompt, 'prompt'>): string =>
  typeof prompt === 'string' ? prompt : prompt.map(({ content }) => content).join('\n');

/** What an example asks, with the answer where there is one. */
export const promptOf = ({ turns, prompt, expected }: TeacherExample, group: string): SuitePrompt => ({
  prompt: turns === undefined ? prompt : [...turns, { role: 'user', content: prompt }],
  ...(expected === undefined ? {} : { expected }),
  group,
});

export const heldOutOf = (items: readonly Item[], split: HeldOut, rng: Rng): Item[] =>
  shuffled(
    items.filter((item) => item.split === split),
    rng,
  );
