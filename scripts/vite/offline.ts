/** Tells the service worker (workers/offline.worker.ts) what the build consists of, once everything of it is written. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Plugin } from 'vite';

/** Beside index.html, because a service worker serves what lies below it, and under one name, by which browsers look for a new one. */
export const offlineWorkerFile = 'offline.worker.js';

/** Asked for by one button only: the rows of the paper's comparison are twice the size of everything else. */
const isOnline = (path: string): boolean => path.startsWith('datasets/reproduce/');

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('base64');

/** Writes what lies in a built folder at the head of its service worker, in the place of what stood there. */
export function tellOfflineWorker(folder: string): void {
  const files = Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== offlineWorkerFile)
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [addressOf(relative(folder, path)), path] as const)
      .filter(([address]) => !isOnline(address))
      .sort()
      .map(([address, path]) => [address, `sha256-${sha256(readFileSync(path))}`]),
  );
  const list = JSON.stringify(files);
  const worker = join(folder, offlineWorkerFile);
  const code = readFileSync(worker, 'utf8').replace(/^const OFFLINE_FILES=.*\n/, '');
  writeFileSync(worker, `const OFFLINE_FILES=${list},OFFLINE_VERSION='${sha256(list)}';\n${code}`);
}

/** As the page's own address: some servers send whoever asks for index.html there. */
function addressOf(path: string): string {
  return path === 'index.html' ? './' : path.split(sep).join('/');
}

export const offlineFiles = (): Plugin => ({
  name: 'offline-files',
  apply: 'build',
  writeBundle({ dir = 'dist' }, bundle) {
    if ('index.html' in bundle) tellOfflineWorker(dir); // the benchmark is no page of ours
  },
});
