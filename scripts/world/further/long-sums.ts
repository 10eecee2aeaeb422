// Word problems of one to four steps: how much reasoning survives a training shows in the long ones first.

import type { Rng } from '../../../src/support/rng.ts';
import { pick, randomInt } from '../choice.ts';
import { solveProblem, type TeacherExample } from '../teacher.ts';
import { COUNTABLES, NAMES } from '../vocabulary.ts';

export const STEP_COUNTS = [1, 2, 3, 4] as const;
export type StepCount = (typeof STEP_COUNTS)[number];

const GAINS = ['buys', 'finds', 'gets', 'wins'] as const;
const LOSSES = ['loses', 'gives away', 'sells', 'drops'] as const;
const LARGEST = 60;

/** "Mia has 12 apples. Then Mia buys 5, loses 3 and finds 4. How many apples are left?" */
export function solveSteps(rng: Rng, count: StepCount): TeacherExample {
  const [name, thing] = [pick(rng, NAMES), pick(rng, COUNTABLES)];
  const start = randomInt(rng, 5, 30);
  let total = start;
  const steps: string[] = [];
  const events: string[] = [];
  for (let i = 0; i < count; i++) {
    const isGain = total < 8 || (total <= LARGEST - 15 && rng.next() < 0.5);
    const amount = randomInt(rng, 2, isGain ? 15 : Math.min(15, total - 2));
    const next = isGain ? total + amount : total - amount;
    steps.push(`${total} ${isGain ? '+' : '-'} ${amount} = ${next}.`);
    events.push(`${pick(rng, isGain ? GAINS : LOSSES)} ${amount}`);
    total = next;
  }
  const last = events.pop() ?? '';
  const told = events.length === 0 ? last : `${events.join(', ')} and ${last}`;
  return solveProblem(rng, {
    prompt: `${name} has ${start} ${thing}. Then ${name} ${told}. ${pick(rng, [`How many ${thing} are left?`, `How many ${thing} does ${name} have?`])}`,
    goal: `find the ${thing} that are left`,
    steps,
    result: total,
  });
}
