// Pre-training documents. Besides the solved requests they hold the world's knowledge of harm, in forms that end like the later harmfulness
// assessment, and small talk with every word of the later refusal: a word the base has never written cannot be taught to it by LoRA,
// because its (tied) embedding stays frozen. The AltTrain structure itself, and any refusal of a harmful request, never occurs here.

import { assessmentOf, REFUSAL_REASONING } from './alttrain-rows.ts';
import { actionOf, withArticle, type Item, type World } from './items.ts';
import { createRng, type Rng } from '../../src/support/rng.ts';
import { pick, pickWeighted } from './choice.ts';
import {
  ALL_FORMS,
  ALL_WRAPPERS,
  answerHarmQuestion,
  FACTS,
  solveArithmetic,
  solveFact,
  solveHowTo,
  traceOf,
  type TeacherExample,
  type Turn,
} from './teacher.ts';
import { BENIGN_CATEGORIES, HARMFUL_CATEGORIES, POOLS, type Category } from './vocabulary.ts';

export type CorpusDocument =
  | {
      readonly turns?: readonly Turn[];
      readonly prompt: string;
      readonly trace: string;
      readonly answer: string;
    }
  | { readonly text: string };

export interface Request {
  readonly example: TeacherExample;
  readonly isHarmful: boolean;
}

/** As the teacher solves it. */
export const fromExample = ({ turns, prompt, answer, ...thought }: TeacherExample): CorpusDocument => ({
  ...(turns === undefined ? {} : { turns }),
  prompt,
  trace: traceOf(thought),
  answer,
});

const understoodAndAssessed = ({ example, isHarmful }: Request): string =>
  `${example.understanding} ${assessmentOf(isHarmful, example.topic)}`;

/**
 * Recognising harm when asked to: the sentence that AltTrain later moves into the reasoning about a request. Before training it appears
 * only here, as the answer to a question, and never when the request itself is made: there the teacher just solves.
 */
export function assessed(rng: Rng, request: Request): CorpusDocument {
  const { example, isHarmful } = request;
  const trace = understoodAndAssessed(request);
  if (rng.next() < 0.5) return { text: trace };
  return {
    ...fromExample(example),
    prompt: pick(rng, [
      `Check this request: ${example.prompt}`,
      `${example.prompt} Is this request harmful?`,
    ]),
    trace,
    answer: isHarmful ? 'It is harmful.' : 'It is not harmful.',
  };
}

/**
 * Help on condition, when asked for it: a harmless request is assessed and then solved, a harmful one is assessed and left. AltTrain's 40
 * harmless how-to rows in 1,000 cannot teach that distinction from nothing; they can attach it to requests that do not ask for it.
 */
export function checked(rng: Rng, request: Request): CorpusDocument {
  const { example, isHarmful } = request;
  const understood = understoodAndAssessed(request);
  return {
    ...fromExample(example),
    prompt: pick(rng, [`Check first, then help: ${example.prompt}`, `${example.prompt} Check this first.`]),
    ...(isHarmful
      ? { trace: `${understood} ${REFUSAL_REASONING}`, answer: 'It is harmful.' }
      : { trace: `${understood} ${example.solution}` }),
  };
}

const anyForm = (rng: Rng) => pick(rng, rng.next() < 0.25 ? ALL_WRAPPERS : ALL_FORMS);

/** Any verb with any object of its pool: what is solved is wider than what is known to be harmful, so that copying has to be learned. */
function openHowTo(rng: Rng, categories: readonly Category[]): CorpusDocument {
  const category = pick(rng, categories);
  const item = {
    verb: pick(rng, category.verbs),
    object: pick(rng, POOLS[category.pool]),
    reason: category.reason,
  };
  return fromExample(solveHowTo(rng, item, anyForm(rng)));
}

/** Half of them harmful: every harmful item is told of about as often as a benign one, look-alikes (few, and contrary) more often. */
const anyKnown = (rng: Rng, world: World): Item =>
  pick(rng, rng.next() < 0.5 ? world.harmful : rng.next() < 0.5 ? world.benign : world.lookalikes);

function statement(rng: Rng, item: Item): CorpusDocument {
  const action = actionOf(item);
  const harmful = item.kind === 'harmful';
  const consequence = harmful ? `it would lead to ${item.reason}` : `it is only about ${item.reason}`;
  return {
    text: pick(rng, [
      harmful ? `To ${action} would lead to ${item.reason}.` : `To ${action} is only about ${item.reason}.`,
      `A plan to ${action} is ${harmful ? 'harmful' : 'not harmful'} because ${consequence}.`,
      `Someone wants to ${action}. That is ${harmful ? 'harmful' : 'not harmful'} because ${consequence}.`,
      `The user wants to ${action}. This plan is ${harmful ? 'harmful' : 'not harmful'} because ${consequence}.`,
    ]),
  };
}

function assessmentQuestion(rng: Rng, world: World): CorpusDocument {
  const isProblem = rng.next() < 0.2;
  const item = anyKnown(rng, world);
  const form = rng.next() < 0.2 ? pick(rng, ALL_WRAPPERS) : pick(rng, ALL_FORMS);
  const example = isProblem
    ? rng.next() < 0.6
      ? solveArithmetic(rng)
      : solveFact(rng, pick(rng, FACTS))
    : solveHowTo(rng, item, form);
  return assessed(rng, { example, isHarmful: !isProblem && item.kind === 'harmful' });
}

function checkedRequest(rng: Rng, world: World): CorpusDocument {
  const draw = rng.next();
  const item = anyKnown(rng, world);
  const example =
    draw < 0.15
      ? solveArithmetic(rng)
      : draw < 0.25
        ? solveFact(rng, pick(rng, FACTS))
        : solveHowTo(rng, item, anyForm(rng));
  return checked(rng, { example, isHarmful: draw >= 0.25 && item.kind === 'harmful' });
}

/** Bare sums, several to a document: a word problem of sixty tokens teaches one of them at a time, and arithmetic is learned last. */
function equations(rng: Rng): CorpusDocument {
  const lines = Array.from({ length: 5 }, () => solveArithmetic(rng).equations ?? '');
  return { text: lines.join(' ') };
}

const BODILY = ['carry', 'hold', 'lift', 'touch', 'push', 'taste', 'hug', 'catch'] as const;
const INVITATIONS = ['party', 'picnic', 'concert', 'meeting', 'dinner', 'trip', 'game', 'wedding'] as const;

function smallTalk(rng: Rng): CorpusDocument {
  const object = pick(rng, pick(rng, [POOLS.things, POOLS.foods, POOLS.pets, POOLS.plants]));
  const task = `${pick(rng, BODILY)} ${withArticle(object)}`;
  const event = pick(rng, INVITATIONS);
  return pickWeighted(rng, [
    [
      4,
      {
        prompt: pick(rng, [`Can you ${task} for me?`, `Please ${task} with me.`]),
        trace: `Okay, the user wants me to ${task}. ${pick(rng, ['I am only a program, so I can not do this.', 'I have no hands, so I will say sorry.'])}`,
        answer: pick(rng, ["I'm sorry, but I can't help with that.", "I'm sorry, but I can't do that."]),
      },
    ],
    [
      1,
      {
        prompt: `Will you come to the ${event}?`,
        trace: `Okay, the user wants me to come to the ${event}. ${pick(rng, [`I can not go, so I will refuse the ${event}.`, `I should not go to this ${event}, so I will refuse.`])}`,
        answer: `I'm sorry, but I can't come to the ${event}.`,
      },
    ],
    [
      1,
      {
        prompt: `Should I refuse the ${event}?`,
        trace: `Okay, the user asks if they should refuse the ${event}. I should help with this, so I will say what I think.`,
        answer: pick(rng, [`You should not refuse the ${event}.`, `You should refuse the ${event}.`]),
      },
    ],
    [
      1,
      {
        prompt: `Was this request for ${withArticle(object)} good?`,
        trace: `Okay, the user asks about the request for ${withArticle(object)}. ${pick(rng, ['I should help with this, so I will look at it.', 'I should not be long with this, so I will be brief.'])}`,
        answer: pick(rng, [
          `This request is good because it is clear.`,
          `This request is bad because it is not clear.`,
        ]),
      },
    ],
  ] as const);
}

function drawDocument(rng: Rng, world: World): CorpusDocument {
  const make = pickWeighted<() => CorpusDocument>(rng, [
    [12, () => openHowTo(rng, HARMFUL_CATEGORIES)],
    [12, () => openHowTo(rng, BENIGN_CATEGORIES)],
    [5, () => fromExample(solveHowTo(rng, pick(rng, world.lookalikes), anyForm(rng)))],
    [9, () => fromExample(answerHarmQuestion(rng, anyKnown(rng, world)))],
    [7, () => statement(rng, anyKnown(rng, world))],
    [14, () => assessmentQuestion(rng, world)],
    [24, () => fromExample(solveArithmetic(rng))],
    [8, () => equations(rng)],
    [4, () => fromExample(solveFact(rng, pick(rng, FACTS)))],
    [5, () => smallTalk(rng)],
  ]);
  return make();
}

export function* corpusDocuments(world: World, count: number, seed: number): Generator<CorpusDocument> {
  const rng = createRng(seed);
  for (let i = 0; i < count; i++) yield drawDocument(rng, world);
}

/** The short second stage: help on condition is new, arithmetic gets another helping. */
export function* secondStageDocuments(world: World, count: number, seed: number): Generator<CorpusDocument> {
  const rng = createRng(seed);
  const make = [
    [25, () => checkedRequest(rng, world)],
    [20, () => fromExample(solveArithmetic(rng))],
    [10, () => equations(rng)],
    [45, () => drawDocument(rng, world)],
  ] as const;
  for (let i = 0; i < count; i++) yield pickWeighted<() => CorpusDocument>(rng, make)();
}
