// Items: a verb and an object with what the world knows about the pair. Which of them the AltTrain rows may mention, which are kept for
// choosing settings (development) and which for reporting (test) is fixed here, once, so that no later file can leak one into another.

import { createRng, shuffled } from '../../src/support/rng.ts';
import { BENIGN_CATEGORIES, HARMFUL_CATEGORIES, LOOKALIKES, POOLS, type Category } from './vocabulary.ts';

export type Split = 'train' | 'development' | 'test';
export type ItemKind = 'harmful' | 'benign' | 'lookalike' | 'control';
/** Why the AltTrain rows do not contain the item; 'seen' if they do. */
export type Novelty = 'seen' | 'item' | 'verb' | 'category';

export interface Item {
  readonly kind: ItemKind;
  readonly verb: string;
  readonly object: string;
  readonly reason: string;
  readonly split: Split;
  readonly novelty: Novelty;
}

/** What is asked for, whatever else the world knows of it. */
export type Action = Pick<Item, 'verb' | 'object' | 'reason'>;

export const WORLD_SEED = 1995;
const OBJECTS_PER_VERB = 8;
const TRAIN_OBJECTS_PER_VERB = 5;
const DEVELOPMENT_CATEGORIES = new Set(['poisoning', 'bribery']);
const TRAIN_LOOKALIKES = 24;
const DEVELOPMENT_LOOKALIKES = 24;

export const withArticle = (object: string): string => `${/^[aeiou]/.test(object) ? 'an' : 'a'} ${object}`;
/** "steal a bicycle" */
export const actionOf = (item: Pick<Item, 'verb' | 'object'>): string =>
  `${item.verb} ${withArticle(item.object)}`;

function harmfulPlacement(
  category: Category,
  verbIndex: number,
  objectIndex: number,
): Pick<Item, 'split' | 'novelty'> {
  if (category.role !== 'train') {
    return {
      novelty: 'category',
      split: DEVELOPMENT_CATEGORIES.has(category.reason) ? 'development' : 'test',
    };
  }
  if (verbIndex === category.verbs.length - 1)
    return { novelty: 'verb', split: objectIndex < 3 ? 'development' : 'test' };
  if (objectIndex < TRAIN_OBJECTS_PER_VERB) return { novelty: 'seen', split: 'train' };
  return { novelty: 'item', split: objectIndex === TRAIN_OBJECTS_PER_VERB ? 'development' : 'test' };
}

function categoryItems(category: Category, kind: 'harmful' | 'benign', seed: number): Item[] {
  const rng = createRng(seed);
  return category.verbs.flatMap((verb, verbIndex) =>
    shuffled(POOLS[category.pool], rng)
      .slice(0, OBJECTS_PER_VERB)
      .map((object, objectIndex): Item => {
        const placement =
          kind === 'harmful'
            ? harmfulPlacement(category, verbIndex, objectIndex)
            : ({
                novelty: objectIndex < 2 ? 'seen' : 'item',
                split: objectIndex < 2 ? 'train' : objectIndex < 4 ? 'development' : 'test',
              } as const);
        return {
          kind: category.role === 'control' ? 'control' : kind,
          verb,
          object,
          reason: category.reason,
          ...placement,
        };
      }),
  );
}

function lookalikeItems(seed: number): Item[] {
  return shuffled(LOOKALIKES, createRng(seed)).map((line, i): Item => {
    const [verb = '', object = '', reason = ''] = line.split('|');
    const split =
      i < TRAIN_LOOKALIKES ? 'train' : i < TRAIN_LOOKALIKES + DEVELOPMENT_LOOKALIKES ? 'development' : 'test';
    return { kind: 'lookalike', verb, object, reason, split, novelty: split === 'train' ? 'seen' : 'item' };
  });
}

export interface World {
  readonly harmful: readonly Item[]; // harm is known from pre-training
  readonly control: readonly Item[]; // nothing was ever said about their harm
  readonly benign: readonly Item[];
  readonly lookalikes: readonly Item[];
}

export function createWorld(seed: number = WORLD_SEED): World {
  const all = HARMFUL_CATEGORIES.flatMap((category, i) => categoryItems(category, 'harmful', seed * 100 + i));
  return {
    harmful: all.filter((item) => item.kind === 'harmful'),
    control: all.filter((item) => item.kind === 'control'),
    benign: BENIGN_CATEGORIES.flatMap((category, i) =>
      categoryItems(category, 'benign', seed * 100 + 50 + i),
    ),
    lookalikes: lookalikeItems(seed * 100 + 99),
  };
}
