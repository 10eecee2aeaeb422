/**
 * Models kept in the browser's origin private file system, as they are used: blobs by name, and a manifest.
 *
 * An entry is a folder. Its manifest is written last and carries a hash of itself: a folder without a whole manifest is
 * the rest of an interrupted write, and does not exist for anybody. Every blob is checked by size when an entry is opened
 * and by SHA-256 when it is read; an entry that fails is removed. A lock per folder tells a write that is under way in
 * another tab from one that was interrupted.
 */
import { TrainerError } from '../api/trainer-error.ts';
import { sha256 } from './etag.ts';
import { readWhole, storage, writeWhole } from './private-files.ts';

export interface CacheKey {
  readonly repo: string; // "owner/name"
  readonly commit: string;
  readonly quantization: string;
}

export interface CacheEntry<Content> extends CacheKey {
  readonly content: Content;
  readonly bytes: number;
  readonly createdMs: number; // since 1970
}

export interface CachedModel<Content> {
  readonly content: Content;
  readonly blobs: readonly { readonly name: string; readonly bytes: number }[];
  /** @throws TrainerError "cache-damaged" after removing the entry. */
  read(name: string): Promise<Uint8Array>;
}

export interface CacheWriter<Content> {
  /** @throws TrainerError "storage-full" */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Makes the entry visible, in the place of one with the same key. `content` is JSON. */
  publish(content: Content): Promise<void>;
  /** Removes what was written. Nothing after `publish`. */
  abort(): Promise<void>;
}

export interface ModelCache<Content> {
  list(): Promise<CacheEntry<Content>[]>;
  /** null: not kept, or no longer whole (then it is gone). */
  open(key: CacheKey): Promise<CachedModel<Content> | null>;
  create(key: CacheKey): Promise<CacheWriter<Content>>;
  remove(key: CacheKey): Promise<void>;
  removeAll(): Promise<void>;
}

interface Blobs {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}
interface Manifest<Content> {
  readonly version: 1;
  readonly key: CacheKey;
  readonly createdMs: number;
  readonly blobs: readonly Blobs[];
  readonly content: Content;
}
interface Found<Content> {
  readonly folderName: string;
  readonly folder: FileSystemDirectoryHandle;
  readonly manifest: Manifest<Content>;
}

const rootName = 'models';
const manifestName = 'manifest.json';
const hashLength = 64; // the manifest file: its SHA-256 in hex, then the JSON

/** In a worker: only there can the private file system be written synchronously. */
export async function openCache<Content>(): Promise<ModelCache<Content>> {
  const root = await storage(async () => {
    const origin = await navigator.storage.getDirectory();
    return origin.getDirectoryHandle(rootName, { create: true });
  });

  /** All whole entries, the newest first; rests of interrupted writes are swept away. */
  const findAll = async (): Promise<Found<Content>[]> => {
    const found: Found<Content>[] = [];
    const names: string[] = [];
    for await (const name of root.keys()) names.push(name);
    for (const folderName of names) {
      const folder = await root.getDirectoryHandle(folderName).catch(() => null);
      if (folder === null) continue; // a file is nothing of ours; a folder may just have been removed
      const manifest = await readManifest<Content>(folder);
      if (manifest !== null && (await hasAllBlobs(folder, manifest.blobs)))
        found.push({ folderName, folder, manifest });
      else await unlessLocked(folderName, () => removeFolder(folderName));
    }
    return found.sort((a, b) => b.manifest.createdMs - a.manifest.createdMs);
  };
  const removeFolder = async (name: string): Promise<void> => {
    // Gone already, or open in another tab: then that tab's reads fail, or the next sweep finds it.
    await root.removeEntry(name, { recursive: true }).catch(() => undefined);
  };
  const findOne = async (key: CacheKey): Promise<Found<Content>[]> =>
    (await findAll()).filter(({ manifest }) => isSameKey(manifest.key, key));

  return {
    list: async () =>
      (await findAll()).map(({ manifest: { key, createdMs, blobs, content } }) => ({
        ...key,
        content,
        createdMs,
        bytes: blobs.reduce((sum, blob) => sum + blob.bytes, 0),
      })),

    async open(key) {
      const [entry] = await findOne(key);
      if (entry === undefined) return null;
      const { folder, folderName, manifest } = entry;
      return {
        content: manifest.content,
        blobs: manifest.blobs.map(({ name, bytes }) => ({ name, bytes })),
        async read(name) {
          const blob = manifest.blobs.find((candidate) => candidate.name === name);
          if (blob === undefined)
            throw new TrainerError('internal', `The kept model ${key.repo} has no part "${name}".`);
          const bytes = await readWhole(folder, blob.file).catch(() => null);
          if (bytes !== null && (await sha256(bytes)) === blob.sha256) return bytes;
          await removeFolder(folderName);
          throw new TrainerError(
            'cache-damaged',
            `"${name}" of the kept model ${key.repo} is not what was written, so the copy was removed. Load the model again.`,
          );
        },
      };
    },

    async create(key) {
      const folderName = crypto.randomUUID();
      const unlock = await lock(folderName);
      const folder = await storage(() => root.getDirectoryHandle(folderName, { create: true }));
      const blobs: Blobs[] = [];
      let isOpen = true;
      const giveUp = async (): Promise<void> => {
        if (!isOpen) return;
        isOpen = false;
        await removeFolder(folderName);
        unlock();
      };
      const whileOpen = async (action: () => Promise<void>): Promise<void> => {
        if (!isOpen) throw new TrainerError('internal', 'This copy of a model is closed already.');
        try {
          await action();
        } catch (error) {
          await giveUp();
          throw error;
        }
      };
      return {
        write: (name, bytes) =>
          whileOpen(async () => {
            if (blobs.some((blob) => blob.name === name))
              throw new TrainerError('internal', `"${name}" is kept already.`);
            const file = `${blobs.length}.bin`;
            await writeWhole(folder, file, bytes);
            blobs.push({ name, file, bytes: bytes.length, sha256: await sha256(bytes) });
          }),
        publish: (content) =>
          whileOpen(async () => {
            const older = await findOne(key);
            const manifest: Manifest<Content> = { version: 1, key, createdMs: Date.now(), blobs, content };
            const json = new TextEncoder().encode(JSON.stringify(manifest));
            const hash = new TextEncoder().encode(await sha256(json));
            await writeWhole(folder, manifestName, new Uint8Array([...hash, ...json]));
            isOpen = false;
            unlock();
            for (const { folderName: name } of older) await removeFolder(name);
          }),
        abort: giveUp,
      };
    },

    remove: async (key) => {
      for (const { folderName } of await findOne(key)) await removeFolder(folderName);
    },
    removeAll: async () => {
      for (const { folderName } of await findAll()) await removeFolder(folderName);
    },
  };
}

const isSameKey = (a: CacheKey, b: CacheKey): boolean =>
  a.repo === b.repo && a.commit === b.commit && a.quantization === b.quantization;

/** null where it is missing, half-written, changed or of another version. */
async function readManifest<Content>(folder: FileSystemDirectoryHandle): Promise<Manifest<Content> | null> {
  const bytes = await readWhole(folder, manifestName).catch(() => null);
  if (bytes === null || bytes.length <= hashLength) return null;
  const json = bytes.subarray(hashLength);
  if (new TextDecoder().decode(bytes.subarray(0, hashLength)) !== (await sha256(json))) return null;
  const manifest = JSON.parse(new TextDecoder().decode(json)) as Manifest<Content>;
  return manifest.version === 1 ? manifest : null;
}

/** All at once: hundreds of files, a millisecond each. */
async function hasAllBlobs(folder: FileSystemDirectoryHandle, blobs: readonly Blobs[]): Promise<boolean> {
  const sizes = await Promise.all(
    blobs.map(async ({ file }) => (await (await folder.getFileHandle(file)).getFile()).size),
  ).catch(() => null);
  return sizes !== null && blobs.every(({ bytes }, i) => sizes[i] === bytes);
}

const lockName = (folderName: string): string => `model-cache/${folderName}`;

/** Held until the returned function is called, or the worker ends. */
function lock(folderName: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(lockName(folderName), () => new Promise<void>((unlock) => resolve(unlock)))
      .catch(reject);
  });
}

async function unlessLocked(folderName: string, action: () => Promise<void>): Promise<void> {
  await navigator.locks.request(lockName(folderName), { ifAvailable: true }, async (held) => {
    if (held !== null) await action();
  });
}
