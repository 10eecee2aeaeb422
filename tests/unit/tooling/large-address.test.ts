// A dataset over 4 GiB through the local server and the trainer's reader. Sparse: it takes no room on disk.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve, type Served } from '../../../scripts/cli/serve.ts';
import type { FileBytes } from '../../../src/api/file-bytes.ts';
import { openFiles } from '../../../src/data/read-files.ts';
import { fetchedAssets } from '../../../src/host/browser/browser-host.ts';
import { createDatasetOpener } from '../../../src/trainer/open-dataset.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

const LAST_ROW = '{"prompt":"last","completion":"row"}\n';
const sizeBytes = 2 ** 32 + 67;
const folder = writeFiles(tempFolder(), {
  'dist/index.html': '',
  'empty.jsonl': '',
  'rows.html': LAST_ROW.repeat(3),
});
const path = join(folder, 'large.jsonl');
let served: Served;
beforeAll(async () => {
  const descriptor = openSync(path, 'w');
  ftruncateSync(descriptor, sizeBytes);
  writeSync(descriptor, 'across', 2 ** 32 - 3);
  writeSync(descriptor, LAST_ROW, sizeBytes - LAST_ROW.length);
  closeSync(descriptor);
  served = await serve({
    root: join(folder, 'dist'),
    mounts: [
      { prefix: 'local/large', path },
      { prefix: 'local/empty', path: join(folder, 'empty.jsonl') },
      { prefix: 'local/rows', path: join(folder, 'rows.html') },
    ],
  });
});
afterAll(() => served.close());

const nothingKept = (): Promise<Blob> => Promise.reject(new Error('nothing is kept here'));
const open = (name: string, url: string) =>
  createDatasetOpener(fetchedAssets(`${served.url}/?headless`), nothingKept).openLocal({
    kind: 'url',
    name,
    url,
  });
const textOf = async (file: FileBytes, start: number, end: number): Promise<string> =>
  new TextDecoder().decode(await file.slice(start, end).arrayBuffer());

test('the server tells and sends what lies beyond 4 GiB', async () => {
  const headers = { Range: `bytes=${2 ** 32 - 3}-${2 ** 32 + 2}` };
  const response = await fetch(`${served.url}/local/large`, { headers });
  expect(response.headers.get('content-range')).toBe('bytes 4294967293-4294967298/4294967363');
  expect(response.headers.get('content-length')).toBe('6');
  expect(await response.text()).toBe('across');
  const whole = await fetch(`${served.url}/local/large`, { method: 'HEAD' });
  expect(whole.headers.get('content-length')).toBe(String(sizeBytes));
});

test('the reader has the whole size, and reads the last bytes', async () => {
  const { files } = await open('large.jsonl', '/local/large');
  expect(files[0].blob.size).toBe(sizeBytes);
  expect(await textOf(files[0].blob, sizeBytes - LAST_ROW.length, sizeBytes + 5)).toBe(LAST_ROW);
  expect(await textOf(files[0].blob, 2 ** 32 - 3, 2 ** 32 + 3)).toBe('across');
});

test('a served file is data whatever its name ends with', async () => {
  const { batches } = await openFiles(await open('rows.html', '/local/rows'));
  const lines: number[] = [];
  for await (const batch of batches) lines.push(...batch.map(({ line }) => line));
  expect(lines).toEqual([1, 2, 3]);
});

test('a served file without bytes is a dataset without rows', async () => {
  const { files } = await open('empty.jsonl', '/local/empty');
  expect(files[0].blob.size).toBe(0);
});

test('an address without a file is refused', async () => {
  await expect(open('none.jsonl', '/local/none')).rejects.toMatchObject({ code: 'dataset-unreadable' });
});
