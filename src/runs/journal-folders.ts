/** What the stores of journals do with their folders alike: who holds one, which there are, which were never begun. */
import type { FolderStore } from '../storage/folder-store.ts';
import { readJournal, type Commit } from '../storage/journal.ts';
import { TrainerError } from '../support/trainer-error.ts';

/** A worker that was ended keeps its locks until the browser has taken it apart. */
const endedHolderMs = 3000;

/** The lock of a folder. @throws TrainerError "run-in-use" with `inUse` */
export async function holdFolder(store: FolderStore, id: string, inUse: string): Promise<() => void> {
  const release = await store.tryLock(id, endedHolderMs);
  if (release !== null) return release;
  throw new TrainerError('run-in-use', inUse);
}

export interface ListedJournal<Content> {
  readonly id: string;
  readonly newest: Commit<Content>;
  readonly isHeld: boolean;
}

/** Every journal. What was begun and never saved is swept away. */
export async function listJournals<Content>(store: FolderStore): Promise<ListedJournal<Content>[]> {
  const found: ListedJournal<Content>[] = [];
  for (const id of await store.folders()) {
    const state = await readJournal<Content>(store, id);
    if (state === null) await sweep(store, id);
    else found.push({ id, newest: state.newest, isHeld: await store.isLocked(id) });
  }
  return found;
}

/** One that is just being begun is locked, and stays. */
async function sweep(store: FolderStore, id: string): Promise<void> {
  const release = await store.tryLock(id, 0);
  if (release === null) return;
  if ((await readJournal(store, id)) === null) await store.remove(id);
  release();
}
