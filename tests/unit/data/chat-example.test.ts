import { describe, expect, test } from 'vitest';
import { isRowProblem, toChatExample } from '../../../src/data/chat-example.ts';
import { parseColumns } from '../../../src/data/column-mapping.ts';

const of = (value: unknown) => toChatExample({ line: 7, value });
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = { role: 'system', content: 'Be brief.' };

test('the three shapes give the same example', () => {
  const expected = { line: 7, prompt: [user('q')], response: 'a' };
  expect(of({ instruction: 'q', response: 'a', id: 3 })).toEqual({
    ...expected,
    shape: 'instruction/response',
    unused: ['id'],
  });
  expect(of({ instruction: 'q', response: 'a', input: '' })).toEqual({
    ...expected,
    shape: 'instruction/response',
  });
  expect(of({ prompt: 'q', completion: 'a' })).toEqual({ ...expected, shape: 'prompt/completion' });
  expect(of({ prompt: [user('q')], completion: [assistant('a')] })).toEqual({
    ...expected,
    shape: 'prompt/completion',
    isChat: true,
  });
  expect(of({ messages: [user('q'), assistant('a')] })).toEqual({ ...expected, shape: 'messages' });
});

test('ShareGPT, Alpaca, STAR-1 and plain text are read as what they are', () => {
  const expected = { line: 7, prompt: [user('q')], response: 'a' };
  const conversations = [
    { from: 'human', value: 'q' },
    { from: 'gpt', value: 'a' },
  ];
  expect(of({ conversations })).toEqual({ ...expected, shape: 'conversations' });
  expect(of({ messages: JSON.stringify([user('q'), assistant('a')]) })).toMatchObject(expected); // a cell of CSV
  expect(of({ question: 'q', response: 'a', category: 'x' })).toEqual({
    ...expected,
    shape: 'question/response',
    unused: ['category'],
  });
  expect(of({ instruction: 'q', input: '', output: 'a' })).toEqual({
    ...expected,
    shape: 'instruction/input/output',
  });
  expect(of({ instruction: 'q', input: 'more', output: 'a' })).toMatchObject({
    prompt: [user('q\n\nmore')],
  });
  expect(of({ text: 'once' })).toEqual({ line: 7, shape: 'text', prompt: [], response: 'once' });
});

test('reasoning in a field of its own goes before the answer', () => {
  const thinking = { ...assistant('No.'), reasoning_content: '\n91 = 7 × 13.\n' };
  expect(of({ messages: [user('q'), thinking] })).toMatchObject({
    response: '<think>\n91 = 7 × 13.\n</think>\n\nNo.',
  });
});

test('the system prompt is put before rows that bring none of their own', () => {
  const options = { systemPrompt: 'Be kind.', columns: new Map() };
  const read = (value: unknown) => toChatExample({ line: 1, value }, options);
  expect(read({ prompt: 'q', completion: 'a' })).toMatchObject({
    prompt: [{ role: 'system', content: 'Be kind.' }, user('q')],
  });
  expect(read({ messages: [system, user('q'), assistant('a')] })).toMatchObject({
    prompt: [system, user('q')],
  });
  expect(read({ text: 'once' })).toMatchObject({ prompt: [] });
});

test('columns of other names are mapped, and a row without them says so', () => {
  const read = (value: unknown, ...entries: string[]) =>
    toChatExample({ line: 1, value }, { systemPrompt: '', columns: parseColumns(entries) });
  const row = { frage: 'q', antwort: 'a', rolle: 'Be brief.' };
  expect(read(row, 'prompt=frage', 'completion=antwort')).toMatchObject({
    prompt: [user('q')],
    response: 'a',
  });
  expect(read(row, 'prompt=frage', 'completion=antwort', 'system=rolle')).toMatchObject({
    prompt: [system, user('q')],
  });
  expect(read(row, 'text=antwort')).toMatchObject({ shape: 'text', response: 'a' });
  expect(read({ frage: 'q' }, 'prompt=frage', 'completion=antwort')).toMatchObject({ code: 'row-shape' });
  for (const bad of [['prompt=frage'], ['antwort'], ['answer=antwort'], ['prompt=', 'completion=x']])
    expect(() => parseColumns(bad)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
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
    [{ instruction: 'q', input: 3, response: 'a' }, 'row-shape', '"input"'],
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
    [{ messages: [{ role: 'tool', content: 'x' }, assistant('a')] }, 'row-unsupported', 'role "tool"'],
    [{ messages: [{ role: 'narrator', content: 'x' }, assistant('a')] }, 'row-shape', 'role "narrator"'],
    [{ messages: [user('q'), system, assistant('a')] }, 'row-shape', 'system message'],
    [{ messages: [{ role: 'user', content: { text: 'q' } }, assistant('a')] }, 'row-shape', 'not text'],
    [{ messages: [user(''), assistant('a')] }, 'row-empty', 'message 1'],
    [{ messages: [user('q'), user('r'), assistant('a')] }, 'row-shape', 'second turn of the user'],
    [{ messages: [assistant('a'), user('q'), assistant('b')] }, 'row-shape', 'starts with a turn of the'],
    [{ prompt: 'q', completion: 'a</think>b</think>c' }, 'row-shape', '</think> 2 times'],
    [{ prompt: 'q', completion: 'half \ud83d' }, 'row-shape', 'lone surrogate'],
    [{ prompt: 'q', completion: 'long '.repeat(250_000) }, 'row-too-long', 'characters'],
    [{ text: '  ' }, 'row-empty', '"text"'],
    [{ text: 5 }, 'row-shape', 'not text'],
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
