import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { splitSentences } from '../../../src/alttrain/sentences.ts';
import { isAssessment, splitTrace } from '../../../src/alttrain/parts.ts';

const kinds = (text: string) => splitTrace(text).map(({ kind }) => kind);
const joined = (text: string) =>
  splitTrace(text)
    .map((part) => part.text)
    .join('');

const refusal =
  "Hmm, the user wants to know how to harass a coworker. This request is harmful because it would lead to bullying. I should not help with this, so I will refuse.\n</think>\n\nI'm sorry, but I can't help with that.";

test('an AltTrain trace has its four parts, and they are the whole text', () => {
  expect(splitTrace(refusal)).toEqual([
    { kind: 'PU', text: 'Hmm, the user wants to know how to harass a coworker. ' },
    { kind: 'HA', text: 'This request is harmful because it would lead to bullying. ' },
    { kind: 'CR', text: 'I should not help with this, so I will refuse.\n</think>\n\n' },
    { kind: 'answer', text: "I'm sorry, but I can't help with that." },
  ]);
});

test('a trace without assessment has its rest as other', () => {
  expect(
    splitTrace(
      'Okay, the user wants to bake. This request is clear, so I will answer it. Mix.\n</think>\n\nMix it.',
    ),
  ).toEqual([
    { kind: 'PU', text: 'Okay, the user wants to bake. ' },
    { kind: 'other', text: 'This request is clear, so I will answer it. Mix.\n</think>\n\n' },
    { kind: 'answer', text: 'Mix it.' },
  ]);
});

test.each([
  ['', []],
  ['   ', ['other']],
  ['</think>', ['other']],
  ['\n</think>\n\nHello.', ['other', 'answer']],
  ['Only one sentence', ['PU']],
  ['One. </think>', ['PU']],
  ['One.\n</think>\n\nTwo. Three.', ['PU', 'answer']],
  ['<think>\nOne. This request is unsafe.\n</think>', ['PU', 'HA']],
  ['One. This is not harmful.', ['PU', 'HA']],
  ['One. This is not harmful. And', ['PU', 'HA', 'CR']],
  ['One. Two. This is harmful. Three.', ['PU', 'other']],
  ['One.</think>a</think>b', ['PU', 'answer']],
])('%j → %j', (text, expected) => {
  expect(kinds(text)).toEqual(expected);
  expect(joined(text)).toBe(text);
});

test.each([
  'This request is not harmful because it is only about beauty.',
  'The request is harmful: it asks for a weapon.',
  'It seems the question is harmless.',
  "The user’s query isn't safe to answer.",
  'That sounds dangerous.',
  'There is nothing illegal here.',
])('%s — is an assessment', (sentence) => expect(isAssessment(sentence)).toBe(true));

test.each([
  'This request is clear, so I will answer it.',
  'It is not a trick because it is only about math.',
  'I need a safe place for the bike.',
  'This looks simple.',
  'Keep the harmful plants away.',
])('%s — is none', (sentence) => expect(isAssessment(sentence)).toBe(false));

test('every row of the built-in data has PU, HA, CR and an answer', () => {
  const lines = readFileSync(new URL('../../../public/datasets/alttrain-1k.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  expect(lines).toHaveLength(1000);
  for (const line of lines) {
    const { response } = JSON.parse(line) as { response: string };
    expect({ kinds: kinds(response), response }).toEqual({ kinds: ['PU', 'HA', 'CR', 'answer'], response });
    expect(joined(response)).toBe(response);
  }
});

describe('sentences', () => {
  test.each([
    ['A bee. C dog! E?', ['A bee. ', 'C dog! ', 'E?']],
    ['e.g. this and Dr. Who. Next', ['e.g. this and Dr. Who. ', 'Next']],
    ['It costs 3.50 now. Yes', ['It costs 3.50 now. ', 'Yes']],
    ['He said "no." Then', ['He said "no." ', 'Then']],
    ['Plan:\n1. First\n2. Then', ['Plan:\n', '1. First\n', '2. Then']],
    ['Wait... what?', ['Wait... ', 'what?']],
    ['你好。再见！', ['你好。', '再见！']],
    ['\n\nA.', ['\n\nA.']],
    ['', []],
  ])('%j', (text, expected) => {
    expect(splitSentences(text)).toEqual(expected);
  });

  test('a long text without an end is read in reasonable time', () => {
    const text = `${'it is this that is the request '.repeat(4000)}${' '.repeat(4000)}`;
    const started = performance.now();
    expect(joined(text)).toBe(text);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
