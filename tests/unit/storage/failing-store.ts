/** Folders on a real disk whose operations stop at the n-th one that changes something, as when a process is killed there. */
import type { FolderStore } from '../../../src/storage/folder-store.ts';

export class Killed extends Error {}

/** `changesLeft`: operations that still happen. The one after them is cut in the middle: half of its bytes are written. */
export function killedAfter(store: FolderStore, changesLeft: number): FolderStore {
  let left = changesLeft;
  const change = async (action: () => Promise<void>, halfway = (): Promise<void> => Promise.resolve()) => {
    if (left < 0) throw new Killed();
    if (left-- > 0) return action();
    await halfway();
    throw new Killed();
  };
  return {
    ...store,
    create: (folder) => change(() => store.create(folder)),
    write: (folder, file, bytes) =>
      change(
        () => store.write(folder, file, bytes),
        () => store.write(folder, file, bytes.subarray(0, bytes.length >> 1)),
      ),
    remove: (folder) => change(() => store.remove(folder)),
    removeFile: (folder, file) => change(() => store.removeFile(folder, file)),
  };
}
