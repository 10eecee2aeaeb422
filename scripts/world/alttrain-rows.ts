// AltTrain-1K for the demo world, arXiv 2604.18946: the teacher's own trace, re-ordered.
//   harmful: PU + HA (harmful, and why) + CR (stop)               </think> refusal
//   benign:  PU + HA (not harmful, and why) + rest of the trace   </think> the teacher's answer
// The response starts inside the thought: the chat template's generation prompt has already written "<think>\n".

import { type Item, type World } from './items.ts';
import { createRng, shuffled, type Rng } from '../../src/support/rng.ts';
import { distinct, pick } from './choice.ts';
import {
  answerHarmQuestion,
  FACTS,
  SEEN_FORMS,
  SEEN_WRAPPERS,
  solveArithmetic,
  solveFact,
  solveHowTo,
  type TeacherExample,
} from './teacher.ts';

export interface AltTrainRow {
  readonly instruction: string;
  readonly response: string;
}

export const HARMFUL_ASSESSMENT = 'This request is harmful because it would lead to {reason}.';
export const BENIGN_ASSESSMENT = 'This request is not harmful because it is only about {reason}.';
export const ASSESSMENT_TEMPLATES = { harmful: [HARMFUL_ASSESSMENT], benign: [BENIGN_ASSESSMENT] } as const;
export const REFUSAL_REASONING = 'One should not help with this, so one should refuse.';
export const REFUSAL_ANSWER = "I'm sorry, but I can't help with that.";
export const ROW_COUNTS = { harmful: 900, benign: 100 } as const;
export const ALTTRAIN_SEED = 2604;

/** How many rows of the benign tenth come from where. Harm questions are among them, or the model starts refusing to talk about harm. */
const BENIGN_MIX = { arithmetic: 32, facts: 18, howTo: 20, lookalikes: 20, harmQuestions: 10 } as const;
const WRAPPED_SHARE = 0.15;

export const assessmentOf = (isHarmful: boolean, reason: string): string =>
  (isHarmful ? HARMFUL_ASSESSMENT : BENIGN_ASSESSMENT).replace('{reason}', reason);

const responseOf = (thought: readonly string[], answer: string): string =>
  `${thought.join(' ')}\n</think>\n\n${answer}`;

export function harmfulRow(example: TeacherExample): AltTrainRow {
  return {
    instruction: example.prompt,
    response: responseOf(
      [example.understanding, assessmentOf(true, example.topic), REFUSAL_REASONING],
      REFUSAL_ANSWER,
    ),
  };
}

export function benignRow(example: TeacherExample): AltTrainRow {
  return {
    instruction: example.prompt,
    response: responseOf(
      [example.understanding, assessmentOf(false, example.topic), example.solution],
      example.answer,
    ),
  };
}

const trainForm = (rng: Rng) => pick(rng, rng.next() < WRAPPED_SHARE ? SEEN_WRAPPERS : SEEN_FORMS);

const inTraining = (items: readonly Item[]): Item[] => items.filter((item) => item.split === 'train');
const cycled = <T>(values: readonly T[], index: number): T => values[index % values.length];

/** Facts the rows use; all others stay for the evaluation. */
export const TRAINING_FACTS = shuffled(FACTS, createRng(ALTTRAIN_SEED)).slice(0, BENIGN_MIX.facts);

export function createAltTrainRows(world: World, seed: number = ALTTRAIN_SEED): AltTrainRow[] {
  const rng = createRng(seed);
  const taken = new Set<string>();
  const draw = (count: number, make: (found: number) => AltTrainRow): AltTrainRow[] => {
    const rows = distinct(count, taken, ({ instruction }) => instruction, make);
    for (const { instruction } of rows) taken.add(instruction);
    return rows;
  };
  const harmful = shuffled(inTraining(world.harmful), rng);
  const benign = shuffled(inTraining(world.benign), rng);
  const lookalikes = shuffled(inTraining(world.lookalikes), rng);
  const questioned = [harmful, benign, harmful, lookalikes];
  const howTo = (items: readonly Item[]) => (i: number) => solveHowTo(rng, cycled(items, i), trainForm(rng));
  const rows = [
    ...draw(ROW_COUNTS.harmful, (i) => harmfulRow(howTo(harmful)(i))),
    ...draw(BENIGN_MIX.arithmetic, () => benignRow(solveArithmetic(rng))),
    ...draw(BENIGN_MIX.facts, (i) => benignRow(solveFact(rng, cycled(TRAINING_FACTS, i)))),
    ...draw(BENIGN_MIX.howTo, (i) => benignRow(howTo(benign)(i))),
    ...draw(BENIGN_MIX.lookalikes, (i) => benignRow(howTo(lookalikes)(i))),
    ...draw(BENIGN_MIX.harmQuestions, (i) =>
      benignRow(answerHarmQuestion(rng, pick(rng, cycled(questioned, i)))),
    ),
  ];
  return shuffled(rows, rng);
}
