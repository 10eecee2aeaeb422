/**
 * An example as token ids, and which of them are trained.
 *
 *   <bos><User>question<Assistant><think>\n | reasoning … </think> answer <eos>
 *   rendered by the template: context       | appended here: target
 *
 * The response is never rendered by the template: R1's deletes everything before </think> from it, and a model
 * trained on that loses its reasoning. Truncation and masks are TRL's (scripts/goldens/cross_check.py).
 */
import type { RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import type { ChatExample } from './chat-example.ts';
import { excerptOf } from './read-rows.ts';
import type { ChatTokenizer } from './tokenizer.ts';

export interface TokenizedExample {
  readonly line: number;
  readonly tokens: Int32Array; // [T]
  /** [T], 1: trained as a prediction from the token before. The first token never is. */
  readonly isTarget: Uint8Array;
  readonly targetCount: number;
  readonly truncated: boolean; // its end was cut off at maxLength
}

export interface MaskOptions {
  readonly maxLength: number; // tokens
  readonly completionOnlyLoss: boolean;
}

export function tokenizeExample(
  example: ChatExample,
  tokenizer: ChatTokenizer,
  { maxLength, completionOnlyLoss }: MaskOptions,
): TokenizedExample | RowProblem {
  const { line } = example;
  const problem = (code: RowProblem['code'], reason: string): RowProblem => ({
    line,
    code,
    reason,
    excerpt: excerptOf(example.prompt.at(-1)?.content ?? ''),
  });
  let prompt: string;
  try {
    prompt = tokenizer.renderPrompt(example.prompt);
  } catch (error) {
    if (error instanceof TrainerError) return problem('row-shape', error.message);
    throw error;
  }
  const response = withoutPrefilledThink(prompt, example.response);
  if (response.trim() === '') return problem('row-empty', 'has nothing in its response but <think>');

  const promptIds = tokenizer.encode(prompt);
  const ids = encodeTogether(prompt, response, promptIds, tokenizer);
  if (!tokenizer.eosIds.includes(ids[ids.length - 1])) ids.push(tokenizer.eosIds[0]);

  const tokens = Int32Array.from(ids.slice(0, maxLength));
  const firstTarget = Math.max(1, completionOnlyLoss ? promptIds.length : 0);
  const isTarget = new Uint8Array(tokens.length).fill(1, firstTarget);
  const targetCount = Math.max(0, tokens.length - firstTarget);
  if (targetCount === 0)
    return problem(
      'row-no-target',
      `leaves nothing to train on: its prompt has ${promptIds.length} tokens, max_length is ${maxLength}`,
    );
  return { line, tokens, isTarget, targetCount, truncated: ids.length > maxLength };
}

/** Where the generation prompt has already opened <think>, a response that opens it again would double it. */
function withoutPrefilledThink(prompt: string, response: string): string {
  return /<think>\n*$/.test(prompt) ? response.replace(/^\s*<think>\n*/, '') : response;
}

/** Tokens of prompt + response. Where a token would span the seam, the two are encoded apart, so that the mask is exact. */
function encodeTogether(
  prompt: string,
  response: string,
  promptIds: readonly number[],
  tokenizer: ChatTokenizer,
): number[] {
  const together = tokenizer.encode(prompt + response);
  if (promptIds.every((id, index) => together[index] === id)) return together;
  return [...promptIds, ...tokenizer.encode(response)];
}
