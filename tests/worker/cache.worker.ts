/** Entries in a real worker, for tests/worker/model-cache.test.ts: only there can the private file system be written. */
import * as comlink from 'comlink';
import { installErrorTransport } from '../../src/api/trainer-transport.ts';
import { openPrivateFolders } from '../../src/host/browser/private-folders.ts';
import { keptModelsStore, type KeptKey } from '../../src/model/kept-models.ts';
import { openEntries, type Entries, type EntryInfo, type EntryWriter } from '../../src/storage/entries.ts';

export interface CacheWorker {
  list(): Promise<EntryInfo<KeptKey, unknown>[]>;
  /** Keeps a writer until `publish` or `abort` of the same id. */
  create(id: string, key: KeptKey): Promise<void>;
  write(id: string, name: string, bytes: Uint8Array): Promise<void>;
  publish(id: string, content: unknown): Promise<void>;
  abort(id: string): Promise<void>;
  content(key: KeptKey): Promise<unknown>; // null: no entry
  read(key: KeptKey, name: string): Promise<Uint8Array>;
  remove(key: KeptKey): Promise<void>;
  removeAll(): Promise<void>;
}

const openCache = async (): Promise<Entries<KeptKey, unknown>> =>
  openEntries(await openPrivateFolders(keptModelsStore), ({ repo }) => repo);
const writers = new Map<string, EntryWriter<unknown>>();
const writer = (id: string): EntryWriter<unknown> => {
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
