// Tokens that stand in the files beside tokenizer.json, as transformers 5.18 reads them (AutoTokenizer.from_pretrained).
import { describe, expect, test } from 'vitest';
import { toChatExample } from '../../../src/data/chat-example.ts';
import { tokenizeExample } from '../../../src/data/mask.ts';
import { readTokenizerFiles, type TokenizerFiles } from '../../../src/data/tokenizer-folder.ts';
import { createChatTokenizer, type ChatTokenizer } from '../../../src/data/tokenizer.ts';
import { defaultSettings, tokenizerFiles } from './support.ts';

const files = tokenizerFiles('tied-gqa');
const withFiles = (change: Partial<TokenizerFiles>): ChatTokenizer =>
  createChatTokenizer({ ...files, ...change });
const without = (...names: string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(files.tokenizerConfig).filter(([name]) => !names.includes(name)));
const next = createChatTokenizer(files).vocabSize;
const token = (content: string, flags: object = {}) => ({
  ...{ content, lstrip: false, rstrip: false, normalized: false, single_word: false, special: false },
  ...flags,
});
const nameOf = (name: string): unknown => {
  const value = files.tokenizerConfig[name];
  return typeof value === 'string' ? value : (value as { readonly content: string }).content;
};
const hello = [{ role: 'user', content: 'Hello' }] as const;

describe('special_tokens_map.json', () => {
  const names = ['bos_token', 'eos_token', 'pad_token'] as const;
  const specialTokensMap = Object.fromEntries(
    names.map((name) => [name, { content: nameOf(name), lstrip: false, rstrip: false }]),
  );

  test('alone gives the names: the prompt keeps its beginning, the answer its end', () => {
    const tokenizer = withFiles({
      specialTokensMap,
      tokenizerConfig: without(...names),
      generationConfig: null,
    });
    const whole = createChatTokenizer(files);
    expect(tokenizer.encodePrompt(hello)).toEqual(whole.encodePrompt(hello));
    expect([tokenizer.bosId, tokenizer.eosIds[0]]).toEqual([whole.bosId, whole.eosIds[0]]);
  });

  test('goes before the config, but is not read where that lists its tokens', () => {
    const map = { eos_token: '<｜User｜>' };
    expect(withFiles({ specialTokensMap: map }).eosIds[0]).toBe(withFiles({}).encode('<｜User｜>')[0]);
    const listed = { ...files.tokenizerConfig, added_tokens_decoder: {} };
    expect(withFiles({ specialTokensMap: map, tokenizerConfig: listed }).eosIds[0]).toBe(
      withFiles({}).eosIds[0],
    );
  });

  test('that is not read is told where it says something else, also where there is no end token then', () => {
    const listed = { ...files.tokenizerConfig, added_tokens_decoder: {} };
    const noteOf = (map: object): readonly string[] =>
      withFiles({ specialTokensMap: { ...map }, tokenizerConfig: listed }).notes;
    expect(noteOf(specialTokensMap)).toEqual([]);
    expect(noteOf({ eos_token: '<｜User｜>' })).toEqual([
      expect.stringMatching(/^special_tokens_map\.json says otherwise of eos_token and is not used/),
    ]);
    const unnamed = { ...without(...names, 'chat_template'), added_tokens_decoder: {} };
    expect(() =>
      withFiles({ specialTokensMap, tokenizerConfig: unnamed, generationConfig: null, chatTemplate: null }),
    ).toThrow(
      /no end token.*special_tokens_map\.json says otherwise of bos_token, eos_token.*added_tokens_decoder/,
    );
  });
});

test('several chat templates without a default one are told, and none of them is used', () => {
  const templates = (...called: string[]) => ({
    chatTemplate: null,
    tokenizerConfig: {
      ...files.tokenizerConfig,
      chat_template: called.map((name) => ({ name, template: '{{ messages[0].content }}' })),
    },
  });
  const tokenizer = withFiles(templates('tool_use', 'rag'));
  expect(tokenizer.hasTemplate).toBe(false);
  expect(tokenizer.notes).toEqual([expect.stringContaining('"tool_use", "rag" are not used')]);
  const named = withFiles(templates('rag', 'default'));
  expect([named.hasTemplate, named.notes]).toEqual([true, []]);
});

describe('added tokens', () => {
  test('of added_tokens_decoder alone are tokens, in the order of its ids and counted on', () => {
    const tokenizer = withFiles({
      tokenizerConfig: {
        ...files.tokenizerConfig,
        added_tokens_decoder: { 9001: token('<tool>'), 9000: token('<call>') },
      },
    });
    expect(tokenizer.encode('<call><tool>')).toEqual([next, next + 1]);
    expect(tokenizer.decode([next + 1])).toBe('<tool>');
  });

  test('of added_tokens.json are tokens where the config has no list', () => {
    const addedTokens = { '<b>': 9001, '<a>': 9000 };
    expect(withFiles({ addedTokens }).encode('<a><b>')).toEqual([next, next + 1]);
    const listed = { ...files.tokenizerConfig, added_tokens_decoder: {} };
    expect(withFiles({ addedTokens, tokenizerConfig: listed }).encode('<a>')).toHaveLength(
      withFiles({}).encode('<a>').length,
    );
  });

  test('that only have a name are special tokens', () => {
    const tokenizer = withFiles({
      tokenizerConfig: { ...files.tokenizerConfig, pad_token: '[PAD]', extra_special_tokens: ['[X]'] },
    });
    const ids = tokenizer.encode('[PAD][X]');
    expect(ids).toEqual([next, next + 1]);
    expect(ids.every((id) => tokenizer.isSpecial(id))).toBe(true);
    expect(tokenizer.decode([...ids, ...tokenizer.encode('a')], { skipSpecialTokens: true })).toBe('a');
  });

  // tokenizers 0.23: Tokenizer.add_tokens, then encode
  test.each([
    ['lstrip', token('[T]', { lstrip: true }), 'a  [T] b', ['a', '[T]', ' b']],
    ['rstrip', token('[T]', { rstrip: true }), 'a [T] \n b', ['a ', '[T]', 'b']],
    ['single_word', token('cat', { single_word: true }), 'cat cats a-cat', ['cat', ' cats a-', 'cat']],
    ['no flag', token('cat'), 'cats', ['cat', 's']],
  ])('obey %s', (_, added, text, sections) => {
    const tokenizer = withFiles({
      tokenizerConfig: { ...files.tokenizerConfig, added_tokens_decoder: { 9000: added } },
    });
    const plain = createChatTokenizer(files);
    const expected = sections.flatMap((part) => (part === added.content ? [next] : plain.encode(part)));
    expect(tokenizer.encode(text)).toEqual(expected);
  });
});

describe('ids beyond the embedding', () => {
  const tokenizer = withFiles({
    tokenizerConfig: { ...files.tokenizerConfig, pad_token: '[PAD]' },
    modelConfig: { vocab_size: next },
  });
  const outcome = (completion: string): unknown => {
    const example = toChatExample({ line: 1, value: { prompt: 'Hi', completion } });
    return 'reason' in example ? example : tokenizeExample(example, tokenizer, defaultSettings);
  };

  test('are no reason to refuse a model: a row that uses one is', () => {
    expect(tokenizer.vocabSize).toBe(next + 1);
    expect(outcome('No.')).toHaveLength(1);
    expect(outcome('No [PAD]')).toMatchObject({ code: 'row-shape' });
  });

  test('of the vocabulary itself are: it is another model’s', () => {
    expect(() => withFiles({ modelConfig: { vocab_size: 100 } })).toThrow('do not belong together');
  });
});

test('padding and truncation of tokenizer.json are not what a row is read with', () => {
  const json = files.tokenizerJson as object;
  const padded = {
    ...json,
    padding: { strategy: { Fixed: 64 }, direction: 'Right', pad_id: 2, pad_type_id: 0, pad_token: 'x' },
    truncation: { direction: 'Right', max_length: 2, strategy: 'LongestFirst', stride: 0 },
  };
  expect(withFiles({ tokenizerJson: padded }).encode('They say so.')).toEqual(
    withFiles({}).encode('They say so.'),
  );
});

describe('a folder', () => {
  const read = (folder: Readonly<Record<string, string>>) =>
    readTokenizerFiles('The model', (name) => Promise.resolve(folder[name] ?? null));

  test('needs tokenizer.json and nothing else', async () => {
    expect(await read({ 'tokenizer.json': '{}', 'special_tokens_map.json': '{"a":1}' })).toMatchObject({
      tokenizerConfig: {},
      specialTokensMap: { a: 1 },
      generationConfig: null,
    });
    await expect(read({ 'tokenizer_config.json': '{}' })).rejects.toMatchObject({
      code: 'model-file-missing',
    });
  });

  test('names the file that is no JSON', async () => {
    await expect(read({ 'tokenizer.json': '{}', 'generation_config.json': '[' })).rejects.toThrow(
      'generation_config.json',
    );
  });
});
