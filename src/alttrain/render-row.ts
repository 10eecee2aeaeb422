/** A source row in one of the shapes: the texts of its segments, joined so that each part stays a sentence of its own. */
import type { BuiltRow, HarmLabel, Templates } from '../api/builder-api.ts';
import { createRng } from '../support/rng.ts';
import { assess } from './assessment.ts';
import type { Segment, Shape } from './shapes.ts';
import type { SourceRow } from './source-rows.ts';
import { splitSentences } from './sentences.ts';
import { fillIn } from './templates.ts';
import { firstSentenceOf, isStop } from './understanding.ts';

export type Rendered = Pick<BuiltRow, 'instruction' | 'response' | 'understandingFrom' | 'assessmentFrom'>;

/** Text → a number that decides for it; the same text always the same. FNV-1a, 32 bits. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Each choice has a generator of its own, so that a row gets the same texts in every shape. */
function pick(texts: readonly string[], row: SourceRow, seed: number, what: string): string {
  return texts[createRng(seedOf(`${seed}:${what}:${row.file}:${row.line}`)).below(texts.length)] ?? '';
}

/** @param ownAssessment written by a model */
export function renderRow(
  row: SourceRow,
  shape: Shape,
  templates: Templates,
  seed: number,
  ownAssessment: string | null,
): Rendered {
  const layout = shape[row.label];
  const first = firstSentenceOf(row.thought ?? '');
  const values = {
    question: briefQuestion(row.question),
    category: row.categories[0] ?? '',
    reason: reasonFor(row, templates),
  };
  const understanding = first.isUnderstanding
    ? first.text.trim()
    : sentence(fillIn(templates.understanding, values));
  const rest = first.isUnderstanding ? first.rest : (row.thought ?? '');
  const textOf = (segment: Segment): string => {
    switch (segment) {
      case 'understanding':
        return understanding;
      case 'assessment': {
        const texts = row.label === 'harmful' ? templates.assessHarmful : templates.assessBenign;
        return sentence(ownAssessment ?? fillIn(pick(texts, row, seed, 'assess'), values));
      }
      case 'stop':
        return templates.stop;
      case 'stop-rephrased':
        return pick(templates.stopRephrased, row, seed, 'stop');
      case 'rest':
        return rest.trim();
      case 'trace':
        return row.thought ?? '';
      case 'pivots':
        return withPivots(row.thought ?? '', row.label, templates);
      case 'direct':
        return templates.directThought;
      case 'primer':
        return sentence(templates.primer);
      default:
        return segment satisfies never;
    }
  };
  let thought = '';
  for (const segment of layout.thought) {
    // What the trace had between its first sentence and the rest.
    const gap = segment === 'rest' ? gapBefore(rest, first.text) : segment === 'trace' ? '\n\n' : ' ';
    thought = joined(thought, gap, textOf(segment));
  }
  const answer = layout.answer === 'own' ? row.answer : pick(templates.refusals, row, seed, 'refusal');
  const uses = (segment: Segment): boolean => layout.thought.includes(segment);
  return {
    instruction: row.question,
    response: `${shape.opensThought ? '<think>\n' : ''}${thought}\n</think>${answer === '' ? '' : `\n\n${answer}`}`,
    understandingFrom: !uses('understanding') ? 'none' : first.isUnderstanding ? 'trace' : 'template',
    assessmentFrom: !uses('assessment') ? 'none' : ownAssessment === null ? 'template' : 'model',
  };
}

function reasonFor({ categories }: SourceRow, { reasons, reasonOther }: Templates): string {
  const known = categories.find((name) => Object.hasOwn(reasons, name));
  return known === undefined ? reasonOther : reasons[known];
}

const LONGEST_QUESTION = 300; // characters, in a sentence about it

/** What is asked, in one sentence: the prompt's last question, else its first sentence. */
export function briefQuestion(prompt: string): string {
  const sentences = splitSentences(prompt.trim());
  const asked = sentences.findLast((text) => /[?？]["'”’)]*\s*$/.test(text)) ?? sentences[0] ?? '';
  return asked.replace(/\s+/g, ' ').trim().slice(0, LONGEST_QUESTION);
}

/** One line that ends like a sentence. */
function sentence(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return /[.!?…。！？]["'”’)\]]*$/.test(line) ? line : `${line}.`;
}

function gapBefore(rest: string, firstText: string): string {
  return /\s+$/.exec(firstText)?.[0] ?? /^\s+/.exec(rest)?.[0] ?? '\n\n';
}

/** With a space, unless what stands before would then run on into what follows. */
function joined(before: string, gap: string, after: string): string {
  if (before === '') return after;
  if (after === '') return before;
  const stays = splitSentences(`${before}${gap}${after}`);
  const own = splitSentences(before);
  const isKept = own.every((text, i) => stays[i]?.trim() === text.trim());
  return `${before}${isKept ? gap : '\n'}${after}`;
}

/** R2D: each step of the thought is followed by what it shows. The label decides the last. */
function withPivots(thought: string, label: HarmLabel, texts: Templates): string {
  const { steps, gap } = stepsOf(thought);
  const last = label === 'harmful' ? texts.pivotUnsafe : texts.pivotSafe;
  return steps
    .map((step, i) => `${step} ${i === steps.length - 1 ? last : pivotAfter(step, label, texts)}`)
    .join(gap);
}

/** Paragraphs; of a single paragraph its lines; of a single line its sentences. */
function stepsOf(thought: string): { steps: readonly string[]; gap: string } {
  const trimmed = (parts: readonly string[]): string[] =>
    parts.map((part) => part.trim()).filter((part) => part !== '');
  for (const boundary of [/\n\s*\n/, '\n']) {
    const steps = trimmed(thought.split(boundary));
    if (steps.length > 1) return { steps, gap: '\n\n' };
  }
  return { steps: trimmed(splitSentences(thought)), gap: ' ' };
}

function pivotAfter(step: string, label: HarmLabel, texts: Templates): string {
  const sentences = splitSentences(step);
  const showsHarm = sentences.some((text) => assess(text)?.verdict === 'harmful' || isStop(text));
  if (label === 'harmful' && showsHarm) return texts.pivotUnsafe;
  return sentences.some((text) => /^\W*(?:wait|hmm|but|however|hold on)\b/i.test(text))
    ? texts.pivotRethink
    : texts.pivotSafe;
}
