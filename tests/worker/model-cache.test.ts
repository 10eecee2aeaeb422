// The cache of models in Chromium's real private file system, written by a real worker.
import * as comlink from 'comlink';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cdp } from 'vitest/browser';
import { installErrorTransport } from '../../src/api/trainer-transport.ts';
import type { CacheWorker } from './cache.worker.ts';

const key = { repo: 'tiny/model', commit: 'a'.repeat(40), quantization: 'nf4' };
const bytesOf = (size: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i * seed) & 255);

let worker: Worker;
let cache: comlink.Remote<CacheWorker>;
const start = (): void => {
  worker = new Worker(new URL('./cache.worker.ts', import.meta.url), { type: 'module' });
  cache = comlink.wrap<CacheWorker>(worker);
};
installErrorTransport();
beforeEach(async () => {
  start();
  const root = await navigator.storage.getDirectory();
  await root.removeEntry('models', { recursive: true }).catch(() => undefined);
});
afterEach(() => worker.terminate());

async function keep(
  blobs: Record<string, Uint8Array>,
  content: unknown = { layers: 2 },
  of = key,
): Promise<void> {
  await cache.create('w', of);
  for (const [name, bytes] of Object.entries(blobs)) await cache.write('w', name, bytes);
  await cache.publish('w', content);
}
const codeOf = (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'no error',
    (error: { code?: string; message?: string }) => error.code ?? `uncoded: ${error.message}`,
  );

/** The folders on the disk, and a way to harm their files. */
async function folders(): Promise<FileSystemDirectoryHandle[]> {
  const root = await navigator.storage.getDirectory();
  const models = await root.getDirectoryHandle('models', { create: true });
  const found: FileSystemDirectoryHandle[] = [];
  for await (const handle of models.values()) if (handle.kind === 'directory') found.push(handle);
  return found;
}
async function change(name: string, edit: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const [folder] = await folders();
  const file = await folder.getFileHandle(name);
  const bytes = edit(new Uint8Array(await (await file.getFile()).arrayBuffer()));
  const stream = await file.createWritable();
  await stream.write(bytes as BufferSource);
  await stream.close();
}

describe('what is kept', () => {
  test('is given back byte by byte to another worker, with its content', async () => {
    const odd = {
      'model.layers.0/q': bytesOf(100_003, 7),
      'Käse: <b>': bytesOf(1),
      empty: new Uint8Array(0),
    };
    await keep(odd, { scales: [1, 2], text: '你好' });
    worker.terminate();
    start();
    expect(await cache.content(key)).toEqual({ scales: [1, 2], text: '你好' });
    for (const [name, bytes] of Object.entries(odd)) expect(await cache.read(key, name)).toEqual(bytes);
  });

  test('is found by repository, commit and quantisation, each for itself', async () => {
    await keep({ a: bytesOf(10) });
    for (const other of [{ repo: 'tiny/other' }, { commit: 'b'.repeat(40) }, { quantization: 'int8' }])
      expect(await cache.content({ ...key, ...other })).toBeNull();
    expect(await cache.content(key)).not.toBeNull();
  });

  test('is listed with its size, and deleted one by one or all', async () => {
    await keep({ a: bytesOf(1_000), b: bytesOf(24) });
    await keep({ a: bytesOf(5) }, {}, { ...key, quantization: 'int8' });
    await keep({ a: bytesOf(6) }, {}, { ...key, quantization: 'f16' });
    const listed = await cache.list();
    expect(Object.fromEntries(listed.map((entry) => [entry.key.quantization, entry.bytes]))).toEqual({
      nf4: 1_024,
      int8: 5,
      f16: 6,
    });
    await cache.remove({ ...key, quantization: 'int8' });
    expect((await cache.list()).map((entry) => entry.key.quantization).sort()).toEqual(['f16', 'nf4']);
    await cache.removeAll();
    expect(await cache.list()).toEqual([]);
    expect(await folders()).toEqual([]);
  });

  test('is replaced as a whole by a newer copy of the same key', async () => {
    await keep({ a: bytesOf(10, 1) }, 'old');
    await cache.create('w', key);
    await cache.write('w', 'a', bytesOf(20, 3));
    expect(await cache.content(key)).toBe('old'); // until the new one is whole
    await cache.publish('w', 'new');
    expect(await cache.content(key)).toBe('new');
    expect(await cache.read(key, 'a')).toEqual(bytesOf(20, 3));
    expect((await folders()).length).toBe(1);
  });
});

describe('an interrupted write', () => {
  test('does not exist for anybody, and is swept away when its worker is gone', async () => {
    await cache.create('w', key);
    await cache.write('w', 'a', bytesOf(1_000));
    expect(await cache.content(key)).toBeNull();
    expect(await cache.list()).toEqual([]);
    expect((await folders()).length).toBe(1); // it is being written: not swept
    worker.terminate();
    start();
    await expect.poll(async () => [await cache.list(), (await folders()).length]).toEqual([[], 0]);
  });

  test('leaves nothing when it is given up', async () => {
    await cache.create('w', key);
    await cache.write('w', 'a', bytesOf(1_000));
    await cache.abort('w');
    expect(await folders()).toEqual([]);
    expect(await codeOf(cache.publish('w', {}))).toBe('internal');
  });
});

describe('a damaged copy is noticed, removed and can be made again', () => {
  test.each<[string, string, (bytes: Uint8Array) => Uint8Array]>([
    ['a manifest cut short', 'manifest.json', (bytes) => bytes.slice(0, bytes.length - 5)],
    ['an empty manifest', 'manifest.json', () => new Uint8Array(0)],
    ['one changed letter of the manifest', 'manifest.json', (bytes) => bytes.with(bytes.length - 9, 0x41)],
    ['a shorter blob', '0.bin', (bytes) => bytes.slice(1)],
  ])('%s: the entry is gone when it is looked for', async (_, file, edit) => {
    await keep({ a: bytesOf(1_000) });
    await change(file, edit);
    expect(await cache.content(key)).toBeNull();
    expect(await folders()).toEqual([]);
    await keep({ a: bytesOf(1_000) });
    expect(await cache.read(key, 'a')).toEqual(bytesOf(1_000));
  });

  test('one changed byte of a blob: it is never given out', async () => {
    await keep({ a: bytesOf(1_000), b: bytesOf(8) });
    await change('0.bin', (bytes) => bytes.with(500, bytes[500] ^ 1));
    expect(await cache.read(key, 'b')).toEqual(bytesOf(8)); // the control: what is whole is given out
    expect(await codeOf(cache.read(key, 'a'))).toBe('cache-damaged');
    expect(await cache.content(key)).toBeNull();
  });
});

test('a full disk is a code, leaves nothing half-written, and spares what was kept before', async () => {
  await keep({ a: bytesOf(1_000) });
  const { usage = 0 } = await navigator.storage.estimate();
  const quotaSize = usage + 200_000;
  await cdp().send('Storage.overrideQuotaForOrigin', { origin: location.origin, quotaSize });
  try {
    await cache.create('w', { ...key, quantization: 'f16' });
    expect(await codeOf(cache.write('w', 'large', new Uint8Array(4_000_000)))).toBe('storage-full');
    expect((await folders()).length).toBe(1);
    expect(await cache.read(key, 'a')).toEqual(bytesOf(1_000));
  } finally {
    await cdp().send('Storage.overrideQuotaForOrigin', { origin: location.origin });
  }
});
