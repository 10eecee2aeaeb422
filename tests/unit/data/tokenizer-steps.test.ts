// Steps before the model as tokenizers 0.23.3 computes them; found by `npm run proof:differential`.
import { describe, expect, test } from 'vitest';
import { createChatTokenizer, type ChatTokenizer } from '../../../src/data/tokenizer.ts';

const letters = ['▁', 'a', 'b', 'c', '½', '2', 'σ', 'α', 'e', '\uFDD0', ' '];
const merges = ['▁ a', '▁a b', '2 ½'];
const vocab = Object.fromEntries(
  [...letters, ...merges.map((merge) => merge.replace(' ', ''))].map((token, id) => [token, id]),
);

function tokenizer(steps: object, config: object = {}): ChatTokenizer {
  return createChatTokenizer({
    tokenizerJson: {
      added_tokens: [{ id: 14, content: '<|end|>', special: true }],
      model: { type: 'BPE', vocab, merges },
      ...steps,
    },
    tokenizerConfig: {
      eos_token: '<|end|>',
      chat_template: '{{ messages[0].content }}<|end|>',
      ...config,
    },
    generationConfig: null,
    chatTemplate: null,
  });
}
const tokens = (of: ChatTokenizer, text: string): string[] => of.encode(text).map((id) => of.decode([id]));
const metaspace = (rest: object) => ({ pre_tokenizer: { type: 'Metaspace', replacement: '▁', ...rest } });

describe('Metaspace', () => {
  test.each([
    [{ prepend_scheme: 'always' }, ['▁ab', '▁', 'c']],
    [{ prepend_scheme: 'first' }, ['▁ab', '▁', 'c']],
    [{ prepend_scheme: 'never' }, ['a', 'b', '▁', 'c']],
    [{ add_prefix_space: false }, ['a', 'b', '▁', 'c']],
    [{ prepend_scheme: 'first', split: false }, ['▁ab', '▁', 'c']],
  ])('%j puts its mark before the first word as tokenizers does', (rest, expected) => {
    expect(tokens(tokenizer(metaspace(rest)), 'ab c')).toEqual(expected);
  });
});

const beginning = [
  { type: 'Strip', strip_left: true, strip_right: true },
  { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Strip' }] },
  { type: 'Sequence', normalizers: [{ type: 'Replace', pattern: { Regex: '\\s+' }, content: '' }] },
];
describe('a normaliser that may delete the beginning of a text', () => {
  // " ab" gives ▁ab with Metaspace "always" and ab with "first": there the text began with the space (tokenizers 0.23.3).
  test.each(beginning)(
    '%j is refused by name before Metaspace "first", which asks where a text began',
    (step) => {
      const first = metaspace({ prepend_scheme: 'first' });
      const nested = { pre_tokenizer: { type: 'Sequence', pretokenizers: [first.pre_tokenizer] } };
      for (const steps of [first, nested])
        expect(() => tokenizer({ normalizer: step, ...steps })).toThrow(
          /normalizer "(Strip|Replace)".*Metaspace.*"first"/,
        );
    },
  );

  test.each(beginning)('%j is read before one that does not ask', (step) => {
    expect(
      tokens(tokenizer({ normalizer: step, ...metaspace({ prepend_scheme: 'always' }) }), ' ab'),
    ).toEqual(['▁ab']);
  });

  test('only its end: it is read', () => {
    const right = { normalizer: { type: 'Strip', strip_left: false, strip_right: true } };
    expect(tokens(tokenizer({ ...right, ...metaspace({ prepend_scheme: 'first' }) }), 'ab ')).toEqual([
      '▁ab',
    ]);
  });
});

// tokenizers 0.23.3 keeps such a token under its normalised text: Tokenizer.id_to_token
describe('an added token that is looked for in the normalised text', () => {
  const added = (normalized: boolean) => [
    { id: 14, content: '<|end|>', special: true },
    { id: 15, content: 'Bc', special: false, normalized },
  ];
  const words = {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Lowercase' },
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
  };

  test('is shown as it is normalised: the space before it is part of it', () => {
    const made = tokenizer({ ...words, added_tokens: added(true) });
    const ids = made.encode('ab BC a');
    expect(ids).toContain(15);
    expect(made.decode(ids)).toBe('ab bc a');
  });

  test('and one that is not normalised as it is written', () => {
    const made = tokenizer({ ...words, added_tokens: added(false) });
    expect(made.decode([1, 15])).toBe('aBc');
  });
});

test('a digit is every number of Unicode, not only 0 to 9', () => {
  const split = { pre_tokenizer: { type: 'Digits', individual_digits: true } };
  expect(tokens(tokenizer(split), '2½')).toEqual(['2', '½']);
  expect(tokens(tokenizer({}), '2½')).toEqual(['2½']); // the control: without the step they merge
});

test('text is lowered letter by letter: a sigma at the end of a word stays the common one', () => {
  expect(tokens(tokenizer({ normalizer: { type: 'Lowercase' } }), 'ΑΣ')).toEqual(['α', 'σ']);
});

test('Strip takes what Unicode calls white space, and no more', () => {
  const strip = { normalizer: { type: 'Strip', strip_left: true, strip_right: true } };
  expect(tokens(tokenizer(strip), '\u0085 a \u3000')).toEqual(['a']);
});

test('the noncharacter that marks words as letters is kept where a text has it itself', () => {
  const made = tokenizer({});
  expect(made.encode('a\uFDD0b')).toEqual([1, 9, 2]);
  expect(made.encode(made.renderPrompt([{ role: 'user', content: 'a\uFDD0b' }]))).toEqual([1, 9, 2, 14]);
  // … and a control token in a user's words is still letters
  expect(
    made.encode(made.renderPrompt([{ role: 'user', content: '<|end|>b' }])).filter((id) => id === 14),
  ).toHaveLength(1);
});

test.each([
  ['FixedLength', { pre_tokenizer: { type: 'FixedLength', length: 2 } }],
  ['UnicodeScripts', { pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'UnicodeScripts' }] } }],
  [
    'MergedWithNext, inverted',
    { pre_tokenizer: { type: 'Split', pattern: { Regex: 'a' }, behavior: 'MergedWithNext', invert: true } },
  ],
  ['NFD', { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFD' }] } }],
  ['BertNormalizer', { normalizer: { type: 'BertNormalizer' } }],
  ['dropout', { model: { type: 'BPE', vocab, merges, dropout: 0.1 } }],
])('%s, which cannot be computed as tokenizers does, is refused by name', (name, steps) => {
  expect(() => tokenizer(steps)).toThrow(new RegExp(name));
});

test('split_special_tokens is refused: a template’s own tokens would be cut into letters', () => {
  expect(() => tokenizer({}, { split_special_tokens: true })).toThrow(/split_special_tokens/);
});
