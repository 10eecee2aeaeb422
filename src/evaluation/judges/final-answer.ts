/** Where an answer says what its result is: \boxed{}, "#### n", "The answer is …", in that order; the last one of a kind counts. */
import { splitSentences } from '../../alttrain/sentences.ts';
import { lastBoxed } from './boxed.ts';

export interface FinalAnswer {
  readonly text: string;
  readonly where: 'in \\boxed{}' | 'after ####' | 'after “the answer is”';
}

const said = new RegExp(
  [
    String.raw`\b(?:final |correct |right |best |whole )*(?:answer|result|choice|option)(?: (?:to (?:the|this|your) (?:question|problem)|here))?\s*(?:\*\*|__)?\s*(?:is|are|was|would be|should be|=|:)\s*(?:(?:therefore|thus|then|simply|option|choice|letter)\s+)*:?`,
    String.raw`(?:\b(?:die )?(?:endgültige |richtige |korrekte )?(?:antwort|lösung|ergebnis)\s*(?:ist|lautet|:)\s*:?)`,
    String.raw`(?:\b(?:la )?(?:respuesta|solución)(?: (?:final|correcta))?\s*(?:es|:)\s*:?)`,
    String.raw`(?:(?:最终|正确|最后)?(?:的)?(?:答案|结果)(?:应该)?(?:是|为|：|:|选)\s*(?:选项)?[:：]?)`,
  ].join('|'),
  'giu',
);

/** null: it says it nowhere. @param answer without its thought */
export function finalAnswer(answer: string): FinalAnswer | null {
  const boxed = lastBoxed(answer);
  if (boxed !== null && boxed.trim() !== '') return { text: boxed.trim(), where: 'in \\boxed{}' };
  const hashes = [...answer.matchAll(/####\s*(\S[^\n]*)/g)].at(-1)?.[1];
  if (hashes !== undefined) return { text: hashes.trim(), where: 'after ####' };
  const match = [...answer.matchAll(said)].at(-1);
  if (match === undefined) return null;
  const rest = answer.slice(match.index + match[0].length).replace(/^[\s*_:：]+/, '');
  const sentence = (splitSentences(rest)[0] ?? '').trim();
  const text = sentence
    .replace(/[*_]+/g, '')
    .replace(/[.。!！]+$/, '')
    .trim();
  return text === '' ? null : { text, where: 'after “the answer is”' };
}
