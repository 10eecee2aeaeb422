// What a trace says that an earlier one did not.
import { expect, test } from 'vitest';
import { newIn, newWords } from '../../../src/ui/new-words.ts';

const marked = (before: string, now: string): string =>
  newWords(before, now)
    .map(({ text, isNew }) => (isNew ? `[${text}]` : text))
    .join('');

test('words that the earlier text had not are new, in their places; gaps do not count', () => {
  expect(marked('It is a fine day.', 'It is not a fine  day at all.')).toBe(
    'It is [not ]a fine  [day at all.]',
  );
  expect(marked('the same text', 'the  same\ntext')).toBe('the  same\ntext');
  expect(marked('', 'all of it')).toBe('[all of it]');
  expect(marked('something', '')).toBe('');
  expect(marked('a b c', 'c a b')).toBe('[c ]a b');
});

test('a word that is there once more is new once', () => {
  expect(marked('no', 'no no no')).toBe('no [no no]');
});

test('thousands of words that all differ are told as new, at once', () => {
  const words = (from: number): string => Array.from({ length: 6000 }, (_, i) => `w${from + i}`).join(' ');
  const began = performance.now();
  expect(newWords(words(0), words(10_000)).every(({ isNew }) => isNew)).toBe(true);
  expect(performance.now() - began).toBeLessThan(1000);
});

test('parts are compared with those of their kind; a part that was not there is new as a whole', () => {
  const before = [
    { kind: 'PU', text: 'They ask for bread.' },
    { kind: 'other', text: 'Mix it.' },
  ] as const;
  expect(newIn({ kind: 'PU', text: 'They ask for good bread.' }, before)).toEqual([
    { text: 'They ask for ', isNew: false },
    { text: 'good ', isNew: true },
    { text: 'bread.', isNew: false },
  ]);
  expect(newIn({ kind: 'HA', text: 'Mix it.' }, before)).toEqual([{ text: 'Mix it.', isNew: true }]);
});
