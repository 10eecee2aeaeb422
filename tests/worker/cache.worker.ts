/** The cache in a real worker, for tests/worker/model-cache.test.ts: only there can the file system be written. */
import * as comlink from 'comlink';
import { installErrorTransport } from '../../src/api/trainer-transport.ts';
import { openCache, type CacheEntry, type CacheKey, type CacheWriter } from '../../src/hub/model-cache.ts';

export interface CacheWorker {
  list(): Promise<CacheEntry<unknown>[]>;
  /** Keeps a writer until `publish` or `abort` of the same id. */
  create(id: string, key: CacheKey): Promise<void>;
  write(id: string, name: string, bytes: Uint8Array): Promise<void>;
  publish(id: string, content: unknown): Promise<void>;
  abort(id: string): Promise<void>;
  content(key: CacheKey): Promise<unknown>; // null: no entry
  read(key: CacheKey, name: string): Promise<Uint8Array>;
  remove(key: CacheKey): Promise<void>;
  removeAll(): Promise<void>;
}

const writers = new Map<string, CacheWriter<unknown>>();
const writer = (id: string): CacheWriter<unknown> => {
  const found = writers.get(id);
  if (found === undefined) throw new Error(`no writer ${id}`);
  return found;
};

const api: CacheWorker = {
  list: async () => (await openCache()).list(),
  create: async (id, key) => void writers.set(id, await (await openCache()).create(key)),
  write: (id, name, bytes) => writer(id).write(name, bytes),
  publish: (id, content) => writer(id).publish(content),
  abort: (id) => writer(id).abort(),
  content: async (key) => (await (await openCache()).open(key))?.content ?? null,
  read: async (key, name) => {
    const entry = await (await openCache()).open(key);
    if (entry === null) throw new Error('no entry');
    return entry.read(name);
  },
  remove: async (key) => (await openCache()).remove(key),
  removeAll: async () => (await openCache()).removeAll(),
};

installErrorTransport();
comlink.expose(api);
