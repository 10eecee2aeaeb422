/** Folders that last as long as their worker: for what must be kept while the browser gives no storage. */
import type { FolderStore } from './folder-store.ts';

export function memoryFolders(): FolderStore {
  const folders = new Map<string, Map<string, Uint8Array>>();
  const locked = new Set<string>();
  const tryLock = (folder: string): Promise<(() => void) | null> => {
    if (locked.has(folder)) return Promise.resolve(null);
    locked.add(folder);
    return Promise.resolve(() => void locked.delete(folder));
  };
  const done = Promise.resolve();
  return {
    folders: () => Promise.resolve([...folders.keys()]),
    create: (folder) => {
      if (!folders.has(folder)) folders.set(folder, new Map());
      return done;
    },
    write: (folder, file, bytes) => {
      folders.get(folder)?.set(file, bytes.slice());
      return done;
    },
    read: (folder, file) => Promise.resolve(folders.get(folder)?.get(file)?.slice() ?? null),
    sizeOf: (folder, file) => Promise.resolve(folders.get(folder)?.get(file)?.length ?? null),
    files: (folder) => Promise.resolve([...(folders.get(folder)?.keys() ?? [])]),
    remove: (folder) => {
      folders.delete(folder);
      return done;
    },
    removeFile: (folder, file) => {
      folders.get(folder)?.delete(file);
      return done;
    },
    lock: async (folder) => {
      const release = await tryLock(folder);
      if (release === null) throw new Error(`${folder} is locked already`);
      return release;
    },
    tryLock,
    isLocked: (folder) => Promise.resolve(locked.has(folder)),
  };
}
