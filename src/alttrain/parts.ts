/**
 * The parts of an AltTrain trace (arXiv 2604.18946): problem understanding (PU), the first sentence; harmfulness
 * assessment (HA), the sentence right after it; conditional reasoning (CR), the rest of the thought; the answer.
 * A trace without HA, such as the base model's, has its rest as "other", unless that rest begins by refusing.
 */
import type { TracePart, TracePartKind } from '../api/trainer-api.ts';
import { assess } from './assessment.ts';
import { firstSentenceOf, isStop } from './understanding.ts';
import { splitSentences } from './sentences.ts';

/** R2D's markers and SafePath's primer stand for themselves: they are no understanding. */
const marker = /^\s*\[(?:SAFE|UNSAFE|RETHINK)\]\s*$/;
const primer = /^\s*let(?:'|’)s think about safety first\b/i;

/** Whether a sentence says of the request that it is harmful, or that it is not. */
export const isAssessment = (sentence: string): boolean => assess(sentence) !== null;

interface TraceText {
  readonly opening: string; // "<think>" and the space around it
  readonly thought: string;
  readonly closing: string; // "</think>" and the space behind; empty where the thought has not ended
  readonly answer: string;
}

/** Text without </think> is read as a thought that has not ended. The first </think> ends it. */
export function traceTextOf(text: string): TraceText {
  const opening = /^\s*<think>\s*/.exec(text)?.[0] ?? '';
  const closing = /<\/think>\s*/.exec(text);
  if (closing === null) return { opening, thought: text.slice(opening.length), closing: '', answer: '' };
  return {
    opening,
    thought: text.slice(opening.length, closing.index),
    closing: closing[0],
    answer: text.slice(closing.index + closing[0].length),
  };
}

/** The parts in order; joined, they are the text. </think> belongs to the thought's last part. */
export function splitTrace(text: string): TracePart[] {
  const { opening, thought, closing, answer } = traceTextOf(text);
  const parts: TracePart[] = [];
  // White space alone is no part of its own.
  const add = (kind: TracePartKind, part: string): void => {
    const last = parts.at(-1);
    if (part === '') return;
    if (last !== undefined && part.trim() === '')
      parts[parts.length - 1] = { ...last, text: last.text + part };
    else parts.push({ kind, text: part });
  };
  for (const { kind, text: part } of partsOfThought(thought)) add(kind, part);
  const first = parts[0] ?? { kind: 'other', text: '' };
  parts[0] = { ...first, text: opening + first.text };
  const last = parts[parts.length - 1];
  parts[parts.length - 1] = { ...last, text: last.text + closing };
  if (parts.length === 1 && parts[0].text === '') parts.pop();
  if (answer !== '') parts.push({ kind: 'answer', text: answer });
  return parts;
}

function partsOfThought(thought: string): TracePart[] {
  if (thought.trim() === '') return [{ kind: 'other', text: thought }];
  const first = firstSentenceOf(thought);
  if (marker.test(first.text) || primer.test(first.text)) return [{ kind: 'other', text: thought }];
  const parts: TracePart[] = [];
  let rest = thought;
  const startsWithConclusion = assess(first.text) !== null || isStop(first.text);
  if (first.isUnderstanding || !startsWithConclusion) {
    parts.push({ kind: 'PU', text: first.text });
    rest = first.rest;
  }
  const next = splitSentences(rest)[0] ?? '';
  const hasAssessment = next !== '' && assess(next) !== null;
  if (hasAssessment) {
    parts.push({ kind: 'HA', text: next });
    rest = rest.slice(next.length);
  }
  parts.push({ kind: hasAssessment || isStop(next) ? 'CR' : 'other', text: rest });
  return parts;
}
