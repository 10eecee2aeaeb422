import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { readAll } from './support.ts';

const read = (text: string) => readAll(text, 'rows.jsonl');
const a = '{"instruction":"a","response":"b"}';

test('lines keep their numbers over blank lines, CRLF and a byte order mark', async () => {
  const result = await read(`\ufeff${a}\r\n\r\n${a}\r\n  \r\nnot json\r\n${a}`);
  expect(result.format).toBe('jsonl');
  expect(result.rows.map(({ line }) => line)).toEqual([1, 3, 6]);
  expect(result.rejected).toMatchObject([{ line: 5, code: 'row-not-json', excerpt: 'not json' }]);
  expect(result.totalRows).toBe(4);
});

test.each([
  ['a list', `[${a},\n${a}]`, 'json', 2],
  ['an object with one list', `{"version": 1, "data": [${a}, ${a}, 3]}`, 'json', 3],
  ['one line', a, 'jsonl', 1],
  ['one row of messages, which has one list', '{"messages":[]}', 'jsonl', 1],
  ['one row over several lines', '{\n "prompt": "a",\n "completion": "b"\n}', 'jsonl', 1],
  ['an object of another kind', '{"question":"a"}', 'jsonl', 1],
  ['an empty list', '[]', 'json', 0],
  ['nothing', '', 'jsonl', 0],
  ['only blank lines', '\n \r\n\t\n', 'jsonl', 0],
  ['lines that are lists', '["a"]\n["b"]', 'jsonl', 2],
  ['a lone CR between lines', `${a}\r${a}`, 'jsonl', 2],
])('%s', async (_, text, format, totalRows) => {
  const result = await read(text);
  expect({ format: result.format, totalRows: result.totalRows }).toEqual({ format, totalRows });
  expect(result.rows.length + result.rejected.length).toBe(totalRows);
});

test('UTF-16 as Windows writes it is read', async () => {
  const bytes = new Uint8Array(2 + a.length * 2);
  bytes.set([0xff, 0xfe]);
  for (let i = 0; i < a.length; i++) bytes[2 + 2 * i] = a.charCodeAt(i);
  expect((await readAll(bytes)).rows).toEqual([{ line: 1, value: { instruction: 'a', response: 'b' } }]);
});

test.each([
  ['in the first line', `${a}\0\n${a}\n`, 1],
  ['in the third', `${a}\n${a}\r\n{"instruction":"a\0"}\n${a}`, 3],
  ['beyond the first chunk', `${a}\n`.repeat(5_000) + '\0\0', 5_001],
])('a NUL byte %s is told with its line', async (_, text, line) => {
  await expect(readAll(new TextEncoder().encode(text))).rejects.toThrow(`line ${line} holds a NUL byte`);
});

describe('what is no dataset is refused with a code', () => {
  test.each([
    ['an image', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0xff, 0xd8)],
    ['text with NUL', new TextEncoder().encode(`${a}\0`)],
    ['CSV under a name of JSONL', new TextEncoder().encode('instruction,response\na,b\n')],
    ['prose', new TextEncoder().encode('Once upon a time')],
    ['a broken list', new TextEncoder().encode(`[\n${a},\n${a}\n`)],
    ['a number', new TextEncoder().encode('42')],
    ['several lists', new TextEncoder().encode('{"train":[],"test":[]}')],
    ['JSON nested without end', new TextEncoder().encode('['.repeat(100_000))],
  ])('%s', async (_, bytes) => {
    const error: unknown = await readAll(bytes).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TrainerError);
    expect(error).toMatchObject({ code: 'dataset-unreadable' });
  });
});
