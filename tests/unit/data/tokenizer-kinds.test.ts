// Every kind of normaliser, pre-tokenizer, BPE model and decoder that tokenizer.json may hold: ids and decoded texts of 200
// hostile and multilingual texts equal those of tokenizers 0.23.3 (scripts/goldens/tokenizer_kinds.py), or it is refused by name.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createChatTokenizer, type ChatTokenizer } from '../../../src/data/tokenizer.ts';

type Json = Readonly<Record<string, unknown>>;
interface Kind {
  readonly name: string;
  readonly vocabulary: string;
  readonly change: Json;
  readonly ids: string; // 8 digits for each text
  readonly decoded: string;
}
const root = new URL('../../../', import.meta.url);
const readJson = (path: string): Json => JSON.parse(readFileSync(new URL(path, root), 'utf8')) as Json;
const golden = readJson('tests/fixtures/tokenizer-kinds.json') as {
  readonly vocabularies: Readonly<Record<string, Json>>;
  readonly texts: readonly string[];
  readonly kinds: readonly Kind[];
};
const demoModel = readJson('public/models/demo/tokenizer.json')['model'] as Json;

function tokenizerOf(vocabulary: string, { model, ...change }: Json): ChatTokenizer {
  const base = vocabulary === 'demo' ? demoModel : { type: 'BPE', ...golden.vocabularies[vocabulary] };
  const tokenizerJson = {
    added_tokens: [{ id: 99_999, content: '<|x|>', special: true, normalized: false }],
    model: { ...base, ...(model as Json | undefined) },
    ...change,
  };
  const tokenizerConfig = { eos_token: '<|x|>' };
  return createChatTokenizer({ tokenizerJson, tokenizerConfig, generationConfig: null, chatTemplate: null });
}

const digits = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

describe.each(golden.kinds)('$name', ({ vocabulary, change, ids, decoded }) => {
  test('ids and decoded texts are those of tokenizers', () => {
    const tokenizer = tokenizerOf(vocabulary, change);
    const wrong = golden.texts.filter((text, i) => {
      const read = tokenizer.encode(`${text}<|x|>${text}`);
      return digits(JSON.stringify(read)) !== ids.slice(8 * i, 8 * i + 8);
    });
    expect(wrong).toEqual([]);
    const misread = golden.texts.filter((text, i) => {
      const read = tokenizer.encode(`${text}<|x|>${text}`);
      return digits(tokenizer.decode([...read, ...read.toReversed()])) !== decoded.slice(8 * i, 8 * i + 8);
    });
    expect(misread).toEqual([]);
  });
});

const split = (pattern: Json, behavior: string, invert = false): Json => ({
  pre_tokenizer: { type: 'Split', pattern, behavior, invert },
});
const pattern = (Regex: string): Json => split({ Regex }, 'Isolated');
const normalizer = (type: string): Json => ({ normalizer: { type: 'Sequence', normalizers: [{ type }] } });
const preTokenizer = (step: Json): Json => ({
  pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, step] },
});

const refused: readonly (readonly [string, Json])[] = [
  ...['StripAccents', 'Precompiled', 'BertNormalizer', 'Nmt', 'ByteLevel', 'NFD', 'New'].map(
    (type) => [type, normalizer(type)] as const,
  ),
  ...['UnicodeScripts', 'FixedLength', 'New'].map((type) => [type, preTokenizer({ type })] as const),
  ...['WordPiece', 'BPEDecoder', 'CTC', 'New'].map((type) => [type, { decoder: { type } }] as const),
  ['MergedWithPrevious', preTokenizer({ type: 'Punctuation', behavior: 'MergedWithPrevious' })],
  ...['Removed', 'Contiguous', 'MergedWithPrevious', 'MergedWithNext'].flatMap((behavior) => [
    [behavior, split({ String: 'the' }, behavior)] as const,
    [behavior, split({ Regex: 'a' }, behavior)] as const,
  ]),
  ['inverted', split({ String: ' ' }, 'MergedWithNext', true)],
  [
    '"first" after another step',
    preTokenizer({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'first' }),
  ],
  [
    'add_prefix_space',
    preTokenizer({ type: 'Metaspace', replacement: '▁', add_prefix_space: false, prepend_scheme: 'always' }),
  ],
  ...['Unigram', 'WordPiece', 'WordLevel', 'New'].map((type) => [type, { model: { type } }] as const),
  ['"dropout"', { model: { dropout: 0.1 } }],
  ['"unk_token" "<none>"', { model: { unk_token: '<none>' } }],
  ['the merge "Q Q"', { model: { merges: ['Q Q'] } }],
  ['without spaces', { model: { merges: [['t h', 'e']] } }],
  ['an intersection', pattern('[\\p{L}&&[^a]]')],
  ['a class within a class', pattern('[a[bc]]')],
  ['a class within a class', pattern('[[:alpha:]]')],
  ['the anchor ^', pattern('^a')],
  ['\\\\b', pattern('\\bthe\\b')],
  ['\\\\h', pattern('\\h+')],
  ['\\\\p{Alpha}', pattern('\\p{Alpha}+')],
  ['(?m', pattern('(?m:.)')],
  ['(?>', pattern('(?>a+)b')],
  ['(?<', pattern('(?<name>a)')],
  ['something in it', pattern('a++')],
  ['common form', pattern('(?i:ss)')],
];
test.each(refused)('%s is refused by name: %j', (name, change) => {
  expect(() => tokenizerOf('letters', change)).toThrow(
    expect.objectContaining({ code: 'model-file-invalid', message: expect.stringContaining(name) as string }),
  );
});
