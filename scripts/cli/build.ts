/** Builds the page into dist/, and tells whether the build there is older than what it was made from. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'vite';
import { distFolder, projectRoot } from './paths.ts';

const sources = [
  'index.html',
  'package.json',
  'package-lock.json',
  'vite.config.ts',
  'src',
  'workers',
  'public',
  'scripts/vite',
  'tests/bench',
];

function newestChange(path: string): number {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(path).reduce(
    (newest, name) => Math.max(newest, newestChange(join(path, name))),
    stats.mtimeMs, // a removed file changes its folder
  );
}

export function distIsFresh(): boolean {
  const built = join(distFolder, 'index.html');
  if (!existsSync(built)) return false;
  const builtAt = statSync(built).mtimeMs;
  return sources.every((source) => newestChange(join(projectRoot, source)) <= builtAt);
}

/** Built beside dist/ and moved into place, so a page being served never sees half a build. */
export async function buildDist(): Promise<void> {
  const startedAt = new Date();
  const fresh = join(projectRoot, '.cache', `dist-${process.pid}`);
  try {
    await build({ root: projectRoot, logLevel: 'warn', build: { outDir: fresh, emptyOutDir: true } });
    await utimes(join(fresh, 'index.html'), startedAt, startedAt); // a source saved while building counts as newer
    await rm(distFolder, { recursive: true, force: true });
    await rename(fresh, distFolder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

export async function ensureDist({ say }: { say: (line: string) => void }): Promise<void> {
  if (distIsFresh()) return;
  say('Building the page …');
  await buildDist();
}
