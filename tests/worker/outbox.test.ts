// Large results in Chromium's real private file system: a page reads them from there, and they go with their tab.
import * as comlink from 'comlink';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installErrorTransport } from '../../src/api/trainer-transport.ts';
import { outboxStore } from '../../src/trainer/outbox.ts';
import type { OutboxWorker } from './outbox.worker.ts';

const workers: Worker[] = [];
const start = (): comlink.Remote<OutboxWorker> => {
  const worker = new Worker(new URL('./outbox.worker.ts', import.meta.url), { type: 'module' });
  workers.push(worker);
  return comlink.wrap<OutboxWorker>(worker);
};
installErrorTransport();
const root = (): Promise<FileSystemDirectoryHandle> => navigator.storage.getDirectory();
beforeEach(async () => {
  await (await root()).removeEntry(outboxStore, { recursive: true }).catch(() => undefined);
});
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate();
});
async function entries(): Promise<string[]> {
  const found: string[] = [];
  const folder = await (await root()).getDirectoryHandle(outboxStore);
  for await (const [name] of folder.entries()) found.push(name);
  return found;
}

test('the page reads what the worker has written, byte for byte, also when the next one is made', async () => {
  const outbox = start();
  const first = await outbox.make(5, 7);
  const second = await outbox.make(3, 9);
  expect([first.type, first.size, second.size]).toEqual(['application/zip', 5 * 2 ** 20, 3 * 2 ** 20]);
  for (const [blob, value] of [
    [first, 7],
    [second, 9],
  ] as const)
    expect(new Uint8Array(await blob.arrayBuffer()).every((byte) => byte === value)).toBe(true);
  await outbox.make(1, 1);
  expect((await entries()).length).toBe(2);
});

test('one that is cancelled leaves nothing, and says so', async () => {
  const outbox = start();
  await expect(outbox.make(5, 1, 2)).rejects.toMatchObject({ code: 'cancelled' });
  expect(await entries()).toEqual([]);
});

test('what a tab has left is swept away once its worker is gone, and not before', async () => {
  await start().make(2, 1);
  const other = start();
  await other.sweep();
  expect((await entries()).length).toBe(1);
  workers[0].terminate();
  await expect
    .poll(async () => {
      await other.sweep();
      return entries();
    })
    .toEqual([]);
});
