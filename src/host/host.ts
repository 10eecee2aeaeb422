/**
 * What the trainer needs of the place it runs in: a GPU, the files that come with the app, a store, a clock. Everything
 * outside is reached through it, so that a page, a worker, a test and a program without a browser run the same code.
 */
import type { ByteSource } from '../support/byte-source.ts';
import type { FolderStore } from '../storage/folder-store.ts';

export interface Host {
  /** undefined: there is no WebGPU here. */
  readonly gpu: GPU | undefined;
  /** What the user can do where there is no WebGPU, or no adapter. */
  readonly gpuAdvice: string;
  readonly assets: Assets;
  /** Folders called `name` that outlive the trainer. @throws TrainerError "storage-unavailable" */
  openStore(name: string): Promise<FolderStore>;
  /** Whether stores can take so many bytes more. */
  roomFor(bytes: number): Promise<Room>;
  /** Short texts that outlive the trainer; null: there is no place for them. */
  readonly notes: NoteStore | null;
  readonly nowMs: () => number;
}

export interface Room {
  readonly fits: boolean; // also where the host cannot tell
  readonly bytes: number | null; // what is left; null: it does not say
}

/** Files by address: relative to the app ("models/demo/config.json"), or absolute. */
export interface Assets {
  /** Random access, for files too large to hold. null: there is no such file. */
  open(address: string): Promise<ByteSource | null>;
  /** Whole. null: there is no such file. */
  blob(address: string): Promise<Blob | null>;
}

export interface NoteStore {
  read(key: string): Promise<string | null>;
  write(key: string, value: string): Promise<void>;
}
