/** Where this project is, whatever folder a command is started in. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
export const distFolder = join(projectRoot, 'dist');
/** The benchmark page; the site ships without it. */
export const benchFolder = join(projectRoot, 'dist-bench');
/** The trainer for Node. */
export const nodeFolder = join(projectRoot, 'dist-node');
export const publicFolder = join(projectRoot, 'public');
