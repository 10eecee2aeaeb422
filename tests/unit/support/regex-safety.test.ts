import { expect, test } from 'vitest';
import { isSafePattern } from '../../../src/support/regex-safety.ts';
import { fromOniguruma } from '../../../src/data/onig-pattern.ts';

const split = {
  'GPT-2': String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  'Llama 3': String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  o200k: String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  'thousands from the right': String.raw`\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}))|\p{N}`,
};
test.each(Object.entries(split))('the pattern of %s is read', (_, pattern) => {
  expect(() => fromOniguruma(pattern)).not.toThrow();
});

test.each([
  ['(?:\\r?\\n)+', true],
  ['(?:\\p{L}\\p{M}*)+', true],
  ['(?:[a-z]+\\.)+[a-z]+', true],
  ['(?=(\\d{3})+(?!\\d))', true],
  ['(a|b|c)*d', true],
  ['(a+)+b', false],
  ['(a*)*b', false],
  ['(?:a|a)+b', false],
  ['(?:\\p{L}|\\p{Ll})*b', false],
  ['(?:a|ab)+c', false],
  ['(\\w+\\s?)+x', false],
  ['(.*a){12}', false],
  ['(a?){50}b', false],
  ['((a{0,9}){0,9})b', false],
  ['x(?=(a+)+b)', false],
  ['(?<!(a+)+b)x', false],
])('%s: every round of a repetition begins in one way: %s', (pattern, isSafe) => {
  expect(isSafePattern(pattern, 'u')).toBe(isSafe);
});

// 2³⁰ ways for each of them: the test would not end, were they run.
test('a pattern that takes for ever on some texts is refused by name', () => {
  expect(() => fromOniguruma('(a+)+b')).toThrow(
    '"(a+)+b": a repetition whose rounds can be told apart in several ways',
  );
});
