import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Files of a folder and of the folders in it, as paths in it. Links are not followed. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
