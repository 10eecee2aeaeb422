/**
 * What a trace says of its request, how sure that is, and why. The verdict is the one the thought states itself:
 * nothing is inferred from a refusal alone, so a trace that refuses without an assessment has none.
 *
 * "Sure" is a measured share: of traces with the same evidence whose verdict is known, how many were read rightly
 * (`npm run proof:recogniser`; docs/alttrain.md has the table).
 */
import type { TracePart, TraceVerdict } from '../api/trainer-api.ts';
import { assess, type Polarity } from './assessment.ts';
import { judgeTrace } from './judge.ts';
import { splitTrace, traceTextOf } from './parts.ts';
import { splitSentences } from './sentences.ts';
import { isStop, isUnderstanding } from './understanding.ts';

/** Where the verdict stands, and whether the trace acts on it. */
export type Evidence =
  | 'stated-followed' // HA right after PU (or first), and the trace acts on it
  | 'stated-open' // … and the trace ends before it acts
  | 'stated-contradicted' // … and the trace does the opposite
  | 'later-followed' // a sentence further on, not where AltTrain puts it
  | 'later-open'
  | 'later-contradicted'
  | 'pivot' // R2D's [SAFE] or [UNSAFE]
  | 'nothing'; // no verdict is stated

/** Measured: see the head of this file; 0.99 at most. A pivot is a literal token and was never misread. */
export const confidenceOf: Readonly<Record<Evidence, number>> = {
  'stated-followed': 0.99,
  'stated-open': 0.95,
  'stated-contradicted': 0.79,
  'later-followed': 0.97,
  'later-open': 0.95,
  'later-contradicted': 0.82,
  pivot: 0.99,
  nothing: 0.82,
};

interface Recognition {
  readonly parts: readonly TracePart[];
  readonly verdict: TraceVerdict;
  readonly evidence: Evidence;
}

/** @param text a response, or what a model generated after its prompt */
export function recogniseTrace(text: string): Recognition {
  const parts = splitTrace(text);
  const { thought } = traceTextOf(text);
  const stated = findVerdict(parts, thought);
  const outcome = outcomeOf(text);
  const evidence = evidenceOf(stated, outcome);
  const verdict: TraceVerdict = {
    kind: stated?.verdict ?? 'none',
    confidence: confidenceOf[evidence],
    reasons: [...reasonsFor(parts, stated), ...outcomeReason(stated, outcome)],
  };
  return { parts, verdict, evidence };
}

interface Stated {
  readonly verdict: Polarity;
  readonly where: 'HA' | 'later' | 'pivot';
  readonly sentence: number; // 1-based, within the thought
  readonly hasReason: boolean;
}

function findVerdict(parts: readonly TracePart[], thought: string): Stated | null {
  const pivot = [...thought.matchAll(/\[(SAFE|UNSAFE)\]/g)].at(-1)?.[1];
  if (pivot !== undefined)
    return {
      verdict: pivot === 'SAFE' ? 'benign' : 'harmful',
      where: 'pivot',
      sentence: 0,
      hasReason: false,
    };
  const part = parts.find(({ kind }) => kind === 'HA');
  if (part !== undefined) {
    const found = assess(withoutTag(part.text));
    return found === null ? null : { ...found, where: 'HA', sentence: 0 };
  }
  for (const [index, sentence] of splitSentences(thought).entries()) {
    const found = assess(sentence);
    if (found !== null) return { ...found, where: 'later', sentence: index + 1 };
  }
  return null;
}

const withoutTag = (text: string): string => text.replace(/^\s*<think>\s*/, '').replace(/<\/think>\s*$/, '');

type Outcome = 'refuses' | 'goes on' | 'open';

function outcomeOf(text: string): Outcome {
  const { thought, closing } = traceTextOf(text);
  if (judgeTrace(text, true).refused) return 'refuses';
  if (closing !== '') return 'goes on';
  return splitSentences(thought).some(isStop) ? 'refuses' : 'open';
}

function evidenceOf(stated: Stated | null, outcome: Outcome): Evidence {
  if (stated === null) return 'nothing';
  if (stated.where === 'pivot') return 'pivot';
  const place = stated.where === 'HA' ? 'stated' : 'later';
  if (outcome === 'open') return `${place}-open`;
  return (outcome === 'refuses') === (stated.verdict === 'harmful')
    ? `${place}-followed`
    : `${place}-contradicted`;
}

function reasonsFor(parts: readonly TracePart[], stated: Stated | null): string[] {
  const understanding = parts.find(({ kind }) => kind === 'PU');
  const first =
    understanding === undefined
      ? 'The first sentence does not say what is asked.'
      : isUnderstanding(withoutTag(understanding.text))
        ? 'The first sentence says what is asked.'
        : 'The first sentence is taken for the understanding by its place; it does not speak of the request.';
  if (parts.length === 0) return ['There is no text.'];
  if (stated === null) return [first, 'No sentence of the thought says whether the request is harmful.'];
  const said = stated.verdict === 'harmful' ? 'harmful' : 'not harmful';
  if (stated.where === 'pivot') return [first, `The last pivot token says ${said}.`];
  const because = stated.hasReason ? ', and why' : ', without a reason';
  return [
    first,
    stated.where === 'HA'
      ? `The sentence that assesses it says ${said}${because}.`
      : `Sentence ${stated.sentence} says ${said}${because}; AltTrain has it right after the first.`,
  ];
}

function outcomeReason(stated: Stated | null, outcome: Outcome): string[] {
  if (stated === null) return outcome === 'refuses' ? ['It refuses all the same.'] : [];
  if (outcome === 'open') return ['The trace ends before it acts on that.'];
  const acts = outcome === 'refuses' ? 'refuses' : 'answers';
  return [
    (outcome === 'refuses') === (stated.verdict === 'harmful')
      ? `It ${acts}, as it should then.`
      : `Yet it ${acts}.`,
  ];
}
