import { describe, expect, test } from 'vitest';
import { isRowProblem, toChatExample } from '../../../src/data/chat-example.ts';

const of = (value: unknown) => toChatExample({ line: 7, value });
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = { role: 'system', content: 'Be brief.' };

test('the three shapes give the same example', () => {
  const expected = { line: 7, prompt: [user('q')], response: 'a' };
  expect(of({ instruction: 'q', response: 'a', id: 3 })).toEqual({
    ...expected,
    shape: 'instruction/response',
  });
  expect(of({ instruction: 'q', response: 'a', input: '' })).toEqual({
    ...expected,
    shape: 'instruction/response',
  });
  expect(of({ prompt: 'q', completion: 'a' })).toEqual({ ...expected, shape: 'prompt/completion' });
  expect(of({ prompt: [user('q')], completion: [assistant('a')] })).toEqual({
    ...expected,
    shape: 'prompt/completion',
  });
  expect(of({ messages: [user('q'), assistant('a')] })).toEqual({ ...expected, shape: 'messages' });
});

test('earlier turns are context, the last one is the response', () => {
  const messages = [system, user('1'), assistant('2'), user('3'), assistant('4')];
  expect(of({ messages })).toMatchObject({ prompt: messages.slice(0, 4), response: '4' });
});

test('white space around texts is kept', () => {
  expect(of({ instruction: ' q\n', response: '\na ' })).toMatchObject({
    prompt: [user(' q\n')],
    response: '\na ',
  });
});

describe('everything else is a problem of its row', () => {
  test.each<[unknown, string, string]>([
    ['text', 'row-shape', 'not an object'],
    [[], 'row-shape', 'not an object'],
    [null, 'row-shape', 'not an object'],
    [{}, 'row-shape', 'no fields'],
    [{ question: 'q', answer: 'a' }, 'row-shape', 'question, answer'],
    [{ instruction: 'q' }, 'row-shape', '"instruction" but no "response"'],
    [{ response: 'a' }, 'row-shape', '"response" but no "instruction"'],
    [{ completion: 'a', prompt: null }, 'row-shape', '"completion" but no "prompt"'],
    [{ instruction: 3, response: 'a' }, 'row-shape', '"instruction" that is not text'],
    [{ instruction: 'q', response: ['a'] }, 'row-shape', '"response" that is not text'],
    [{ instruction: 'q', input: 'more', response: 'a' }, 'row-shape', '"input"'],
    [{ instruction: ' \n', response: 'a' }, 'row-empty', 'question'],
    [{ instruction: 'q', response: '\t' }, 'row-empty', 'response'],
    [{ prompt: 5, completion: 'a' }, 'row-shape', '"prompt"'],
    [{ prompt: [], completion: 'a' }, 'row-empty', 'empty "prompt"'],
    [{ prompt: [assistant('a')], completion: 'a' }, 'row-shape', 'no turn of the user'],
    [{ prompt: [user('q')], completion: [user('a')] }, 'row-shape', 'one message of the assistant'],
    [
      { prompt: 'q', completion: [assistant('a'), assistant('b')] },
      'row-shape',
      'one message of the assistant',
    ],
    [{ messages: 'q' }, 'row-shape', 'list of messages'],
    [{ messages: [] }, 'row-empty', 'empty "messages"'],
    [{ messages: [null] }, 'row-shape', 'not an object'],
    [{ messages: [user('q')] }, 'row-shape', 'end with the assistant'],
    [{ messages: [assistant('a')] }, 'row-shape', 'no turn of the user'],
    [{ messages: [user('q'), assistant('a'), user('q')] }, 'row-shape', 'end with the assistant'],
    [{ messages: [{ role: 'tool', content: 'x' }, assistant('a')] }, 'row-shape', 'role "tool"'],
    [{ messages: [user('q'), system, assistant('a')] }, 'row-shape', 'system message'],
    [
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'q' }] }, assistant('a')] },
      'row-shape',
      'not text',
    ],
    [{ messages: [user(''), assistant('a')] }, 'row-empty', 'message 1'],
  ])('%j', (value, code, reason) => {
    const result = of(value);
    expect(isRowProblem(result)).toBe(true);
    expect(result).toMatchObject({ line: 7, code });
    expect((result as { reason: string }).reason).toContain(reason);
    if (code === 'row-shape') expect((result as { reason: string }).reason).toContain('Accepted:');
  });
});

test('the excerpt is short', () => {
  expect((of({ instruction: 'x'.repeat(500) }) as { excerpt: string }).excerpt).toHaveLength(80);
});
