/** Folders of files, one level deep: all that the modules of storage/ need of a host's file system. */
export interface FolderStore {
  folders(): Promise<string[]>;
  create(folder: string): Promise<void>;
  /** On disk when it resolves. @throws TrainerError "storage-full" or "storage-unavailable" */
  write(folder: string, file: string, bytes: Uint8Array): Promise<void>;
  /** As `write`, piece by piece; no more than a piece is held in memory. What is there when a piece fails is of no use. */
  writeFrom(folder: string, file: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
  /** The file itself, which is read when the blob is, and must stay until then. null: there is no such file. */
  blob(folder: string, file: string): Promise<Blob | null>;
  /** null: there is no such file, or it cannot be read. */
  read(folder: string, file: string): Promise<Uint8Array | null>;
  /** Bytes; null: there is no such file. */
  sizeOf(folder: string, file: string): Promise<number | null>;
  /** Names of its files; none where there is no such folder. */
  files(folder: string): Promise<string[]>;
  /** Nothing where it is gone already, or cannot go. */
  remove(folder: string): Promise<void>;
  /** As `remove`, of one file. */
  removeFile(folder: string, file: string): Promise<void>;
  /** Held until the returned function is called, or its holder ends. */
  lock(folder: string): Promise<() => void>;
  /** As `lock`; null where somebody, here or elsewhere, still holds it after so many milliseconds. */
  tryLock(folder: string, waitMs: number): Promise<(() => void) | null>;
  /** Asked without taking it. A holder that ended a moment ago may still count. */
  isLocked(folder: string): Promise<boolean>;
}

/** What somebody who has ended left, as the rest of an interrupted write; nothing that is under way, here or elsewhere. */
export async function removeUnlessHeld(store: FolderStore, folder: string): Promise<void> {
  const unlock = await store.tryLock(folder, 0);
  if (unlock === null) return;
  await store.remove(folder);
  unlock();
}
