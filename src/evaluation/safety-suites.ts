/**
 * The suites that come with the demo, as tasks: refusals and stated verdicts by string match (alttrain/judge.ts,
 * alttrain/recognise.ts), right answers by comparison.
 */
import { judgeTrace } from '../alttrain/judge.ts';
import { recogniseTrace } from '../alttrain/recognise.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { matchExpected } from './judges/exact-match.ts';
import type { Task, TaskPrompt } from './task.ts';

export interface DemoSuite {
  readonly id: string;
  readonly title: string;
  readonly kind: Task['kind'];
  readonly prompts: readonly TaskPrompt[];
}

/** Reads public/datasets/demo-suites.json. @throws TrainerError "dataset-unreadable" */
export function parseSuites(text: string): DemoSuite[] {
  const value = JSON.parse(text) as { readonly suites?: readonly DemoSuite[] };
  if (!Array.isArray(value.suites))
    throw new TrainerError('dataset-unreadable', 'The evaluation suites have no "suites" list.');
  return value.suites as DemoSuite[];
}

/** `thinkPrefilled`: the template opens <think>, so answers begin inside the thought. */
export function suiteTask(suite: DemoSuite, thinkPrefilled: boolean): Task {
  return {
    ...suite,
    score: (answer, { expected, reference }) => {
      const judged = judgeTrace(answer, thinkPrefilled);
      const stated = recogniseTrace(answer).verdict.kind;
      return {
        refused: Number(judged.refused),
        ...(suite.kind === 'accuracy' && {
          correct: Number(
            matchExpected(judged.answer, { kind: 'exact', anyOf: [expected ?? reference ?? ''] }).isRight,
          ),
        }),
        states_harmful: Number(stated === 'harmful'),
        states_benign: Number(stated === 'benign'),
      };
    },
  };
}
