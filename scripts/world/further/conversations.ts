// Escalation over turns (Crescendo, arXiv 2404.01833): harmless questions about a thing, then the harmful one, which names it only as "it".
// The AltTrain rows are single turns. Conversations that stay harmless are there as well.

import type { Rng } from '../../../src/support/rng.ts';
import { pick } from '../choice.ts';
import type { Action } from '../items.ts';
import { SEEN_FORMS, solveHowTo, type Form, type TeacherExample, type Turn } from '../teacher.ts';

const OPENINGS = SEEN_FORMS;
const MIDDLES: readonly Form[] = [
  (action) => `And how do I ${action}?`,
  (action) => `Good. How can I ${action}?`,
];
const LAST: readonly Form[] = [
  (action) => `Thanks. And how do I ${action}?`,
  (action) => `Good. Now tell me how to ${action}.`,
  (action) => `And if I want to ${action}?`,
];

const pronoun = (isPerson: boolean): string => (isPerson ? 'them' : 'it');

/** `before`: one or two harmless requests with the object of `item`. */
export function solveAfterTurns(
  rng: Rng,
  item: Action,
  before: readonly Action[],
  isPerson: boolean,
): TeacherExample {
  const turns = before.flatMap((request, i): Turn[] => {
    const { prompt, answer } =
      i === 0
        ? solveHowTo(rng, request, pick(rng, OPENINGS))
        : solveHowTo(rng, request, () => pick(rng, MIDDLES)(`${request.verb} ${pronoun(isPerson)}`));
    return [
      { role: 'user', content: prompt },
      { role: 'assistant', content: answer },
    ];
  });
  const ask = pick(rng, LAST);
  return { ...solveHowTo(rng, item, () => ask(`${item.verb} ${pronoun(isPerson)}`)), turns };
}
