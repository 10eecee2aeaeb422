import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { createChatTokenizer, type TokenizerFiles } from '../../../src/data/tokenizer.ts';
import { goldenNames, goldenTokenizer, readGolden, tokenizerFiles } from './support.ts';

const tokenizerJson = (files: TokenizerFiles) =>
  files.tokenizerJson as { model: { merges: unknown[] }; added_tokens: Record<string, unknown>[] };
const changed = (
  change: (files: TokenizerFiles & { tokenizerConfig: Record<string, unknown> }) => object,
) => {
  const files = tokenizerFiles('tied-gqa');
  return createChatTokenizer({ ...files, ...change(files) });
};
const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof TrainerError) return error.code;
    throw error;
  }
  return 'no error';
};

describe.each(goldenNames)('%s', (name) => {
  const tokenizer = goldenTokenizer(name);
  const golden = readGolden(name);

  test('prompts are rendered and encoded as transformers does', () => {
    for (const { prompt, prompt_ids: ids } of golden.greedy)
      expect(tokenizer.encode(tokenizer.renderPrompt([{ role: 'user', content: prompt }]))).toEqual(ids);
  });

  test('ids survive decoding and encoding again', () => {
    for (const { ids, truncated } of golden.rows) {
      if (truncated) continue;
      const text = tokenizer.decode(ids);
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(text.startsWith(golden.rows[0].prompt.slice(0, 5))).toBe(true);
    }
  });

  test('merges as pairs and as texts give the same ids', () => {
    const files = tokenizerFiles(name);
    const { model } = tokenizerJson(files);
    const asPairs = model.merges.map((merge) => (typeof merge === 'string' ? merge.split(' ') : merge));
    const asTexts = asPairs.map((pair) => (pair as string[]).join(' '));
    const text = "They'll bake bread, so the answer isn't 15.\r\n\n  Käse 你好 👋🏽 \u0085\ufeff x";
    const [pairs, texts] = [asPairs, asTexts].map((merges) => {
      const json = { ...tokenizerJson(files), model: { ...model, merges } };
      return createChatTokenizer({ ...files, tokenizerJson: json }).encode(text);
    });
    expect(pairs).toEqual(texts);
    expect(tokenizer.decode(pairs)).toBe(text);
  });
});

test('R1 opens <think> in its generation prompt, ChatML does not', () => {
  expect(goldenTokenizer('tied-gqa').thinkPrefilled).toBe(true);
  expect(goldenTokenizer('untied-rslora').thinkPrefilled).toBe(true);
  expect(goldenTokenizer('tied-bf16').thinkPrefilled).toBe(false);
});

test('the generation config adds end tokens, the tokenizer’s own comes first', () => {
  const chatml = goldenTokenizer('tied-bf16');
  expect(chatml.eosIds.map((id) => chatml.decode([id]))).toEqual(['<|im_end|>', '<|endoftext|>']);
  expect(chatml.bosId).toBeNull();
  const r1 = goldenTokenizer('tied-gqa');
  expect(r1.decode([r1.bosId ?? -1])).toBe('<｜begin▁of▁sentence｜>');
});

test('</think> stays visible without special tokens, even where it is marked special', () => {
  const files = tokenizerFiles('tied-gqa');
  const json = tokenizerJson(files);
  const marked = { ...json, added_tokens: json.added_tokens.map((token) => ({ ...token, special: true })) };
  for (const tokenizer of [
    createChatTokenizer(files),
    createChatTokenizer({ ...files, tokenizerJson: marked }),
  ]) {
    const ids = tokenizer.encode('a</think>b<｜end▁of▁sentence｜>');
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('a</think>b');
  }
});

test('the longest added token wins, whatever the order in the file', () => {
  const files = tokenizerFiles('tied-gqa');
  const json = tokenizerJson(files);
  const token = { id: 9000, content: '<think>!', special: false, normalized: false };
  const tokenizer = createChatTokenizer({
    ...files,
    tokenizerJson: { ...json, added_tokens: [...json.added_tokens, token] },
  });
  // Ids are counted on, whatever the file says: tokenizers 0.23 warns and does the same.
  const next = goldenTokenizer('tied-gqa').vocabSize;
  expect(tokenizer.encode('<think>!')).toEqual([next]);
  expect(tokenizer.vocabSize).toBe(next + 1);
});

test('decoding is exact: no clean-up, nothing for no or unknown ids', () => {
  const tokenizer = goldenTokenizer('tied-gqa');
  expect(tokenizer.decode(tokenizer.encode(" a . b , do n't ! "))).toBe(" a . b , do n't ! ");
  expect(tokenizer.decode([])).toBe('');
  expect(tokenizer.decode([99_999])).toBe('');
  expect(tokenizer.encode('')).toEqual([]);
});

test('without a template the contents are joined', () => {
  const tokenizer = changed(({ tokenizerConfig }) => ({
    tokenizerConfig: { ...tokenizerConfig, chat_template: null },
  }));
  expect(
    tokenizer.renderPrompt([
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
    ]),
  ).toBe('ab');
  expect(tokenizer.thinkPrefilled).toBe(false);
});

test('of several templates "default" is used, and chat_template.jinja goes before them', () => {
  const templates = [
    { name: 'rag', template: 'no' },
    { name: 'default', template: 'T:{{ messages[0].content }}' },
  ];
  const files = ({ tokenizerConfig }: TokenizerFiles) => ({
    tokenizerConfig: { ...tokenizerConfig, chat_template: templates },
  });
  expect(changed(files).renderPrompt([{ role: 'user', content: 'a' }])).toBe('T:a');
  expect(
    changed((f) => ({ ...files(f), chatTemplate: 'J' })).renderPrompt([{ role: 'user', content: 'a' }]),
  ).toBe('J');
});

test.each([
  ['nothing', () => ({ tokenizerJson: null })],
  ['no model', () => ({ tokenizerJson: {} })],
  ['a Unigram model', () => ({ tokenizerJson: { model: { type: 'Unigram', vocab: [] } } })],
  ['no merges', () => ({ tokenizerJson: { model: { type: 'BPE', vocab: {} } } })],
  ['a broken merge', () => ({ tokenizerJson: { model: { type: 'BPE', vocab: {}, merges: [1] } } })],
  [
    'a broken added token',
    () => ({ tokenizerJson: { model: { vocab: {}, merges: [] }, added_tokens: [{}] } }),
  ],
  ['a broken template', () => ({ chatTemplate: '{% if %}' })],
  ['a template that refuses', () => ({ chatTemplate: "{{ raise_exception('no') }}" })],
  ['no end token', () => ({ tokenizerConfig: {}, generationConfig: null })],
])('%s is refused with a code', (_, change) => {
  expect(codeOf(() => changed(change))).toBe('model-file-invalid');
});
