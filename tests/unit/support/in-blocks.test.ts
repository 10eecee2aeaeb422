/** Reads from blocks give the bytes of the file, in fewer requests, and a failed block is asked for again. */
import { expect, test } from 'vitest';
import type { ByteSource } from '../../../src/support/byte-source.ts';
import { inBlocks } from '../../../src/support/in-blocks.ts';

const bytes = Uint8Array.from({ length: 1003 }, (_, i) => (i * 31) % 251);

function counted(): ByteSource & { readonly requests: [number, number][] } {
  const requests: [number, number][] = [];
  return {
    size: bytes.length,
    requests,
    read: (start, end) => {
      requests.push([start, end]);
      return Promise.resolve(bytes.slice(start, end));
    },
  };
}

test('every range of every length is what the file holds there', async () => {
  const source = inBlocks(counted(), 64);
  for (const length of [0, 1, 5, 63, 64, 65, 200])
    for (let start = 0; start + length <= bytes.length; start += 13)
      expect(await source.read(start, start + length)).toEqual(bytes.slice(start, start + length));
  expect(await source.read(990, 1003)).toEqual(bytes.slice(990));
});

test('neighbours come from one request, a large read is a request of its own', async () => {
  const file = counted();
  const source = inBlocks(file, 64);
  for (let start = 0; start < 60; start += 10) await source.read(start, start + 4);
  expect(file.requests).toEqual([[0, 64]]);
  await source.read(100, 400);
  expect(file.requests.at(-1)).toEqual([100, 400]);
  await source.read(50, 54); // still there
  expect(file.requests).toHaveLength(2);
});

test('what is handed out belongs to the caller', async () => {
  const source = inBlocks(counted(), 64);
  (await source.read(0, 8)).fill(7);
  expect(await source.read(0, 8)).toEqual(bytes.slice(0, 8));
});

test('a block that could not be read is asked for again', async () => {
  const file = counted();
  let isDown = true;
  const source = inBlocks(
    { ...file, read: (a, b) => (isDown ? Promise.reject(new Error('down')) : file.read(a, b)) },
    64,
  );
  await expect(source.read(0, 8)).rejects.toThrow('down');
  isDown = false;
  expect(await source.read(0, 8)).toEqual(bytes.slice(0, 8));
});

test('no more than four blocks are kept', async () => {
  const file = counted();
  const source = inBlocks(file, 64);
  for (const block of [0, 1, 2, 3, 4]) await source.read(block * 64, block * 64 + 1);
  await source.read(64, 65);
  expect(file.requests).toHaveLength(5);
  await source.read(0, 1);
  expect(file.requests).toHaveLength(6);
});
