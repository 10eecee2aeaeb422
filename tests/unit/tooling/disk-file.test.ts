// Sizes beyond 32 bits: a sparse file of 4 GiB and 67 bytes takes no room on disk.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDiskFile } from '../../../scripts/cli/disk-file.ts';
import { byteChunks } from '../../../src/data/byte-chunks.ts';

const folder = mkdtempSync(join(tmpdir(), 'disk-file-'));
afterAll(() => rmSync(folder, { recursive: true }));
const END = '{"prompt":"last","completion":"row"}\n';
const sizeBytes = 2 ** 32 + 67;

test('a file over 4 GiB has its whole size, and is read at its end', async () => {
  const path = join(folder, 'large.jsonl');
  const descriptor = openSync(path, 'w');
  ftruncateSync(descriptor, sizeBytes);
  writeSync(descriptor, END, sizeBytes - END.length);
  closeSync(descriptor);
  const file = openDiskFile(path);
  expect(file.size).toBe(sizeBytes);
  const last = await file.slice(sizeBytes - END.length, sizeBytes + 5).arrayBuffer();
  expect(new TextDecoder().decode(last)).toBe(END);
  expect((await file.slice(2 ** 32 - 3, 2 ** 32 + 5).arrayBuffer()).byteLength).toBe(8);
});

test('chunks go on beyond 4 GiB', async () => {
  const starts: number[] = [];
  const file = {
    size: sizeBytes,
    slice: (_start: number, end: number) => {
      starts.push(end);
      return { arrayBuffer: () => Promise.resolve(new ArrayBuffer(0)) };
    },
  };
  let chunkCount = 0;
  for await (const chunk of byteChunks(file, 'x')) chunkCount += chunk.length === 0 ? 1 : 0;
  expect(chunkCount).toBe(starts.length);
  expect(starts.length).toBe(Math.ceil(sizeBytes / 65_536));
  expect(starts.at(-1)).toBe(sizeBytes);
});
