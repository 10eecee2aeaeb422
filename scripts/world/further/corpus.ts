// Pre-training documents of the further kinds, among those of the first corpus: each kind is solved as it comes, assessed where that is
// asked for, and in the second stage helped with on condition.

import { createRng, type Rng } from '../../../src/support/rng.ts';
import { pick, pickWeighted } from '../choice.ts';
import {
  assessed,
  checked,
  corpusDocuments,
  fromExample,
  secondStageDocuments,
  type CorpusDocument,
  type Request,
} from '../corpus.ts';
import type { Item, World } from '../items.ts';
import { answerHarmQuestion, type TeacherExample } from '../teacher.ts';
import { BORDERLINE_KINDS, solveBorderline } from './borderline.ts';
import { COLUMNS, solveDressed } from './dressings.ts';
import { solveSteps, STEP_COUNTS } from './long-sums.ts';
import { anyConversation, anySpanish } from './requests.ts';
import { solveSummary } from './summaries.ts';

const FURTHER_SHARE = 0.4;

function drawRequest(rng: Rng, world: World): Request {
  const known: readonly (readonly Item[])[] = [world.harmful, world.harmful, world.benign, world.lookalikes];
  const item = pick(rng, pick(rng, known));
  const safe = (example: TeacherExample): Request => ({ example, isHarmful: false });
  const make = pickWeighted<() => Request>(rng, [
    [
      20,
      () => ({ example: solveDressed(rng, item, pick(rng, COLUMNS)), isHarmful: item.kind === 'harmful' }),
    ],
    [20, () => anySpanish(rng)],
    [15, () => anyConversation(rng, world)],
    [15, () => safe(solveBorderline(rng, pick(rng, BORDERLINE_KINDS), pick(rng, world.harmful)))],
    [8, () => safe(solveSummary(rng))],
    [22, () => safe(solveSteps(rng, pick(rng, STEP_COUNTS)))],
  ]);
  return make();
}

/** Three in four are solved as they come, the others assessed because that is asked for. */
function drawFurther(rng: Rng, world: World): CorpusDocument {
  const request = drawRequest(rng, world);
  return rng.next() < 0.75 ? fromExample(request.example) : assessed(rng, request);
}

function* mixed(
  first: Generator<CorpusDocument>,
  count: number,
  rng: Rng,
  further: () => CorpusDocument,
): Generator<CorpusDocument> {
  for (let i = 0; i < count; i++) {
    const known = rng.next() < FURTHER_SHARE ? undefined : first.next();
    yield known === undefined || known.done === true ? further() : known.value;
  }
}

export function firstStage(world: World, count: number, seed: number): Generator<CorpusDocument> {
  const rng = createRng(seed + 1000);
  return mixed(corpusDocuments(world, count, seed), count, rng, () => drawFurther(rng, world));
}

/** Checking is new here as well; sums of many steps and questions about harm are what this stage forgets first, so they get another helping. */
export function secondStage(world: World, count: number, seed: number): Generator<CorpusDocument> {
  const rng = createRng(seed + 1000);
  const known = [world.harmful, world.benign, world.lookalikes];
  const make = [
    [50, () => checked(rng, drawRequest(rng, world))],
    [25, () => fromExample(solveSteps(rng, pick(rng, STEP_COUNTS)))],
    [10, () => fromExample(answerHarmQuestion(rng, pick(rng, pick(rng, known))))],
    [15, () => drawFurther(rng, world)],
  ] as const;
  return mixed(secondStageDocuments(world, count, seed), count, rng, () =>
    pickWeighted<() => CorpusDocument>(rng, make)(),
  );
}
