/**
 * An example token by token: its text, whether it is trained, and the AltTrain part it belongs to.
 * Parts are found in the text of each trained stretch and carried over to the tokens through their characters.
 */
import { splitTrace } from './parts.ts';
import type { InspectedToken } from '../api/trainer-api.ts';
import type { TokenizedExample } from '../data/mask.ts';
import type { ChatTokenizer } from '../data/tokenizer.ts';

/** Bytes of one character may be spread over this many tokens. */
const MAX_TOKENS_OF_A_CHARACTER = 8;

export type PartKind = 'PU' | 'HA' | 'CR';
export interface PartSpan {
  readonly kind: PartKind;
  readonly start: number; // token index
  readonly end: number; // exclusive
}

export function inspectTokens(
  { tokens, isTarget, weights }: Pick<TokenizedExample, 'tokens' | 'isTarget' | 'weights'>,
  tokenizer: ChatTokenizer,
): InspectedToken[] {
  const texts = tokenTexts(tokens, tokenizer);
  const spans = partSpans({ tokens, isTarget }, tokenizer, texts);
  return Array.from(tokens, (id, t) => ({
    id,
    text: texts[t],
    role: tokenizer.isSpecial(id) ? 'special' : isTarget[t] === 1 ? 'trained' : 'prompt',
    isTrained: isTarget[t] === 1,
    part: spans.find(({ start, end }) => t >= start && t < end)?.kind ?? null,
    ...(weights && isTarget[t] === 1 ? { weight: shownWeight(weights[t]) } : {}),
  }));
}

/** A weight as the file has it: float32 holds 0.1 as 0.10000000149. */
export const shownWeight = (weight: number): number => Number(weight.toPrecision(7));

/** One text per token; where a character needs several tokens, the first has it and the others have none. */
function tokenTexts(tokens: Int32Array, tokenizer: ChatTokenizer): string[] {
  const texts: string[] = [];
  for (let t = 0; t < tokens.length;) {
    let count = 1;
    let text = tokenizer.decode([tokens[t]]);
    while (text.includes('\uFFFD') && count < MAX_TOKENS_OF_A_CHARACTER && t + count < tokens.length) {
      count++;
      text = tokenizer.decode([...tokens.subarray(t, t + count)]);
    }
    // Not a character after all (bytes that are none): each token stands for itself.
    if (text.includes('\uFFFD')) [count, text] = [1, tokenizer.decode([tokens[t]])];
    texts.push(text, ...Array.from({ length: count - 1 }, () => ''));
    t += count;
  }
  return texts;
}

/** PU, HA and CR of every trained stretch that has a thought. */
export function partSpans(
  { tokens, isTarget }: Pick<TokenizedExample, 'tokens' | 'isTarget'>,
  tokenizer: ChatTokenizer,
  texts: readonly string[] = tokenTexts(tokens, tokenizer),
): PartSpan[] {
  const spans: PartSpan[] = [];
  for (let start = 0; start < tokens.length; start++) {
    if (isTarget[start] !== 1) continue;
    let end = start;
    while (end < tokens.length && isTarget[end] === 1) end++;
    const isSpecial = (t: number): boolean => tokenizer.isSpecial(tokens[t]);
    const own = Array.from({ length: end - start }, (_, i) => (isSpecial(start + i) ? '' : texts[start + i]));
    const text = own.join('');
    if (tokenizer.thinkPrefilled || /<\/?think>/.test(text)) spans.push(...spansOf(text, own, start));
    start = end;
  }
  return spans;
}

function spansOf(text: string, tokens: readonly string[], firstToken: number): PartSpan[] {
  const spans: PartSpan[] = [];
  let t = 0;
  let tokenStart = 0; // characters before token t
  let partEnd = 0;
  for (const { kind, text: part } of splitTrace(text)) {
    const start = t;
    partEnd += part.length;
    // A token belongs to the part of its first letter: the space between two sentences is written before the second.
    while (t < tokens.length && tokenStart + leadingSpaces(tokens[t]) < partEnd)
      tokenStart += tokens[t++].length;
    if (kind !== 'PU' && kind !== 'HA' && kind !== 'CR') continue;
    if (t > start) spans.push({ kind, start: firstToken + start, end: firstToken + t });
  }
  return spans;
}

function leadingSpaces(token: string): number {
  const count = token.length - token.trimStart().length;
  return count === token.length ? 0 : count;
}
