/** A program without a browser as a host: Dawn for WebGPU, files and folders of this machine. */
import { openAsBlob } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { urlSource } from '../../support/byte-source.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import type { Assets, Host, NoteStore } from '../host.ts';
import { diskRoomBytes, openDiskFolders, writeDurably } from './disk-folders.ts';
import { diskSource } from './disk-source.ts';
import { fileInside, mountOf, type Mount } from './mounts.ts';
import { noAdapterAdvice } from './node-gpu.ts';

export interface NodeHostOptions {
  readonly gpu: GPU | undefined;
  /** What the page's server serves: the embedded demo lies in models/demo/ below it. */
  readonly publicFolder: string;
  readonly mounts?: readonly Mount[];
  /** Kept models, stored runs and the choice of kernels lie here; null: nothing is kept. */
  readonly cacheFolder: string | null;
}

export function nodeHost({ gpu, publicFolder, mounts = [], cacheFolder }: NodeHostOptions): Host {
  return {
    gpu,
    gpuAdvice: noAdapterAdvice,
    assets: diskAssets(publicFolder, mounts),
    // Async: where there is no folder it rejects, as the browser does without storage.
    openStore: async (name) => openDiskFolders(join(requireFolder(cacheFolder), name)),
    roomFor: async (bytes) => {
      const left = cacheFolder === null ? null : await diskRoomBytes(cacheFolder);
      return { fits: left === null || bytes <= left, bytes: left };
    },
    notes: cacheFolder === null ? null : diskNotes(cacheFolder),
    nowMs: () => performance.now(),
  };
}

function requireFolder(folder: string | null): string {
  if (folder === null) throw new TrainerError('storage-unavailable', 'This program keeps nothing.');
  return folder;
}

/** The file an address means, as the page's server would find it; null: there is none, or it lies elsewhere. */
export function pathOf(address: string, publicFolder: string, mounts: readonly Mount[]): string | null {
  const path = address.replace(/^\/+/, '');
  const found = mountOf(mounts, path);
  return found === null ? fileInside(publicFolder, path) : fileInside(found.mount.path, found.rest);
}

function diskAssets(publicFolder: string, mounts: readonly Mount[]): Assets {
  return {
    open(address) {
      if (/^https?:/.test(address)) return urlSource(address);
      const path = pathOf(address, publicFolder, mounts);
      return Promise.resolve(path === null ? null : diskSource(path));
    },
    async blob(address) {
      const path = pathOf(address, publicFolder, mounts);
      return path === null ? null : openAsBlob(path).catch(() => null);
    },
  };
}

function diskNotes(folder: string): NoteStore {
  const path = join(folder, 'notes.json');
  const all = async (): Promise<Record<string, string>> => {
    try {
      return JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
    } catch {
      return {}; // none yet, or not whole: they are made again
    }
  };
  return {
    read: async (key) => (await all())[key] ?? null,
    async write(key, value) {
      await mkdir(folder, { recursive: true });
      await writeDurably(path, new TextEncoder().encode(JSON.stringify({ ...(await all()), [key]: value })));
    },
  };
}
