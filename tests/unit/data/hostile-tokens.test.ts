// Faults that damaged tokenizers and adapters showed: each an error without a code once.
import { expect, test } from 'vitest';
import { readAdapterConfig } from '../../../src/adapter/peft-config.ts';
import { createChatTokenizer } from '../../../src/data/tokenizer.ts';
import { tokenizerFiles } from './support.ts';

const files = tokenizerFiles('tied-bf16');
const withToken = (content: string) => ({
  ...files,
  tokenizerConfig: { ...files.tokenizerConfig, extra_special_tokens: [content] },
});

test('an added token of 2 MB, which makes no pattern, is refused by its length', () => {
  expect(() => createChatTokenizer(withToken('ab'.repeat(1_000_000)))).toThrow(
    expect.objectContaining({
      code: 'model-file-invalid',
      message: expect.stringContaining('of 2000000 characters') as string,
    }),
  );
  expect(() => createChatTokenizer(withToken('ab'.repeat(500)))).not.toThrow();
});

test('an object whose toString is a number stands in no name’s place', () => {
  const strange = { toString: 1 };
  const config = (more: object): string =>
    JSON.stringify({ peft_type: 'LORA', r: 8, lora_alpha: 8, target_modules: ['q_proj'], ...more });
  const module = 'model.layers.0.self_attn.q_proj';
  expect(readAdapterConfig(config({ target_modules: [strange] })).adapts(module)).toBe(false);
  expect(readAdapterConfig(config({ exclude_modules: [strange] })).adapts(module)).toBe(true);
  expect(
    readAdapterConfig(config({ layers_to_transform: [0], layers_pattern: [strange] })).adapts(module),
  ).toBe(false);
});

test('a target pattern that takes for ever is not tried', () => {
  const config = JSON.stringify({ peft_type: 'LORA', r: 8, lora_alpha: 8, target_modules: '(.*)*x(.*)*y' });
  expect(readAdapterConfig(config).adapts('model.layers.0.self_attn.q_proj')).toBe(null);
});

test('an added token may hold every letter that means something to a pattern', () => {
  const content = '<|fim-prefix|>$()*+.?[]^{}/\\-';
  const tokenizer = createChatTokenizer(withToken(content));
  const ids = tokenizer.encode(`a${content}b`);
  expect(ids.filter((id) => tokenizer.isSpecial(id))).toHaveLength(1);
  expect(tokenizer.decode(ids)).toBe(`a${content}b`);
});
