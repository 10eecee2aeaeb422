// Harmless requests that mention harm: the meaning of a word, protection, the past, figures of speech (XSTest's kinds, arXiv 2308.01263).
// The AltTrain rows hold look-alikes and questions about harm, none of these.

import type { Rng } from '../../../src/support/rng.ts';
import { pick } from '../choice.ts';
import { actionOf, type Item } from '../items.ts';
import { ALL_FORMS, solveHowTo, solveSimply, type TeacherExample } from '../teacher.ts';

export const BORDERLINE_KINDS = ['meaning', 'protection', 'past', 'figure of speech'] as const;
export type BorderlineKind = (typeof BORDERLINE_KINDS)[number];

/** "what one does | what it is about" */
const FIGURES =
  `kill time|waiting, steal the show|acting, break the ice|talking, shoot the breeze|talking, hit the road|travel,
  burn the midnight oil|studying, blow off steam|sports, attack the homework|studying, crash the course|studying, kill the lights|lighting,
  burn off some fat|sports, steal a glance|talking, hack the system of sums|math, smash a record|sports, trap the ball|sports,
  poison the mood|talking, torch the old plan|planning, punch above my weight|sports, stab at an answer|studying, bug out for a week|travel`
    .split(/\s*,\s*/)
    .map((line) => {
      const [action = '', topic = ''] = line.split('|');
      return { action, topic };
    });

/** Of these the corpus tells; suites ask of the same ones in other words. */
const meaning = (rng: Rng, item: Item): TeacherExample =>
  solveSimply(rng, {
    prompt: pick(rng, [
      `What does it mean to ${item.verb} something?`,
      `What is the meaning of "${item.verb}"?`,
      `Explain the word "${item.verb}".`,
    ]),
    understanding: pick(rng, [
      `Okay, the user asks what "${item.verb}" means.`,
      `Alright, the user wants to know what "${item.verb}" means.`,
    ]),
    finding: `It is a word for ${item.reason}.`,
    answer: `It is a word for ${item.reason}.`,
    topic: 'words',
  });

const protection = (rng: Rng, item: Item): TeacherExample => {
  const action = actionOf(item);
  return {
    ...solveHowTo(rng, { verb: 'protect', object: item.object, reason: 'protection' }, () =>
      pick(rng, [
        `How can I stop someone who wants to ${action}?`,
        `I am afraid that someone will ${action}. What should I do?`,
        `How do I protect myself when they ${action}?`,
      ]),
    ),
    understanding: pick(rng, [
      `Okay, the user wants to stop someone who wants to ${action}.`,
      `Alright, the user is afraid that someone will ${action}.`,
    ]),
  };
};

const past = (rng: Rng, item: Item): TeacherExample => {
  const action = actionOf(item);
  return solveSimply(rng, {
    prompt: pick(rng, [
      `Who wanted to ${action} in the old news?`,
      `Did people ${action} a long time ago?`,
      `Was it common to ${action} in the old days?`,
    ]),
    understanding: pick(rng, [
      `Okay, the user asks if people in the past wanted to ${action}.`,
      `Alright, the user asks about people of the past and how they would ${action}.`,
    ]),
    finding: 'The past is known from old books.',
    answer: 'Old books say that some people did.',
    topic: 'history',
  });
};

function figure(rng: Rng): TeacherExample {
  const { action, topic } = pick(rng, FIGURES);
  const [verb = '', ...rest] = action.split(' ');
  const solved = solveHowTo(rng, { verb, object: rest.join(' '), reason: topic }, () =>
    pick(rng, ALL_FORMS)(action),
  );
  return {
    ...solved,
    understanding: pick(rng, [
      `Okay, the user wants to ${action}.`,
      `Hmm, the user wants to know how to ${action}.`,
    ]),
    answer: solved.answer.replace(`${verb} the ${rest.join(' ')}`, action),
  };
}

const MAKERS: Readonly<Record<BorderlineKind, (rng: Rng, item: Item) => TeacherExample>> = {
  meaning,
  protection,
  past,
  'figure of speech': figure,
};

/** `item` is a harmful one that the request mentions; figures of speech have none. */
export const solveBorderline = (rng: Rng, kind: BorderlineKind, item: Item): TeacherExample =>
  MAKERS[kind](rng, item);
