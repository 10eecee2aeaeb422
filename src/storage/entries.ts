/**
 * What is kept for later, as entries: blobs by name, and a manifest.
 *
 * An entry is a folder. Its manifest is written last and carries a hash of itself: a folder without a whole manifest is
 * the rest of an interrupted write, and does not exist for anybody. Every blob is checked by size when an entry is opened
 * and by SHA-256 when it is read; an entry that fails is removed. A lock per folder tells a write that is under way
 * elsewhere (another tab, another process) from one that was interrupted.
 */
import { TrainerError } from '../support/trainer-error.ts';
import { sha256 } from '../support/sha256.ts';
import { removeUnlessHeld, type FolderStore } from './folder-store.ts';
import { fromHashedJson, toHashedJson } from './hashed-json.ts';

/** Flat and of texts: entries with equal fields are the same entry. */
export type EntryKey = Readonly<Record<string, string>>;

export interface EntryInfo<Key extends EntryKey, Content> {
  readonly key: Key;
  readonly content: Content;
  readonly bytes: number;
  readonly createdMs: number; // since 1970
}

export interface OpenEntry<Content> {
  readonly content: Content;
  /** In the order they were written. */
  readonly blobs: readonly { readonly name: string; readonly bytes: number }[];
  /** @throws TrainerError "cache-damaged" after removing the entry. */
  read(name: string): Promise<Uint8Array>;
}

export interface EntryWriter<Content> {
  /** @throws TrainerError "storage-full" */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Makes the entry visible, in the place of one with the same key. `content` is JSON. */
  publish(content: Content): Promise<void>;
  /** Removes what was written. Nothing after `publish`. */
  abort(): Promise<void>;
}

export interface Entries<Key extends EntryKey, Content> {
  /** The newest first. */
  list(): Promise<EntryInfo<Key, Content>[]>;
  /** null: not kept, or no longer whole (then it is gone). */
  open(key: Key): Promise<OpenEntry<Content> | null>;
  create(key: Key): Promise<EntryWriter<Content>>;
  remove(key: Key): Promise<void>;
  removeAll(): Promise<void>;
}

interface Blobs {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}
interface Manifest<Key, Content> {
  readonly version: 1;
  readonly key: Key;
  readonly createdMs: number;
  readonly blobs: readonly Blobs[];
  readonly content: Content;
}
interface Found<Key, Content> {
  readonly folder: string;
  readonly manifest: Manifest<Key, Content>;
}

const manifestName = 'manifest.json';

/** `nameOf`: an entry in an error message, e.g. "kept model owner/name". */
export function openEntries<Key extends EntryKey, Content>(
  store: FolderStore,
  nameOf: (key: Key) => string,
): Entries<Key, Content> {
  /** All whole entries, the newest first; rests of interrupted writes are swept away. */
  const findAll = async (): Promise<Found<Key, Content>[]> => {
    const found: Found<Key, Content>[] = [];
    for (const folder of await store.folders()) {
      const manifest = await readManifest<Key, Content>(store, folder);
      if (manifest !== null && (await hasAllBlobs(store, folder, manifest.blobs)))
        found.push({ folder, manifest });
      else await removeUnlessHeld(store, folder);
    }
    return found.sort((a, b) => b.manifest.createdMs - a.manifest.createdMs);
  };
  const findOne = async (key: Key): Promise<Found<Key, Content>[]> =>
    (await findAll()).filter(({ manifest }) => isSameKey(manifest.key, key));

  return {
    list: async () =>
      (await findAll()).map(({ manifest: { key, createdMs, blobs, content } }) => ({
        key,
        content,
        createdMs,
        bytes: blobs.reduce((sum, blob) => sum + blob.bytes, 0),
      })),

    async open(key) {
      const [entry] = await findOne(key);
      if (entry === undefined) return null;
      const { folder, manifest } = entry;
      return {
        content: manifest.content,
        blobs: manifest.blobs.map(({ name, bytes }) => ({ name, bytes })),
        async read(name) {
          const blob = manifest.blobs.find((candidate) => candidate.name === name);
          if (blob === undefined)
            throw new TrainerError('internal', `The ${nameOf(key)} has no part "${name}".`);
          const bytes = await store.read(folder, blob.file);
          if (bytes !== null && (await sha256(bytes)) === blob.sha256) return bytes;
          await store.remove(folder);
          throw new TrainerError(
            'cache-damaged',
            `"${name}" of the ${nameOf(key)} is not what was written, so the copy was removed. Load it again.`,
          );
        },
      };
    },

    async create(key) {
      const folder = crypto.randomUUID();
      const unlock = await store.lock(folder);
      await store.create(folder);
      const blobs: Blobs[] = [];
      let isOpen = true;
      const giveUp = async (): Promise<void> => {
        if (!isOpen) return;
        isOpen = false;
        await store.remove(folder);
        unlock();
      };
      const whileOpen = async (action: () => Promise<void>): Promise<void> => {
        if (!isOpen) throw new TrainerError('internal', `The ${nameOf(key)} is closed already.`);
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
            await store.write(folder, file, bytes);
            blobs.push({ name, file, bytes: bytes.length, sha256: await sha256(bytes) });
          }),
        publish: (content) =>
          whileOpen(async () => {
            const older = await findOne(key);
            const manifest: Manifest<Key, Content> = {
              version: 1,
              key,
              createdMs: Date.now(),
              blobs,
              content,
            };
            await store.write(folder, manifestName, await toHashedJson(manifest));
            isOpen = false;
            unlock();
            for (const entry of older) await store.remove(entry.folder);
          }),
        abort: giveUp,
      };
    },

    remove: async (key) => {
      for (const { folder } of await findOne(key)) await store.remove(folder);
    },
    removeAll: async () => {
      for (const { folder } of await findAll()) await store.remove(folder);
    },
  };
}

function isSameKey(a: EntryKey, b: EntryKey): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** null where it is missing, half-written, changed or of another version. */
async function readManifest<Key, Content>(
  store: FolderStore,
  folder: string,
): Promise<Manifest<Key, Content> | null> {
  const bytes = await store.read(folder, manifestName);
  if (bytes === null) return null;
  const manifest = (await fromHashedJson(bytes)) as Manifest<Key, Content> | null;
  return manifest?.version === 1 ? manifest : null;
}

/** All at once: hundreds of files, a millisecond each. */
async function hasAllBlobs(store: FolderStore, folder: string, blobs: readonly Blobs[]): Promise<boolean> {
  const sizes = await Promise.all(blobs.map(({ file }) => store.sizeOf(folder, file)));
  return blobs.every(({ bytes }, i) => sizes[i] === bytes);
}
