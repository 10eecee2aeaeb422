import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { toChatExample, isRowProblem, type ChatExample } from '../../../src/data/chat-example.ts';
import { tokenizeExample, type TokenizedExample } from '../../../src/data/mask.ts';
import type { ChatTokenizer } from '../../../src/data/tokenizer.ts';
import {
  defaultSettings,
  goldenBytes,
  goldenNames,
  goldenTokenizer,
  readAll,
  readGolden,
} from './support.ts';

const example = (response: string, question = 'Is 91 prime?'): ChatExample => ({
  line: 1,
  shape: 'instruction/response',
  prompt: [{ role: 'user', content: question }],
  response,
});
const tokenize = (
  tokenizer: ChatTokenizer,
  row: ChatExample,
  maxLength = 512,
  completionOnlyLoss = true,
): TokenizedExample => {
  const result = tokenizeExample(row, tokenizer, { ...defaultSettings, maxLength, completionOnlyLoss });
  if (isRowProblem(result)) throw new Error(result.reason);
  return result[0];
};
const textOf = (tokenizer: ChatTokenizer, { tokens, isTarget }: TokenizedExample, role: 0 | 1): string =>
  tokenizer.decode([...tokens].filter((_, t) => isTarget[t] === role));

describe.each(goldenNames)('%s', (name) => {
  test('ids, masks and cuts equal those of transformers and TRL, row by row', async () => {
    const tokenizer = goldenTokenizer(name);
    const golden = readGolden(name);
    const { rows } = await readAll(goldenBytes(name, 'dataset.jsonl'));
    expect(rows).toHaveLength(golden.rows.length);
    for (const [index, row] of rows.entries()) {
      const chat = toChatExample(row) as ChatExample;
      const result = tokenize(tokenizer, chat, golden.curve.settings.max_length);
      const expected = golden.rows[index];
      expect(tokenizer.renderPrompt(chat.prompt)).toBe(expected.prompt);
      expect([...result.tokens]).toEqual(expected.ids);
      expect([...result.isTarget]).toEqual(expected.is_target);
      expect([result.line, result.truncated]).toEqual([expected.line, expected.truncated]);
      expect(result.targetCount).toBe(expected.is_target.reduce((sum, bit) => sum + bit, 0));
    }
    expect(golden.rows.some(({ truncated }) => truncated)).toBe(true);
  });
});

test('the reasoning is in the target, although the template would delete it', () => {
  const r1 = goldenTokenizer('tied-gqa');
  const result = tokenize(r1, example('91 = 7 × 13.\n</think>\n\nNo.'));
  expect(textOf(r1, result, 0)).toBe('<｜begin▁of▁sentence｜><｜User｜>Is 91 prime?<｜Assistant｜><think>\n');
  expect(textOf(r1, result, 1)).toBe('91 = 7 × 13.\n</think>\n\nNo.<｜end▁of▁sentence｜>');
  // The control: rendered as an assistant's turn, R1's template loses the reasoning.
  const rendered = r1.renderPrompt([
    { role: 'user', content: 'Is 91 prime?' },
    { role: 'assistant', content: '91 = 7 × 13.\n</think>\n\nNo.' },
  ]);
  expect(rendered).not.toContain('7 × 13');
});

test.each(['<think>\nSo.\n</think>\n\nNo.', '\n <think>So.\n</think>\n\nNo.', 'So.\n</think>\n\nNo.'])(
  'a prefilled <think> is not doubled: %j',
  (response) => {
    const r1 = goldenTokenizer('tied-gqa');
    expect(textOf(r1, tokenize(r1, example(response)), 1)).toBe('So.\n</think>\n\nNo.<｜end▁of▁sentence｜>');
  },
);

test('without a prefilled <think> the response keeps its own, and trains it', () => {
  const chatml = goldenTokenizer('tied-bf16');
  const result = tokenize(chatml, example('<think>\nSo.\n</think>\n\nNo.'));
  expect(textOf(chatml, result, 0)).toBe('<|im_start|>user\nIs 91 prime?<|im_end|>\n<|im_start|>assistant\n');
  expect(textOf(chatml, result, 1)).toBe('<think>\nSo.\n</think>\n\nNo.<|im_end|>');
});

test('an end token that is there is not added again', () => {
  const r1 = goldenTokenizer('tied-gqa');
  const [without, withEnd] = ['No.', 'No.<｜end▁of▁sentence｜>'].map((response) => [
    ...tokenize(r1, example(response)).tokens,
  ]);
  expect(withEnd).toEqual(without);
});

test('a token across the seam is split there, so that no prompt token is trained', () => {
  const plain: ChatTokenizer = {
    ...goldenTokenizer('tied-gqa'),
    renderPrompt: ([{ content }]) => content,
  };
  const seam = 'The capi';
  expect(plain.encode(`${seam}tal`).slice(0, plain.encode(seam).length)).not.toEqual(plain.encode(seam));
  const result = tokenize(plain, example('tal', seam));
  expect(textOf(plain, result, 0)).toBe(seam);
  expect(textOf(plain, result, 1)).toBe('tal<｜end▁of▁sentence｜>');
});

test('the end is cut at max_length, never the start, and the row says so', () => {
  const r1 = goldenTokenizer('tied-gqa');
  const whole = tokenize(r1, example('So it is.\n</think>\n\nNo.'));
  const cut = tokenize(r1, example('So it is.\n</think>\n\nNo.'), whole.tokens.length - 2);
  expect([whole.truncated, cut.truncated]).toEqual([false, true]);
  expect([...cut.tokens]).toEqual([...whole.tokens].slice(0, -2));
  expect(cut.targetCount).toBe(whole.targetCount - 2);
  expect(tokenize(r1, example('So it is.\n</think>\n\nNo.'), whole.tokens.length).truncated).toBe(false);
});

test('a prompt that fills max_length is refused, not trained without a target', () => {
  const r1 = goldenTokenizer('tied-gqa');
  const result = tokenizeExample(example('No.', 'a '.repeat(100)), r1, {
    ...defaultSettings,
    maxLength: 50,
  });
  expect(result).toMatchObject({ code: 'row-no-target', line: 1 });
});

test('without completion_only_loss everything but the first token is a target', () => {
  const r1 = goldenTokenizer('tied-gqa');
  const { tokens, isTarget, targetCount } = tokenize(r1, example('No.'), 512, false);
  expect([...isTarget]).toEqual([0, ...Array.from({ length: tokens.length - 1 }, () => 1)]);
  expect(targetCount).toBe(tokens.length - 1);
});

test('messages the template refuses are the row’s problem', () => {
  const tokenizer = goldenTokenizer('tied-gqa');
  const refusing = { ...tokenizer, renderPrompt: goldenRefusal };
  expect(tokenizeExample(example('No.'), refusing, { ...defaultSettings, maxLength: 64 })).toMatchObject({
    code: 'row-shape',
  });
});
function goldenRefusal(): string {
  throw new TrainerError('model-file-invalid', 'roles must alternate');
}
