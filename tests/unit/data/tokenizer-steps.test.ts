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
