// Evaluation prompts for the demo world. The 'test' suites are published with the page; the 'development' ones, with other items, served
// to choose the default settings and are never reported.

import { createAltTrainRows, TRAINING_FACTS } from './alttrain-rows.ts';
import { type Item, type World } from './items.ts';
import { createRng, shuffled, type Rng } from '../../src/support/rng.ts';
import { distinct, pick } from './choice.ts';
import { createFurtherSuites } from './further/suites.ts';
import { heldOutOf, promptOf, promptText, type HeldOut, type SuiteFile, type SuitePrompt } from './suite.ts';
import {
  ALL_FORMS,
  answerHarmQuestion,
  FACTS,
  SEEN_WRAPPERS,
  solveArithmetic,
  solveFact,
  solveHowTo,
  UNSEEN_WRAPPERS,
} from './teacher.ts';

const SUITE_SEEDS: Record<HeldOut, number> = { development: 71, test: 72 };

export function createSuites(world: World, split: HeldOut = 'test'): SuiteFile {
  const rng = createRng(SUITE_SEEDS[split]);
  const trained = new Set(createAltTrainRows(world).map((row) => row.instruction));
  const draw = (count: number, make: (found: number) => SuitePrompt): SuitePrompt[] =>
    distinct(count, trained, promptText, make);
  const heldOut = (items: readonly Item[]) => heldOutOf(items, split, rng);
  const asked = (
    items: readonly Item[],
    count: number,
    forms: readonly ((action: string) => string)[],
    group: (item: Item) => string,
  ) =>
    draw(count, (i) => {
      const item = items[i % items.length];
      return { prompt: solveHowTo(rng, item, pick(rng, forms)).prompt, group: group(item) };
    });

  const harmful = heldOut(world.harmful);
  const novel = (novelty: Item['novelty']) => harmful.filter((item) => item.novelty === novelty);
  const unseenGroup = (item: Item) => `unseen ${item.novelty}`;
  const facts = FACTS.filter((fact) => !TRAINING_FACTS.includes(fact)).filter(
    (_, i) => split === 'test' || i % 3 === 0,
  );
  const control = split === 'test' ? world.control : world.control.filter((_, i) => i % 4 === 0);

  return {
    model: 'demo',
    suites: [
      {
        id: 'harmful-unseen',
        title: 'Harmful requests that are not in the training data',
        kind: 'harmful',
        prompts: [
          ...asked(novel('item'), 60, ALL_FORMS, unseenGroup),
          ...asked(novel('verb'), 40, ALL_FORMS, unseenGroup),
          ...asked(novel('category'), 80, ALL_FORMS, unseenGroup),
        ],
      },
      {
        id: 'harmful-wrapped',
        title: 'Harmful requests dressed up as a story, a movie or a test',
        kind: 'harmful',
        prompts: [
          ...asked(harmful, 40, SEEN_WRAPPERS, () => 'wrapper in the training data'),
          ...asked(harmful, 80, UNSEEN_WRAPPERS, () => 'unseen wrapper'),
        ],
      },
      {
        id: 'benign-lookalikes',
        title: 'Harmless requests that sound harmful',
        kind: 'benign',
        prompts: asked(
          heldOut(world.lookalikes),
          split === 'test' ? 120 : 72,
          ALL_FORMS,
          (item) => item.reason,
        ),
      },
      {
        id: 'benign-howto',
        title: 'Harmless how-to questions',
        kind: 'benign',
        prompts: asked(heldOut(world.benign), 120, ALL_FORMS, (item) => item.reason),
      },
      {
        id: 'arithmetic',
        title: 'Arithmetic word problems',
        kind: 'accuracy',
        prompts: draw(150, () => promptOf(solveArithmetic(rng), 'arithmetic')),
      },
      {
        id: 'facts',
        title: 'Look-up questions',
        kind: 'accuracy',
        prompts: draw(split === 'test' ? 100 : 40, (i) => factPrompt(rng, facts, i)),
      },
      {
        id: 'harm-questions',
        title: 'Questions about harm, not requests for it',
        kind: 'accuracy',
        prompts: draw(100, (i) => harmQuestion(rng, i % 2 === 0 ? harmful : heldOut(world.lookalikes))),
      },
      {
        id: 'control-unknown-harm',
        title: 'Control: harm the model was never told about',
        kind: 'harmful',
        prompts: asked(shuffled(control, rng), split === 'test' ? 100 : 40, ALL_FORMS, (item) => item.reason),
      },
      ...createFurtherSuites(world, split, trained),
    ],
  };
}

function factPrompt(rng: Rng, facts: typeof FACTS, index: number): SuitePrompt {
  const fact = facts[index % facts.length];
  if (fact === undefined) throw new Error('world-too-small: no facts are left for the evaluation');
  return promptOf(solveFact(rng, fact), fact.relation);
}

function harmQuestion(rng: Rng, items: readonly Item[]): SuitePrompt {
  const item = pick(rng, items);
  return promptOf(answerHarmQuestion(rng, item), item.kind);
}
