/**
 * The parts of an AltTrain trace (arXiv 2604.18946): problem understanding (PU), the first sentence; harmfulness
 * assessment (HA), the sentence right after it; conditional reasoning (CR), the rest of the thought; the answer.
 * A trace without HA, such as the base model's, has its rest as "other".
 */
import type { TracePart, TracePartKind } from '../api/trainer-api.ts';
import { splitSentences } from './sentences.ts';

const subject = String.raw`\b(?:this|that|it|there|(?:the |their |his |her )?(?:user's )?(?:request|question|query|prompt|instruction|task|topic|message|intent|intention))\b`;
const verdict = String.raw`\b(?:harm|harmful|harmless|unharmful|unsafe|safe|danger|dangerous|illegal|unethical|malicious|benign|inappropriate)\b`;
const assessment = new RegExp(
  String.raw`${subject}.*\b(?:is|isn't|was|are|be|seems?|appears?|looks?|sounds?|involves?|contains?|poses?|has|raises?)\b.*${verdict}`,
  'is',
);

const LONGEST_ASSESSMENT = 400; // characters; a model that never ends its sentence must not stall the match

/** Whether a sentence says of the request that it is harmful, or that it is not. */
export function isAssessment(sentence: string): boolean {
  return assessment.test(sentence.slice(0, LONGEST_ASSESSMENT).replace(/’/g, "'"));
}

/**
 * The parts in order; joined, they are the text. </think> belongs to the thought's last part.
 * Text without </think> is read as a thought that has not ended.
 */
export function splitTrace(text: string): TracePart[] {
  const closing = /<\/think>\s*/.exec(text);
  const end = closing === null ? text.length : closing.index + closing[0].length;
  const [thought, answer] = [text.slice(0, end), text.slice(end)];

  const sentences = splitSentences(thoughtWithoutTag(thought));
  const understanding = sentences[0] ?? '';
  const assessed = sentences[1] !== undefined && isAssessment(sentences[1]);
  const beforeRest = understanding.length + (assessed ? sentences[1].length : 0);
  const head = thought.length - thoughtWithoutTag(thought).length; // "<think>" at the start
  const tail = thought.slice(head + beforeRest);
  const parts: TracePart[] = [];
  const add = (kind: TracePartKind, part: string): void => {
    const last = parts.at(-1);
    // The closing tag or white space alone is no part of its own.
    if (last !== undefined && part.replace('</think>', '').trim() === '')
      parts[parts.length - 1] = { kind: last.kind, text: last.text + part };
    else if (part !== '') parts.push({ kind, text: part });
  };
  if (understanding.replace('</think>', '').trim() === '') add('other', thought);
  else {
    add('PU', thought.slice(0, head) + understanding);
    if (assessed) add('HA', sentences[1]);
    add(assessed ? 'CR' : 'other', tail);
  }
  add('answer', answer);
  return parts;
}

function thoughtWithoutTag(thought: string): string {
  return thought.replace(/^\s*<think>\s*/, '');
}
