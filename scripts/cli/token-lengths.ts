/** Lengths in tokens of rows as they will be trained: chat template, response and end token, by a model folder's tokenizer. */
import type { BuiltRow, Lengths } from '../../src/api/builder-api.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { lengthsOf } from '../../src/alttrain/lengths.ts';
import type { ChatTokenizer } from '../../src/data/tokenizer.ts';
import { tokenizerFiles } from './inputs.ts';

export interface TokenLengths {
  readonly sample: Lengths; // prompt as rendered, response, end token
  readonly trained: Lengths; // response and end token
}

/** @throws TrainerError */
export async function openTokenizer(model: string): Promise<ChatTokenizer> {
  const { createChatTokenizer } = await import('../../src/data/tokenizer.ts'); // half a second, only where it is used
  return createChatTokenizer(await tokenizerFiles(model));
}

export async function tokenLengths(
  rows: readonly BuiltRow[],
  tokenizer: ChatTokenizer,
): Promise<TokenLengths> {
  const { tokenizeExample } = await import('../../src/data/mask.ts');
  const sample: number[] = [];
  const trained: number[] = [];
  for (const { line, instruction, response } of rows) {
    const parts = tokenizeExample(
      { line, shape: 'instruction/response', prompt: [{ role: 'user', content: instruction }], response },
      tokenizer,
      { maxLength: Infinity, completionOnlyLoss: true, assistantOnlyLoss: false, truncation: 'truncate' },
    );
    if ('reason' in parts)
      throw new TrainerError('internal', `A built row cannot be tokenized: it ${parts.reason}.`);
    sample.push(...parts.map(({ tokens }) => tokens.length));
    trained.push(...parts.map(({ targetCount }) => targetCount));
  }
  return { sample: lengthsOf(sample), trained: lengthsOf(trained) };
}
