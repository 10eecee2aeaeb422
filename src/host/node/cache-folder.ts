import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the trainer in Node keeps between runs: models of the hub, the choice of kernels. */
export const cacheFolder = (): string =>
  process.env['ALTTRAIN_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'alttrain-web');
