import { unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { zipFiles } from '../../../src/adapter/zip.ts';
import { textFile, type ExportFile } from '../../../src/exporters/export-file.ts';
import { blobOf, zipChunks } from '../../../src/exporters/zip-stream.ts';
import { exportZipAs } from '../../../src/trainer/export-zip.ts';
import { Outbox } from '../../../src/trainer/outbox.ts';
import { fixture } from './fixtures.ts';

const read = async (blob: Blob) => unzipSync(new Uint8Array(await blob.arrayBuffer()));

test('files become a zip while they are read', async () => {
  const steps: string[] = [];
  const large: ExportFile = {
    name: 'a/large.bin',
    size: 3_000_000,
    async *chunks() {
      for (const value of [1, 2, 3]) {
        steps.push(`made ${value}`);
        yield new Uint8Array(1_000_000).fill(value);
      }
    },
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of zipChunks([large, textFile('a/ü.txt', 'text')])) {
    if (chunk.length > 100_000) steps.push('taken');
    chunks.push(chunk);
  }
  expect(steps).toEqual(['made 1', 'taken', 'made 2', 'taken', 'made 3', 'taken']);
  const files = await read(new Blob(chunks as BlobPart[]));
  expect(Object.keys(files)).toEqual(['a/large.bin', 'a/ü.txt']);
  expect(files['a/large.bin'].every((value, i) => value === 1 + Math.floor(i / 1_000_000))).toBe(true);
});

test('a chunk need only be good until the next one is asked for', async () => {
  const fleeting = {
    name: 'fleeting.bin',
    size: 6,
    async *chunks() {
      for (const value of [1, 2, 3]) {
        const chunk = new Uint8Array(2).fill(value);
        yield await Promise.resolve(chunk);
        chunk.fill(0);
      }
    },
  };
  const files = await read(await blobOf(zipChunks([fleeting, textFile('b.txt', 'b')])));
  expect([...files['fleeting.bin']]).toEqual([1, 1, 2, 2, 3, 3]);
});

test('what a plain zip cannot hold is refused before anything is made', async () => {
  const huge = { ...textFile('model.safetensors', ''), size: 6 * 2 ** 30 };
  await expect(blobOf(zipChunks([huge]))).rejects.toThrow(/6\.0 GiB, and a zip holds up to 4/);
});

const download = zipFiles([
  ...['adapter_config.json', 'adapter_model.safetensors'].map((name) => ({
    name,
    bytes: fixture(`adapter/${name}`),
  })),
  { name: 'metrics.jsonl', bytes: new TextEncoder().encode('{"step":1,"loss":2}\n') },
]);

const host = {
  openStore: () => Promise.reject(new Error('none')),
  roomFor: () => Promise.reject(new Error('none')),
};
const nothingOpen = { model: null, dataset: null, run: null, runs: null, outbox: new Outbox(host) };

test('a download becomes other formats, each in its folder', async () => {
  const zip = await exportZipAs(
    { zip: download, runId: null, formats: ['peft', 'record'], dtype: 'f16' },
    nothingOpen,
  );
  expect(Object.keys(await read(zip)).sort()).toEqual([
    ...['peft/adapter_config.json', 'peft/adapter_model.safetensors'],
    ...[
      'record/metrics.csv',
      'record/metrics.jsonl',
      'record/tensorboard/events.out.tfevents.0.alttrain-web',
    ],
  ]);
});

test('a merged model asks for the model it is made of', async () => {
  const request = { zip: download, runId: null, formats: ['merged'] as const, dtype: 'bf16' as const };
  await expect(exportZipAs(request, nothingOpen)).rejects.toMatchObject({
    code: 'not-ready',
    message: expect.stringContaining('some/llama') as string,
  });
});
