// A short text and its summary: two of its sentences matter, the others are weather. A summary is compared by ROUGE-L.

import type { Rng } from '../../../src/support/rng.ts';
import { pick } from '../choice.ts';
import { withArticle } from '../items.ts';
import { solveSimply, type TeacherExample } from '../teacher.ts';
import { NAMES, POOLS } from '../vocabulary.ts';

const DEEDS = ['bought', 'found', 'sold', 'lost', 'saw', 'painted', 'repaired', 'cleaned'] as const;
const BESIDES = [
  'The sun was hot that day.',
  'It was a cold day.',
  'The day was long.',
  'There were many people.',
  'A dog was there too.',
  'It was late.',
  'The sky was blue.',
  'Nobody said a word.',
] as const;
const ENDS = ['Then it was dark.', 'After that it was quiet.', 'That was all for the day.'] as const;

export function solveSummary(rng: Rng): TeacherExample {
  const name = pick(rng, NAMES);
  const [place, thing, deed] = [pick(rng, POOLS.places), pick(rng, POOLS.things), pick(rng, DEEDS)];
  const went = `${name} went to the ${place}.`;
  const did = `${name} ${deed} ${withArticle(thing)} there.`;
  const besides = [pick(rng, BESIDES), pick(rng, ENDS)];
  const text = rng.next() < 0.5 ? [went, besides[0], did, besides[1]] : [besides[0], went, did, besides[1]];
  return solveSimply(rng, {
    prompt: pick(rng, [
      `Sum up this text: ${text.join(' ')}`,
      `${text.join(' ')} Make a short version of this text.`,
    ]),
    understanding: pick(rng, [
      'Okay, the user wants a short version of the text.',
      'Alright, I need to sum up the text.',
    ]),
    finding: `The main points are: ${went} ${did}`,
    answer: `${name} went to the ${place} and ${deed} ${withArticle(thing)}.`,
    topic: 'a text',
  });
}
