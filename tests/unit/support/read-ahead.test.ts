import { expect, test } from 'vitest';
import { readAhead } from '../../../src/support/read-ahead.ts';

const pieces = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, bytes: 10 }));
const bytesOf = (name: string): Uint8Array => new TextEncoder().encode(name);

test('the next pieces are begun while one is used, within the limit, and each is read once', async () => {
  const begun: string[] = [];
  const read = readAhead(
    pieces,
    async (name) => {
      begun.push(name);
      return bytesOf(name);
    },
    20,
  );
  expect(await read('a')).toEqual(bytesOf('a'));
  expect(begun).toEqual(['a', 'b', 'c']);
  expect(await read('b')).toEqual(bytesOf('b'));
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  for (const name of ['c', 'd', 'e']) expect(await read(name)).toEqual(bytesOf(name));
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('pieces may be skipped, asked for twice or unknown', async () => {
  const read = readAhead(pieces, async (name) => bytesOf(name), 20);
  for (const name of ['c', 'a', 'a', 'z', 'e']) expect(await read(name)).toEqual(bytesOf(name));
});

test('a piece that cannot be read fails where it is asked for, not before', async () => {
  const read = readAhead(
    pieces,
    async (name) => {
      if (name === 'b') throw new Error('damaged');
      return bytesOf(name);
    },
    20,
  );
  expect(await read('a')).toEqual(bytesOf('a'));
  await expect(read('b')).rejects.toThrow('damaged');
  expect(await read('c')).toEqual(bytesOf('c'));
});
