// A file read in blocks: the same bytes as the whole, asked for once where it is read in order.
import { expect, test } from 'vitest';
import type { ByteSource } from '../../../src/support/byte-source.ts';
import { readAhead } from '../../../src/trainer/read-ahead.ts';

const whole = Uint8Array.from({ length: 1_003 }, (_, i) => (i * 7) % 251);

function countedSource(failures = 0): { source: ByteSource; asked: [number, number][] } {
  const asked: [number, number][] = [];
  let left = failures;
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    asked.push([start, end]);
    if (start > 0 && left-- > 0) throw new Error('broken off');
    return whole.slice(start, end);
  };
  return { source: { size: whole.length, read }, asked };
}
const part = async (file: ReturnType<typeof readAhead>, start: number, end: number): Promise<Uint8Array> =>
  new Uint8Array(await file.slice(start, end).arrayBuffer());

test('a file read in order is asked for once, a block ahead', async () => {
  const { source, asked } = countedSource();
  const file = readAhead(source, 100);
  const bytes: number[] = [];
  for (let at = 0; at < whole.length; at += 30) {
    bytes.push(...(await part(file, at, at + 30)));
    if (at === 0)
      expect(asked).toEqual([
        [0, 100],
        [100, 200],
      ]);
  }
  expect(bytes).toEqual([...whole]);
  expect(asked).toHaveLength(11);
  expect(asked.at(-1)).toEqual([1_000, 1_003]);
});

test('parts here and there are right, and nothing is fetched ahead of them', async () => {
  const { source, asked } = countedSource();
  const file = readAhead(source, 100);
  for (const [start, end] of [
    [995, 1_003],
    [450, 451],
    [250, 349], // over a border
    [120, 870], // more than a block
    [700, 700],
    [1_000, 2_000],
  ])
    expect([...(await part(file, start, end))]).toEqual([...whole.slice(start, end)]);
  expect(asked).toContainEqual([120, 870]);
  expect(asked).not.toContainEqual([500, 600]);
});

test('a block that fails is told to whoever needs it, and asked for again', async () => {
  const { source } = countedSource(1);
  const file = readAhead(source, 100);
  expect([...(await part(file, 0, 50))]).toEqual([...whole.slice(0, 50)]);
  await new Promise((resolve) => setTimeout(resolve, 1)); // the block ahead fails meanwhile
  expect([...(await part(file, 150, 160))]).toEqual([...whole.slice(150, 160)]);
  const broken = readAhead(countedSource(99).source, 100);
  await expect(part(broken, 150, 160)).rejects.toThrow('broken off');
});
