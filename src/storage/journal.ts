/**
 * A folder that changes in whole steps. A commit writes its new files under names that were never used, and then a
 * manifest with the SHA-256 of everything: whenever a write is cut off, the commit before it stands.
 *
 * There are two manifests, written in turn, so the older one is whole while the newer one is written. Files that the newest
 * manifest does not name are removed after it is on the disk. What was changed behind our back is noticed by its hash:
 * a damaged manifest gives way to the other one, a damaged file is no file.
 */
import { sha256 } from '../support/sha256.ts';
import type { FolderStore } from './folder-store.ts';
import { fromHashedJson, toHashedJson } from './hashed-json.ts';

interface StoredFile {
  readonly name: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Commit<Content> {
  readonly generation: number; // 1, 2, …
  readonly content: Content;
  readonly files: readonly StoredFile[];
}

export interface JournalState<Content> {
  readonly newest: Commit<Content>;
  /** A newer commit was begun, or damaged since: the one before it is used. */
  readonly passedOver: boolean;
}

const slots = ['a.json', 'b.json'] as const;
const version = 1;

/** null: there is no whole commit in this folder. */
export async function readJournal<Content>(
  store: FolderStore,
  folder: string,
): Promise<JournalState<Content> | null> {
  const found = await Promise.all(
    slots.map(async (slot) => {
      const bytes = await store.read(folder, slot);
      return { isThere: bytes !== null, commit: bytes && (await parseManifest<Content>(bytes)) };
    }),
  );
  const commits = found.flatMap(({ commit }) => (commit === null ? [] : [commit]));
  const [newest] = commits.sort((a, b) => b.generation - a.generation);
  if (newest === undefined) return null;
  return { newest, passedOver: found.some(({ isThere, commit }) => isThere && commit === null) };
}

/** null: the commit has no such file, or it is not what was written. */
export async function readFileOf(
  store: FolderStore,
  folder: string,
  { files }: Pick<Commit<unknown>, 'files'>,
  name: string,
): Promise<Uint8Array | null> {
  const stored = files.find((candidate) => candidate.name === name);
  if (stored === undefined) return null;
  const bytes = await store.read(folder, stored.file);
  return bytes !== null && (await sha256(bytes)) === stored.sha256 ? bytes : null;
}

/** What a commit consists of: content, files that stay as they were, and new ones. */
export interface Change<Content> {
  readonly content: Content; // JSON
  readonly keep: readonly string[]; // names
  readonly add: Readonly<Record<string, Uint8Array>>; // by name
}

/** Only the holder of the folder's lock writes. `before`: its newest commit; null: it is empty. */
export class JournalWriter<Content> {
  readonly #store: FolderStore;
  readonly #folder: string;
  #before: Commit<Content> | null;

  constructor(store: FolderStore, folder: string, before: Commit<Content> | null) {
    this.#store = store;
    this.#folder = folder;
    this.#before = before;
  }

  get files(): readonly StoredFile[] {
    return this.#before?.files ?? [];
  }

  read(name: string): Promise<Uint8Array | null> {
    return readFileOf(this.#store, this.#folder, { files: this.files }, name);
  }

  /** Names of files that were committed and have been taken away since, as when a browser's site data are cleared. */
  async lost(): Promise<string[]> {
    const there = new Set(await this.#store.files(this.#folder));
    return this.files.filter(({ file }) => !there.has(file)).map(({ name }) => name);
  }

  /**
   * On the disk when it resolves; where it fails, the commit before stands. A folder that is not there is made.
   * @throws TrainerError "storage-full", "storage-unavailable"
   */
  async commit({ content, keep, add }: Change<Content>): Promise<void> {
    const generation = (this.#before?.generation ?? 0) + 1;
    await this.#store.create(this.#folder);
    const added = await this.#writeAll(generation, add);
    const files = [...this.files.filter(({ name }) => keep.includes(name) && !(name in add)), ...added];
    const manifest = await toHashedJson({ version, generation, content, files });
    await this.#store.write(this.#folder, slots[generation % slots.length] ?? slots[0], manifest);
    this.#before = { generation, content, files };
    await this.#removeOthers(files);
  }

  async #writeAll(generation: number, add: Change<Content>['add']): Promise<StoredFile[]> {
    const added: StoredFile[] = [];
    const nameOf = (i: number): string => `${generation}-${i}.bin`;
    try {
      for (const [name, bytes] of Object.entries(add)) {
        const file = nameOf(added.length);
        const hash = await sha256(bytes);
        await this.#store.write(this.#folder, file, bytes);
        added.push({ name, file, bytes: bytes.length, sha256: hash });
      }
      return added;
    } catch (error) {
      // Where there is no room, what is of no use shall not take any.
      for (let i = 0; i <= added.length; i++) await this.#store.removeFile(this.#folder, nameOf(i));
      throw error;
    }
  }

  async #removeOthers(files: readonly StoredFile[]): Promise<void> {
    const wanted = new Set<string>([...slots, ...files.map(({ file }) => file)]);
    for (const file of await this.#store.files(this.#folder))
      if (!wanted.has(file)) await this.#store.removeFile(this.#folder, file);
  }
}

/** null where it was cut or changed, or is of another version. */
async function parseManifest<Content>(bytes: Uint8Array): Promise<Commit<Content> | null> {
  const manifest = (await fromHashedJson(bytes)) as (Commit<Content> & { version: number }) | null;
  return manifest?.version === version ? manifest : null;
}
