/**
 * Folders on this machine's disk. A file is written beside its place, flushed and moved there. A lock is a file that names
 * the process holding it; one whose process has ended counts for nothing.
 */
import { openAsBlob } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TrainerError } from '../../support/trainer-error.ts';
import type { FolderStore } from '../../storage/folder-store.ts';

const lockPollMs = 100;
const lockPatienceMs = 60_000;

/** @throws TrainerError "storage-full" or "storage-unavailable" */
export async function openDiskFolders(root: string): Promise<FolderStore> {
  const folders = join(root, 'entries');
  const locks = join(root, 'locks');
  await storage(root, async () => {
    await mkdir(folders, { recursive: true });
    await mkdir(locks, { recursive: true });
  });
  return {
    async folders() {
      const found = await readdir(folders, { withFileTypes: true });
      return found.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    },
    create: (folder) =>
      storage(root, async () => {
        await mkdir(join(folders, folder), { recursive: true });
      }),
    write: (folder, file, bytes) => storage(root, () => writeDurably(join(folders, folder, file), bytes)),
    writeFrom: (folder, file, pieces) =>
      storage(root, () => writeDurably(join(folders, folder, file), pieces)),
    async blob(folder, file) {
      try {
        return await openAsBlob(join(folders, folder, file)); // throws at once where there is none
      } catch {
        return null;
      }
    },
    read: (folder, file) =>
      readFile(join(folders, folder, file)).then(
        (buffer) => new Uint8Array(buffer),
        () => null,
      ),
    sizeOf: (folder, file) =>
      stat(join(folders, folder, file)).then(
        ({ size }) => size,
        () => null,
      ),
    files: (folder) => readdir(join(folders, folder)).catch(() => []),
    removeFile: (folder, file) => rm(join(folders, folder, file), { force: true }).catch(() => undefined),
    remove: (folder) => rm(join(folders, folder), { recursive: true, force: true }).catch(() => undefined),
    async lock(folder) {
      for (;;) {
        const unlock = await storage(root, () => lockWithin(join(locks, folder), lockPatienceMs));
        if (unlock !== null) return unlock;
      }
    },
    tryLock: (folder, waitMs) => storage(root, () => lockWithin(join(locks, folder), waitMs)),
    isLocked: async (folder) => held.has(join(locks, folder)) || isHeldElsewhere(join(locks, folder)),
  };
}

/** Locks held by this process, whose own id says nothing about which part of it holds one. */
const held = new Set<string>();

async function lockWithin(path: string, waitMs: number): Promise<(() => void) | null> {
  for (let waitedMs = 0; ; waitedMs += lockPollMs) {
    const unlock = await tryLock(path);
    if (unlock !== null || waitedMs >= waitMs) return unlock;
    await new Promise((resolve) => setTimeout(resolve, lockPollMs));
  }
}

/** @throws the error of the file system where a lock can neither be had nor is held */
async function tryLock(path: string): Promise<(() => void) | null> {
  if (held.has(path)) return null;
  held.add(path);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return () => {
        held.delete(path);
        void rm(path, { force: true }).catch(() => undefined);
      };
    } catch (error) {
      if (await isHeldElsewhere(path)) break;
      await rm(path, { force: true }).catch(() => undefined); // its process has ended, or it could not be written
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      held.delete(path);
      throw error;
    }
  }
  held.delete(path);
  return null;
}

async function isHeldElsewhere(path: string): Promise<boolean> {
  const pid = Number(await readFile(path, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0); // only asks whether it is there
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whole and on the disk when it resolves; what was at `path` before stays where it fails. */
export async function writeDurably(
  path: string,
  bytes: Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  const part = `${path}.part`;
  const file = await open(part, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(part, { force: true });
    throw error;
  }
  await file.close();
  await rename(part, path);
  await syncFolder(dirname(path));
}

/** So that a rename outlives a loss of power too. Windows knows no such thing. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** What the disk of a folder still takes, which need not be there yet; null where the system does not say. */
export async function diskRoomBytes(folder: string): Promise<number | null> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await statfs(path).catch(() => null);
    if (found !== null) return found.bavail * found.bsize;
    if (path === dirname(path)) return null;
  }
}

export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '');

async function storage<T>(root: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof TrainerError) throw error; // of whoever makes the bytes
    if (isDiskFull(error))
      throw new TrainerError('storage-full', `There is no room left on the disk of ${root}.`, String(error));
    throw new TrainerError('storage-unavailable', `${root} cannot be written.`, String(error));
  }
}
