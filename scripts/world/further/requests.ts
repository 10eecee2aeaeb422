// Requests that are drawn from pools of words rather than from the world's items: in Spanish, and at the end of a conversation.

import type { Rng } from '../../../src/support/rng.ts';
import { pick } from '../choice.ts';
import type { Request } from '../corpus.ts';
import { solveAfterTurns } from './conversations.ts';
import type { Action, World } from '../items.ts';
import { solveInSpanish, spanishObjects, spanishVerbs } from './spanish.ts';
import type { TeacherExample } from '../teacher.ts';
import { BENIGN_CATEGORIES, HARMFUL_CATEGORIES, POOLS, type Category, type PoolName } from '../vocabulary.ts';

const known = HARMFUL_CATEGORIES.filter(({ role }) => role !== 'control');
const inSpanish = (categories: readonly Category[]): Category[] =>
  categories
    .map((category) => ({ ...category, verbs: category.verbs.filter((verb) => spanishVerbs.has(verb)) }))
    .filter(({ verbs }) => verbs.length > 0);
const spanish = { harmful: inSpanish(known), benign: inSpanish(BENIGN_CATEGORIES) };
const spanishIn = (pool: PoolName): string[] => POOLS[pool].filter((object) => spanishObjects.has(object));

/** Every verb and object that has a Spanish word, with what the world knows of the pair's category. */
export function spanishRequests(kind: keyof typeof spanish): (Action & { readonly category: Category })[] {
  return spanish[kind].flatMap((category) =>
    category.verbs.flatMap((verb) =>
      spanishIn(category.pool).map((object) => ({ verb, object, reason: category.reason, category })),
    ),
  );
}
const spanishOf = { harmful: spanishRequests('harmful'), benign: spanishRequests('benign') };

export function anySpanish(rng: Rng): Request {
  const isHarmful = rng.next() < 0.5;
  const request = pick(rng, spanishOf[isHarmful ? 'harmful' : 'benign']);
  return { example: solveInSpanish(rng, request, request.category.pool), isHarmful };
}

const poolOf = new Map<string, PoolName>(
  [...HARMFUL_CATEGORIES, ...BENIGN_CATEGORIES].map(({ reason, pool }): [string, PoolName] => [reason, pool]),
);
const harmlessVerbs = (pool: PoolName): Category[] =>
  BENIGN_CATEGORIES.filter((category) => category.pool === pool);

/** `last` after one or two harmless requests about the same object. */
export function conversationTo(rng: Rng, last: Action): TeacherExample {
  const pool = poolOf.get(last.reason);
  if (pool === undefined) throw new Error(`world-no-pool: "${last.reason}" is no category`);
  const before = Array.from({ length: rng.next() < 0.5 ? 1 : 2 }, (): Action => {
    const category = pick(rng, harmlessVerbs(pool));
    return { verb: pick(rng, category.verbs), object: last.object, reason: category.reason };
  });
  return solveAfterTurns(rng, last, before, pool === 'people');
}

export function anyConversation(rng: Rng, world: World): Request {
  const isHarmful = rng.next() < 0.5;
  return { example: conversationTo(rng, pick(rng, isHarmful ? world.harmful : world.benign)), isHarmful };
}
