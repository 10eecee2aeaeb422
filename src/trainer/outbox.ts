/**
 * Large results on their way out. A merged model of gigabytes neither fits into a tab nor into what browsers hold of blobs, so that it is
 * written into a file of the host's store, and what is given away is that file. Nobody says when a browser has copied it: the results
 * before the last two go when the next one is made, and those of a tab that was closed with it.
 */
import { removeUnlessHeld, type FolderStore } from '../storage/folder-store.ts';
import type { Host } from '../host/host.ts';
import { blobOf } from '../exporters/zip-stream.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { formatBytes } from '../support/units.ts';

export const outboxStore = 'outbox';

/** Files that leave together. */
export interface Parcel {
  /** Whole when it resolves. */
  add(pieces: AsyncIterable<Uint8Array>, type?: string): Promise<Blob>;
  /** Its blobs can no longer be read. */
  discard(): Promise<void>;
}

/** Up to here memory does. */
const smallBytes = 64 * 2 ** 20;
/** Without storage, as in some private windows: browsers keep a blob of so many bytes, and give up one of several gigabytes. */
const mostBlobBytes = 2 ** 30;
const keptParcels = 2;

const inMemory: Parcel = { add: blobOf, discard: () => Promise.resolve() };

export class Outbox {
  readonly #host: Pick<Host, 'openStore' | 'roomFor'>;
  readonly #mine: Parcel[] = [];
  #swept: Promise<void> | null = null;
  #store: Promise<FolderStore | null> | null = null;

  constructor(host: Pick<Host, 'openStore' | 'roomFor'>) {
    this.#host = host;
  }

  #open(): Promise<FolderStore | null> {
    return (this.#store ??= this.#host.openStore(outboxStore).catch(() => null));
  }

  /** For files of so many bytes in all. @throws TrainerError "storage-full" where they have no room */
  async begin(bytes: number): Promise<Parcel> {
    if (bytes <= smallBytes) return inMemory;
    const store = await this.#open();
    if (store === null) {
      if (bytes <= mostBlobBytes) return inMemory;
      throw noRoom(bytes, 'gives this page no storage for it');
    }
    while (this.#mine.length >= keptParcels) await this.#mine.shift()?.discard();
    await this.sweep();
    const room = await this.#host.roomFor(bytes);
    if (!room.fits)
      throw noRoom(bytes, room.bytes === null ? 'has less room' : `has room for ${formatBytes(room.bytes)}`);
    return this.#parcelIn(store);
  }

  async #parcelIn(store: FolderStore): Promise<Parcel> {
    const folder = crypto.randomUUID();
    const unlock = await store.lock(folder);
    let count = 0;
    let isThere = true;
    const discard = async (): Promise<void> => {
      if (!isThere) return;
      isThere = false;
      await store.remove(folder);
      unlock();
    };
    const attempt = async <T>(action: () => Promise<T>): Promise<T> => {
      try {
        return await action();
      } catch (error) {
        await discard();
        throw error;
      }
    };
    await attempt(() => store.create(folder));
    const parcel: Parcel = {
      discard,
      add: (pieces, type = 'application/octet-stream') =>
        attempt(async () => {
          const file = String(count++);
          await store.writeFrom(folder, file, pieces);
          const blob = await store.blob(folder, file);
          if (blob === null)
            throw new TrainerError('storage-unavailable', 'The file that was just written is gone.');
          return blob.slice(0, blob.size, type);
        }),
    };
    this.#mine.push(parcel);
    return parcel;
  }

  /** `sweep`, once for each trainer. */
  sweepOnce(): Promise<void> {
    return (this.#swept ??= this.sweep());
  }

  /** Removes what tabs have left that are closed. */
  async sweep(): Promise<void> {
    const store = await this.#open();
    if (store === null) return;
    for (const folder of await store.folders()) await removeUnlessHeld(store, folder);
  }
}

const noRoom = (bytes: number, why: string): TrainerError =>
  new TrainerError(
    'storage-full',
    `The export takes ${formatBytes(bytes)} in this browser’s storage until it is downloaded, and the browser ${why}. Free some room, choose f16 or bf16 or fewer formats, or use npm run export, which writes a folder.`,
  );
