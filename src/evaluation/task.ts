/**
 * A task: prompts, and what an answer to one of them is worth. It knows text and numbers, not models: whoever runs it
 * hands answers over. The same tasks judge a base and an adapter, in a run and after it.
 */
import type { Prompt } from '../api/trainer-api.ts';

export interface TaskPrompt {
  readonly prompt: Prompt;
  /** The right answer, where there is one. */
  readonly expected?: string;
  /** A text that the answer is to say, word for word here; an evaluation measures ROUGE-L. */
  readonly reference?: string;
}

/** By name, each 0 … 1; "refused", "correct", "states_harmful", … A task gives the same names for every answer. */
export type Scores = Readonly<Record<string, number>>;

export interface Task {
  readonly id: string;
  readonly title: string;
  /** Which of its scores says what it is for, and whether much or little of it is good. */
  readonly kind: 'harmful' | 'benign' | 'accuracy';
  readonly prompts: readonly TaskPrompt[];
  /** `answer`: what was generated after the prompt. */
  score(answer: string, prompt: TaskPrompt): Scores;
}

/** Means by name. */
export function meanScores(scores: readonly Scores[]): Scores {
  const [first] = scores;
  if (first === undefined) return {};
  return Object.fromEntries(
    Object.keys(first).map((name) => [name, scores.reduce((sum, one) => sum + one[name], 0) / scores.length]),
  );
}

/** At most `count` of its prompts, spread evenly so that every group is met. */
export function thinned(task: Task, count: number): Task {
  const { prompts } = task;
  if (prompts.length <= count) return task;
  const chosen = Array.from({ length: count }, (_, i) => prompts[Math.floor((i * prompts.length) / count)]);
  return { ...task, prompts: chosen };
}
