/** What --prompts may hold. */
import { describe, expect, test } from 'vitest';
import { parsePrompts as parse } from '../../../scripts/cli/prompts.ts';
import { withSystemPrompt } from '../../../src/data/system-prompt.ts';

const unused: string[] = [];
const parsePrompts = (raw: unknown) => parse(raw, (name) => unused.push(name));

const user = { role: 'user', content: 'And in winter?' } as const;
const system = { role: 'system', content: 'Be brief.' } as const;
const turns = [
  { role: 'user', content: 'When do swallows leave?' },
  { role: 'assistant', content: 'In autumn.' },
  user,
];

test('texts and conversations may stand side by side', () => {
  expect(parsePrompts(['Hello', turns, [system, user]])).toEqual(['Hello', turns, [system, user]]);
});

test("ShareGPT's names of fields and roles are read as in datasets", () => {
  expect(parsePrompts([[{ from: 'human', value: 'Hello' }]])).toEqual([[{ role: 'user', content: 'Hello' }]]);
});

test('fields of a turn that are not used are told', () => {
  parsePrompts([[{ ...user, name: 'Ada' }]]);
  expect(unused).toEqual(['prompt 1[].name']);
});

test.each([
  ['no list', { prompt: 'Hello' }, 'it is not a list of texts or conversations'],
  ['an empty list', [], 'it is not a list of texts or conversations'],
  ['a number', ['Hello', 4], 'prompt 2 is neither a text nor a list of messages'],
  ['an object', [{ role: 'user', content: 'Hello' }], 'prompt 1 is neither a text nor a list of messages'],
  ['an empty conversation', [[]], 'has an empty "prompt 1"'],
  ['an unknown role', [[{ role: 'tool', content: 'x' }]], /^message 1 of "prompt 1" has the role "tool"/],
  [
    'an answer at the end',
    [turns.slice(0, 2)],
    'prompt 1 ends with a turn of the assistant, not of the user',
  ],
  ['two questions in a row', [[user, user]], 'message 2 of "prompt 1" is a second turn of the user in a row'],
  [
    'a late system message',
    [[user, system]],
    'message 2 of "prompt 1" is a system message that is not the first',
  ],
])('%s is refused', (_what, raw, reason) => {
  expect(() => parsePrompts(raw)).toThrow(reason);
});

describe('a system prompt', () => {
  test('goes before texts and conversations', () => {
    expect(withSystemPrompt('And in winter?', 'Be brief.')).toEqual([system, user]);
    expect(withSystemPrompt(turns as never, 'Be brief.')).toEqual([system, ...turns]);
  });
  test("leaves a conversation's own alone", () => {
    expect(withSystemPrompt([system, user], 'Be long.')).toEqual([system, user]);
  });
  test('that is empty is none', () => {
    expect(withSystemPrompt('Hello', '')).toBe('Hello');
  });
});
