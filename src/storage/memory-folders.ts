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
    writeFrom: async (folder, file, pieces) => {
      const blob = new Blob((await piecesOf(pieces)) as BlobPart[]);
      folders.get(folder)?.set(file, new Uint8Array(await blob.arrayBuffer()));
    },
    blob: (folder, file) => {
      const bytes = folders.get(folder)?.get(file);
      return Promise.resolve(bytes === undefined ? null : new Blob([bytes as BlobPart]));
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

async function piecesOf(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece.slice()); // it need not be good for longer
  return all;
}
