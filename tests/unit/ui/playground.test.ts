// Conversations, rows and the layout of a reply, without a page.
import { signal } from '@preact/signals';
import { describe, expect, test } from 'vitest';
import type { ReplyToken } from '../../../src/api/playground.ts';
import { placeTokens, tokenName } from '../../../src/ui/reply-layout.ts';
import {
  conversationOf,
  trainingRow,
  type Exchange,
  type ReplyState,
} from '../../../src/ui/state/playground.ts';

const replyOf = (side: 'base' | 'adapter', content: string): ReplyState => ({
  ...{ side, title: side, tokens: signal([]), parts: signal([]), verdict: signal(null) },
  ...{ end: signal('finished' as const), content: signal(content), isEdited: signal(false) },
});
const exchange = (id: number, question: string, ...replies: ReplyState[]): Exchange => ({
  id,
  question,
  replies,
});

describe('a conversation', () => {
  test('is each side’s own; where a side was not asked, the other’s reply stands', () => {
    const exchanges = [
      exchange(0, 'one?', replyOf('base', 'b1')),
      exchange(1, 'two?', replyOf('base', 'b2'), replyOf('adapter', 'a2')),
    ];
    const contents = (side: 'base' | 'adapter', system = ''): string[] =>
      conversationOf(exchanges, side, system).map(({ role, content }) => `${role} ${content}`);
    expect(contents('base')).toEqual(['user one?', 'assistant b1', 'user two?', 'assistant b2']);
    expect(contents('adapter', 'Be kind.')).toEqual([
      'system Be kind.',
      'user one?',
      'assistant b1',
      'user two?',
      'assistant a2',
    ]);
  });

  test('leaves a question out that got no reply: two turns of a user in a row are no conversation', () => {
    const exchanges = [exchange(0, 'one?', replyOf('base', '')), exchange(1, 'two?', replyOf('base', 'b'))];
    expect(conversationOf(exchanges, 'base', '').map(({ content }) => content)).toEqual(['two?', 'b']);
  });
});

test('of a row only the last reply is trained', () => {
  const row = trainingRow([
    { role: 'user', content: 'one?' },
    { role: 'assistant', content: 'not looked at' },
    { role: 'user', content: 'two?' },
    { role: 'assistant', content: 'good' },
  ]);
  expect(row).not.toContain('\n');
  expect(JSON.parse(row)).toEqual({
    messages: [
      { role: 'user', content: 'one?' },
      { role: 'assistant', content: 'not looked at', weight: 0 },
      { role: 'user', content: 'two?' },
      { role: 'assistant', content: 'good' },
    ],
  });
});

describe('the layout of a reply', () => {
  const tokensOf = (...texts: string[]): ReplyToken[] =>
    texts.map((text) => ({ text, name: text, probability: 1, likeliest: [] }));

  test('every token stands in one part, and the lines around a part are not shown', () => {
    const tokens = tokensOf(
      'They',
      ' ask',
      '.',
      ' It is',
      ' fine',
      '.',
      '\n',
      '</think>',
      '\n\n',
      'Yes',
      '.',
      '',
    );
    const placed = placeTokens(tokens, [
      { kind: 'PU', text: 'They ask.' },
      { kind: 'HA', text: ' It is fine.\n</think>\n\n' },
      { kind: 'answer', text: 'Yes.' },
    ]);
    expect(placed.map(({ kind, tokens: own }) => [kind, own.map(({ text }) => text).join('')])).toEqual([
      ['PU', 'They ask.'],
      ['HA', 'It is fine.\n</think>'],
      ['answer', 'Yes.'],
    ]);
    expect(placed.flatMap(({ tokens: own }) => own.map(({ index }) => index))).toEqual(
      tokens.map((_, i) => i),
    );
  });

  test('tokens that came after the parts were told stand in the last one', () => {
    const placed = placeTokens(tokensOf('a', 'b', 'c'), [{ kind: 'other', text: 'a' }]);
    expect(placed[0].tokens).toHaveLength(3);
  });

  test('white space in a token’s name can be seen', () => {
    expect(tokenName(' the')).toBe('␣the');
    expect(tokenName('\n\n')).toBe('⏎⏎');
    expect(tokenName('')).toBe('(nothing)');
  });
});
