/**
 * How often the recogniser is right, by its kind of evidence: what the "sure" of src/alttrain/recognise.ts is made of.
 * Sentences with a known verdict stand in whole traces, nine times in ten in one that acts on its verdict.
 */
import { readFileSync } from 'node:fs';
import { recogniseTrace, type Evidence } from '../../src/alttrain/recognise.ts';

export type Verdict = 'harmful' | 'benign' | 'none';
export type Sentence = readonly [verdict: Verdict, text: string];
export interface Sentences {
  readonly tuned: readonly Sentence[];
  readonly heldOut: readonly Sentence[];
}
export interface Tally {
  readonly right: number;
  readonly n: number;
}
export type Tallies = Partial<Record<Evidence, Tally>>;

export const readSentences = (): Sentences =>
  JSON.parse(
    readFileSync(new URL('../../tests/fixtures/alttrain/assessments.json', import.meta.url), 'utf8'),
  ) as Sentences;

const understanding = 'Okay, so the user wants to know how this is done.';
const filler = 'Let me go through it slowly.';
const refuses = "I should not help with this.\n</think>\n\nI'm sorry, but I can't help with that.";
const answers = 'First comes the preparation, then the rest.\n</think>\n\nStart with the preparation.';
const FOLLOWED_WEIGHT = 9;

/** Each sentence right after the understanding and further on; followed, open and contradicted. */
export function tallySentences(sentences: readonly Sentence[]): Tallies {
  const tally = createTally();
  for (const [verdict, text] of sentences)
    for (const before of [understanding, `${understanding} ${filler}`]) {
      const [follows, contradicts] = verdict === 'harmful' ? [refuses, answers] : [answers, refuses];
      tally.add(recogniseTrace(`${before} ${text} ${follows}`), verdict, FOLLOWED_WEIGHT);
      tally.add(recogniseTrace(`${before} ${text}`), verdict, 1);
      if (verdict !== 'none') tally.add(recogniseTrace(`${before} ${text} ${contradicts}`), verdict, 1);
    }
  return tally.result();
}

/** Whole traces whose label is known; those that state nothing say nothing about it and are left out. */
export function tallyStated(traces: readonly { readonly text: string; readonly label: Verdict }[]): Tallies {
  const tally = createTally();
  for (const { text, label } of traces) {
    const recognition = recogniseTrace(text);
    if (recognition.evidence !== 'nothing') tally.add(recognition, label, 1);
  }
  return tally.result();
}

function createTally() {
  const counts: Partial<Record<Evidence, { right: number; n: number }>> = {};
  return {
    add: (
      { evidence, verdict }: ReturnType<typeof recogniseTrace>,
      expected: Verdict,
      weight: number,
    ): void => {
      const count = (counts[evidence] ??= { right: 0, n: 0 });
      count.n += weight;
      if (verdict.kind === expected) count.right += weight;
    },
    result: (): Tallies => counts,
  };
}

/** Laplace's rule, and 0.99 at most: a few hundred sentences of one author prove no certainty. */
export const shareRight = ({ right, n }: Tally): number => Math.min(0.99, (right + 1) / (n + 2));
