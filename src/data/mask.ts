/**
 * An example as token ids, and which of them are trained.
 *
 *   <bos><User>question<Assistant><think>\n | reasoning … </think> answer <eos>
 *   rendered by the template: context       | appended here: target
 *
 * With `assistant_only_loss` every turn of the assistant is a target; the pieces come from data/chat-template.ts.
 * The response is never rendered by the template alone: R1's deletes everything before </think> from it, and a model
 * trained on that loses its reasoning. Masks are TRL's (scripts/goldens/cross_check.py, scripts/goldens/trl_masks.py).
 */
import type { RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { ChatExample } from './chat-example.ts';
import { noTemplateError, withTurnEnd, type TextPiece } from './chat-template.ts';
import { fitToLength, type Masked, type Truncation } from './fit-length.ts';
import { excerptOf } from './raw-row.ts';
import { TokenStore } from './token-store.ts';
import type { ChatTokenizer } from './tokenizer.ts';
import { weightProblem, withAnswerWeights, type WeightedPiece } from './turn-weight.ts';
import { textOf } from '../support/text-of.ts';

/** Tokens may be read through getters (data/token-store.ts): a copy by spreading would lose them. */
export interface TokenizedExample {
  readonly line: number;
  readonly tokens: Int32Array; // [T]
  /** [T], 1: trained as a prediction from the token before. The first token never is. */
  readonly isTarget: Uint8Array;
  /** [T], how much each token counts where it is trained, above 0; without them, 1 everywhere. */
  readonly weights?: Float32Array | null;
  readonly targetCount: number;
  readonly truncated: boolean; // its end was cut off at maxLength
}

export interface MaskOptions {
  readonly maxLength: number; // tokens
  readonly completionOnlyLoss: boolean;
  /** Every turn of the assistant instead of the last; goes before completionOnlyLoss. */
  readonly assistantOnlyLoss: boolean;
  readonly truncation: Truncation;
}

/** One example; several where a long row is split; or why there is none. `store`: where its tokens lie. */
export function tokenizeExample(
  example: ChatExample,
  tokenizer: ChatTokenizer,
  options: MaskOptions,
  store = new TokenStore(0),
): readonly TokenizedExample[] | RowProblem {
  const { line } = example;
  const problem = (code: RowProblem['code'], reason: string): RowProblem => ({
    line,
    code,
    reason,
    excerpt: excerptOf(example.prompt.at(-1)?.content ?? example.response),
  });
  const marked = weightProblem(example.weight ?? 1, answerWeightsOf(example), options);
  if (marked !== null) return problem(marked.code, marked.reason);
  let masked: Masked;
  try {
    if (example.shape !== 'text' && tokenizer.fitResponse(example.response).trim() === '')
      return problem('row-empty', 'has nothing in its response but <think>');
    masked = timesWeight(maskExample(example, tokenizer, options), example.weight ?? 1);
  } catch (error) {
    if (error instanceof TrainerError) return problem('row-shape', error.message);
    throw error;
  }
  const rows = tokenizer.embeddingRows;
  const beyond = rows === null ? undefined : masked.ids.find((id) => id >= rows);
  if (beyond !== undefined)
    return problem(
      'row-shape',
      `holds ${textOf(tokenizer.decode([beyond]))}, token ${beyond}, for which the model's embedding (vocab_size ${rows}) has no row`,
    );
  const fitted = fitToLength(masked, options.maxLength, options.truncation);
  return 'reason' in fitted
    ? problem(fitted.code, fitted.reason)
    : fitted.map((window) => store.keep(line, masked, window));
}

function maskExample(example: ChatExample, tokenizer: ChatTokenizer, options: MaskOptions): Masked {
  const { shape, prompt, response } = example;
  if (shape === 'text') return plainText(response, tokenizer);
  if (!tokenizer.hasTemplate) return joinedPair(example, tokenizer, options);
  if (options.assistantOnlyLoss) {
    const pieces = tokenizer.renderTurns([...prompt, { role: 'assistant', content: response }]);
    return mask(withAnswerWeights(pieces, answerWeightsOf(example)), tokenizer);
  }
  const pieces: WeightedPiece<TextPiece>[] = [
    { text: tokenizer.renderPrompt(prompt), isTrained: !options.completionOnlyLoss },
    {
      text: withTurnEnd(tokenizer.fitResponse(response), tokenizer.turnEnd),
      isTrained: true,
      weight: answerWeightsOf(example).at(-1),
    },
  ];
  const masked = mask(pieces, tokenizer);
  return tokenizer.turnEnd === '' ? withEnd(masked, tokenizer) : masked;
}

const answerWeightsOf = ({ prompt, answerWeights }: ChatExample): readonly number[] =>
  answerWeights ?? [...prompt.filter(({ role }) => role === 'assistant').map(() => 1), 1];

/** The weight of the row, on top of those of its turns. */
function timesWeight({ ids, isTarget, weights }: Masked, weight: number): Masked {
  if (weight === 1) return { ids, isTarget, weights };
  return { ids, isTarget, weights: ids.map((_, t) => weight * (weights?.[t] ?? 1)) };
}

/** All of it is trained, but what the tokenizer puts before it. */
function plainText(text: string, tokenizer: ChatTokenizer): Masked {
  const ids = tokenizer.encode(text);
  const start = startBefore(ids, tokenizer);
  const all = [...start, ...ids];
  return withEnd({ ids: all, isTarget: all.map((_, t) => (t > 0 && t >= start.length ? 1 : 0)) }, tokenizer);
}

/** Without a chat template a question and its answer are one text, as TRL reads pairs of texts: tokens may go across the seam. */
function joinedPair(
  { shape, isChat = false, prompt, response }: ChatExample,
  tokenizer: ChatTokenizer,
  options: MaskOptions,
): Masked {
  const [question] = prompt;
  if (isChat || shape === 'messages' || shape === 'conversations' || prompt.length !== 1)
    throw noTemplateError();
  const ids = tokenizer.encode(question.content + response);
  const start = startBefore(ids, tokenizer);
  const promptLength = start.length + tokenizer.encode(question.content).length;
  const isTrained = (t: number): boolean => (options.completionOnlyLoss ? t >= promptLength : t > 0);
  const all = [...start, ...ids];
  return withEnd({ ids: all, isTarget: all.map((_, t) => (isTrained(t) ? 1 : 0)) }, tokenizer);
}

/** Exactly once: a text that begins with the token itself does not get another. */
function startBefore(ids: readonly number[], { textStart }: ChatTokenizer): readonly number[] {
  return textStart.every((id, i) => ids[i] === id) ? [] : textStart;
}

function mask(pieces: readonly WeightedPiece<TextPiece>[], tokenizer: ChatTokenizer): Masked {
  const ids: number[] = [];
  const isTarget: number[] = [];
  const weights: number[] = [];
  let before = '';
  let beforeIds: readonly number[] = [];
  for (const { text, isTrained, weight = 1 } of pieces) {
    const own = encodeAfter(before, beforeIds, text, tokenizer);
    for (const id of own) {
      ids.push(id);
      isTarget.push(isTrained ? 1 : 0);
      weights.push(isTrained ? weight : 1);
    }
    [before, beforeIds] = [text, own];
  }
  isTarget[0] = 0; // nothing comes before it that could predict it
  return weights.every((weight) => weight === 1) ? { ids, isTarget } : { ids, isTarget, weights };
}

/** The tokenizer's own end token, as TRL adds it to texts. */
function withEnd(masked: Masked, { eosIds }: ChatTokenizer): Masked {
  const { ids, isTarget, weights } = masked;
  if (eosIds[0] === ids[ids.length - 1]) return masked;
  const end = { ids: [...ids, eosIds[0]], isTarget: [...isTarget, 1] };
  return weights === undefined ? end : { ...end, weights: [...weights, weights[weights.length - 1]] };
}

/** Tokens of `text` after `before`. Where a token would span the seam, the two are encoded apart, so that the mask is exact. */
function encodeAfter(
  before: string,
  beforeIds: readonly number[],
  text: string,
  tokenizer: ChatTokenizer,
): readonly number[] {
  if (before === '') return tokenizer.encode(text);
  const together = tokenizer.encode(before + text);
  if (beforeIds.every((id, index) => together[index] === id)) return together.slice(beforeIds.length);
  return tokenizer.encode(text);
}
