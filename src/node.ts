/**
 * The trainer as a library for programs in Node, `alttrain-web/node`: no browser, no server. Node reads neither TypeScript nor the
 * packages it is made of by itself, so `npm run build:node` bundles it as dist-node/library.js.
 */
import { existsSync, openAsBlob } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetSource, ModelSource } from './api/trainer-api.ts';
import { cacheFolder } from './host/node/cache-folder.ts';
import { openNodeGpu } from './host/node/node-gpu.ts';
import { nodeHost, type NodeHostOptions } from './host/node/node-host.ts';
import { createTrainer as createTrainerOn, type Trainer } from './trainer/trainer.ts';

export * from './library.ts';
export type { NodeHostOptions } from './host/node/node-host.ts';
export type { Mount } from './host/node/mounts.ts';

/** Beside src/ and dist-node/: the demo, its datasets and suites. The package has them as the built page has. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const publicFolder = join(root, existsSync(join(root, 'public')) ? 'public' : 'dist');

let gpu: Promise<GPU | undefined> | null = null;

/**
 * A trainer on this thread, which gets WebGPU's globals: its constants, `navigator.gpu`, and a `setImmediate` that waits a
 * millisecond where the GPU is a software one. `cacheFolder`: the models that `--host node` keeps lie in the same place.
 * Dawn's threads outlive a trainer: a program that is done calls `process.exit()`.
 */
export async function createTrainer(options: Partial<Omit<NodeHostOptions, 'gpu'>> = {}): Promise<Trainer> {
  gpu ??= openNodeGpu();
  return createTrainerOn(nodeHost({ publicFolder, cacheFolder: cacheFolder(), ...options, gpu: await gpu }));
}

/** A folder of this machine in Hugging Face layout, read in ranges. */
export async function modelFolder(path: string): Promise<ModelSource> {
  const folder = resolve(path);
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const files = await Promise.all(names.map((name) => fileOf(join(folder, name))));
  return { kind: 'files', name: basename(folder), path: folder, files };
}

/** A file of this machine with rows, read in ranges. */
export async function datasetFile(path: string): Promise<DatasetSource> {
  return { kind: 'file', name: basename(path), file: await openAsBlob(path) };
}

const fileOf = async (path: string): Promise<File> => new File([await openAsBlob(path)], basename(path));
