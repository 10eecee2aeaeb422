/** Where this project is, whatever folder a command is started in. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
export const distFolder = join(projectRoot, 'dist');
/** The benchmark page; the site ships without it. */
export const benchFolder = join(projectRoot, 'dist-bench');
/** The trainer for Node. */
export const nodeFolder = join(projectRoot, 'dist-node');
export const publicFolder = join(projectRoot, 'public');

/** What the trainer in Node keeps between runs: models of the hub, the choice of kernels. */
export const cacheFolder = (): string =>
  process.env['ALTTRAIN_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'alttrain-web');
