/** A file is replaced by a whole one or stays as it was: written beside it, flushed to the disk, renamed. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export const partOf = (path: string): string => `${path}.part`;

/** @throws Error of the file system; what was at `path` is untouched then */
export function writeWhole(path: string, content: string): void {
  const part = partOf(path);
  const file = openSync(part, 'w');
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } catch (error) {
    closeSync(file);
    rmSync(part, { force: true });
    throw error;
  }
  closeSync(file);
  renameSync(part, path);
}
