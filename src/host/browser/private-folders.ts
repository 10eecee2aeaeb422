/** Folders in the origin private file system, and what its refusals mean. Locks are Web Locks: other tabs see them. */
import { TrainerError } from '../../support/trainer-error.ts';
import type { FolderStore } from '../../storage/folder-store.ts';
import type { Room } from '../host.ts';

export async function openPrivateFolders(name: string): Promise<FolderStore> {
  const open = (): Promise<FileSystemDirectoryHandle> =>
    storage(async () => {
      const origin = await navigator.storage.getDirectory();
      return origin.getDirectoryHandle(name, { create: true });
    });
  let root = await open();
  const fileOf = async (folder: string, file: string): Promise<File | null> => {
    try {
      const handle = await (await root.getDirectoryHandle(folder)).getFileHandle(file);
      return await handle.getFile();
    } catch {
      return null; // gone, or just being removed in another tab
    }
  };
  const lockName = (folder: string): string => `${name}/${folder}`;
  return {
    async folders() {
      const found: string[] = [];
      for await (const [entry, handle] of root.entries()) if (handle.kind === 'directory') found.push(entry);
      return found;
    },
    create: async (folder) => {
      root = await open(); // a handle of before is good for nothing once site data were cleared
      await storage(() => root.getDirectoryHandle(folder, { create: true }));
    },
    write: async (folder, file, bytes) =>
      writePieces(await storage(() => root.getDirectoryHandle(folder)), file, [bytes]),
    writeFrom: async (folder, file, pieces) =>
      writePieces(await storage(() => root.getDirectoryHandle(folder)), file, pieces),
    blob: fileOf,
    async read(folder, file) {
      const blob = await fileOf(folder, file);
      return blob === null
        ? null
        : blob.arrayBuffer().then(
            (buffer) => new Uint8Array(buffer),
            () => null,
          );
    },
    sizeOf: async (folder, file) => (await fileOf(folder, file))?.size ?? null,
    async files(folder) {
      const found: string[] = [];
      const handle = await root.getDirectoryHandle(folder).catch(() => null);
      if (handle !== null)
        for await (const [entry, { kind }] of handle.entries()) if (kind === 'file') found.push(entry);
      return found;
    },
    removeFile: async (folder, file) => {
      const handle = await root.getDirectoryHandle(folder).catch(() => null);
      await handle?.removeEntry(file).catch(() => undefined);
    },
    // Gone already, or open in another tab: then that tab's reads fail, or the next sweep finds it.
    remove: (folder) => root.removeEntry(folder, { recursive: true }).catch(() => undefined),
    lock: (folder) =>
      new Promise((resolve, reject) => {
        navigator.locks
          .request(lockName(folder), () => new Promise<void>((unlock) => resolve(unlock)))
          .catch(reject);
      }),
    tryLock: (folder, waitMs) =>
      new Promise((resolve, reject) => {
        const options = waitMs === 0 ? { ifAvailable: true } : { signal: AbortSignal.timeout(waitMs) };
        navigator.locks
          .request(lockName(folder), options, (held) => {
            if (held !== null) return new Promise<void>((unlock) => resolve(unlock));
            resolve(null);
            return undefined;
          })
          .catch((error: unknown) => {
            if (error instanceof DOMException && error.name === 'TimeoutError') resolve(null);
            else reject(error instanceof Error ? error : new Error(String(error)));
          });
      }),
    async isLocked(folder) {
      const { held } = await navigator.locks.query();
      return held?.some(({ name: lock }) => lock === lockName(folder)) === true;
    },
  };
}

const probeName = 'room-probe';

/**
 * What a browser says is left need not be so: Chromium 156 tells every page that 10 GiB are left, whatever its quota is. So a
 * file is made as long, without anything in it, and removed again.
 */
export async function privateRoomFor(bytes: number): Promise<Room> {
  if (!('storage' in navigator)) return { fits: true, bytes: null };
  const { quota, usage } = await navigator.storage.estimate().catch(() => ({ quota: undefined, usage: 0 }));
  const left = quota === undefined || usage === undefined ? null : Math.max(0, quota - usage);
  if (left !== null && left < bytes) return { fits: false, bytes: left };
  return (await isTaken(bytes)) ? { fits: true, bytes: left } : { fits: false, bytes: null };
}

/** true also where it cannot be tried: in a page, or while another tab tries it. */
async function isTaken(bytes: number): Promise<boolean> {
  try {
    const root = await navigator.storage.getDirectory();
    const file = await root.getFileHandle(probeName, { create: true });
    const access = await (file as WritableInWorker).createSyncAccessHandle?.();
    try {
      if (access === undefined) return true;
      access.truncate(bytes);
      return access.getSize() === bytes; // Chromium 156 refuses without a word
    } catch {
      return false;
    } finally {
      access?.close();
      await root.removeEntry(probeName).catch(() => undefined);
    }
  } catch (error) {
    return storageError(error).code !== 'storage-full'; // not even an empty file
  }
}

/** @throws TrainerError "storage-full" or "storage-unavailable" */
async function storage<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storageError(error);
  }
}

function storageError(error: unknown): TrainerError {
  if (error instanceof TrainerError) return error;
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'QuotaExceededError')
    return new TrainerError(
      'storage-full',
      'There is no room left in this browser’s storage.',
      String(error),
    );
  return new TrainerError(
    'storage-unavailable',
    'The browser’s storage for this page cannot be used.',
    String(error),
  );
}

/** A dedicated worker has it; a page, where the trainer may run too, does not. */
interface WritableInWorker {
  createSyncAccessHandle?(): Promise<SyncAccess>;
}
interface SyncAccess {
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** On disk when it returns. Whoever makes the pieces may fail too, with errors of their own. */
async function writePieces(folder: FileSystemDirectoryHandle, name: string, pieces: Pieces): Promise<void> {
  const file = await storage(() => folder.getFileHandle(name, { create: true }));
  const access = await storage(async () => (file as WritableInWorker).createSyncAccessHandle?.());
  if (access === undefined) return writeInPage(file, pieces);
  const taken = (action: () => void): Promise<void> => storage(() => Promise.resolve(action()));
  try {
    await taken(() => access.truncate(0));
    let at = 0;
    for await (const piece of pieces) {
      await taken(() => writeAt(access, at, piece));
      at += piece.length;
    }
    await taken(() => access.flush());
  } finally {
    access.close();
  }
}

function writeAt(access: SyncAccess, start: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    const left = bytes.length - written;
    const count = access.write(bytes.subarray(written), { at: start + written });
    // A full disk is not always an exception: Chromium 156 returns 4294967288, its error −8 read as unsigned.
    if (count === 0 || count > left) throw new DOMException('nothing more is taken', 'QuotaExceededError');
    written += count;
  }
}

/** The file is swapped when its stream is closed. */
async function writeInPage(file: FileSystemFileHandle, pieces: Pieces): Promise<void> {
  const stream = await storage(() => file.createWritable());
  for await (const piece of pieces) await storage(() => stream.write(piece as BufferSource));
  await storage(() => stream.close());
}
