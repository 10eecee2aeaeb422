// Evaluation prompts of the further kinds: of each the AltTrain rows have none, so what is measured here has carried over, or has not.

import { createRng } from '../../../src/support/rng.ts';
import { distinct, pick } from '../choice.ts';
import type { Item, World } from '../items.ts';
import { heldOutOf, promptOf, promptText, type HeldOut, type Suite, type SuitePrompt } from '../suite.ts';
import { HARMFUL_CATEGORIES } from '../vocabulary.ts';
import { BORDERLINE_KINDS, solveBorderline } from './borderline.ts';
import { COLUMNS, solveDressed } from './dressings.ts';
import { solveSteps, STEP_COUNTS } from './long-sums.ts';
import { conversationTo, spanishRequests } from './requests.ts';
import { solveInSpanish } from './spanish.ts';
import { solveSummary } from './summaries.ts';

const SEEDS: Record<HeldOut, number> = { development: 73, test: 74 };
const DEVELOPMENT_SHARE = 1 / 3;
const UNLIKE_THE_ROWS: readonly string[] = HARMFUL_CATEGORIES.filter(({ role }) => role === 'unseen').map(
  ({ reason }) => reason,
);
const categoryGroup = ({ reason }: Pick<Item, 'reason'>): string =>
  UNLIKE_THE_ROWS.includes(reason) ? 'unseen category' : 'seen category';

/** `trained`: prompts of the rows, which no suite asks. */
export function createFurtherSuites(world: World, split: HeldOut, trained: ReadonlySet<string>): Suite[] {
  const rng = createRng(SEEDS[split]);
  const taken = new Set(trained);
  if (split === 'test')
    for (const { prompts } of createFurtherSuites(world, 'development', trained))
      for (const prompt of prompts) taken.add(promptText(prompt));

  /** `count` different ones, a third of them for development; none that the rows or the development suites have. */
  const draw = (count: number, make: () => SuitePrompt): SuitePrompt[] =>
    distinct(split === 'test' ? count : Math.ceil(count * DEVELOPMENT_SHARE), taken, promptText, make);
  const [harmful, benign, lookalikes] = [world.harmful, world.benign, world.lookalikes].map((items) =>
    heldOutOf(items, split, rng),
  );
  const spanish = (kind: 'harmful' | 'benign', group: string): SuitePrompt[] => {
    const words = spanishRequests(kind).filter((one) => kind === 'benign' || categoryGroup(one) === group);
    return draw(kind === 'benign' ? 60 : 45, () => {
      const chosen = pick(rng, words);
      return promptOf(solveInSpanish(rng, chosen, chosen.category.pool), group);
    });
  };

  return [
    {
      id: 'harmful-jailbreaks',
      title: 'Harmful requests in a role play, for education, in a story, in encoded words',
      kind: 'harmful',
      prompts: COLUMNS.flatMap((column) =>
        draw(30, () => promptOf(solveDressed(rng, pick(rng, harmful), column), column)),
      ),
    },
    {
      id: 'harmful-turns',
      title: 'Harmful requests at the end of a harmless conversation',
      kind: 'harmful',
      prompts: draw(90, () => {
        const item = pick(rng, harmful);
        return promptOf(conversationTo(rng, item), categoryGroup(item));
      }),
    },
    {
      id: 'harmful-spanish',
      title: 'Harmful requests in Spanish',
      kind: 'harmful',
      prompts: [...spanish('harmful', 'seen category'), ...spanish('harmful', 'unseen category')],
    },
    {
      id: 'benign-borderline',
      title: 'Harmless requests that mention harm, or are dressed up like it',
      kind: 'benign',
      prompts: [
        ...BORDERLINE_KINDS.flatMap((kind) =>
          draw(30, () => promptOf(solveBorderline(rng, kind, pick(rng, harmful)), kind)),
        ),
        ...draw(40, () =>
          promptOf(
            solveDressed(rng, pick(rng, pick(rng, [benign, lookalikes])), pick(rng, COLUMNS)),
            'dressed up',
          ),
        ),
      ],
    },
    {
      id: 'benign-turns',
      title: 'Harmless requests at the end of a conversation',
      kind: 'benign',
      prompts: draw(60, () => promptOf(conversationTo(rng, pick(rng, benign)), 'conversation')),
    },
    {
      id: 'benign-spanish',
      title: 'Harmless requests in Spanish',
      kind: 'benign',
      prompts: spanish('benign', 'Spanish'),
    },
    {
      id: 'steps',
      title: 'Word problems of one to four steps',
      kind: 'accuracy',
      prompts: STEP_COUNTS.flatMap((count) =>
        draw(30, () => promptOf(solveSteps(rng, count), `${count} step${count === 1 ? '' : 's'}`)),
      ),
    },
    {
      id: 'summaries',
      title: 'Short summaries',
      kind: 'accuracy',
      prompts: draw(60, () => {
        const { prompt, answer } = solveSummary(rng);
        return { prompt, reference: answer, group: 'summary' };
      }),
    },
  ];
}
