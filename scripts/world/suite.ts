// An evaluation suite of the demo world, as public/datasets/demo-suites.json holds it.

import type { Turn } from './teacher.ts';

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
