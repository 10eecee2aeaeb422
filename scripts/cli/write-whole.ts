/** A file is replaced by a whole one or stays as it was: written beside it, flushed to the disk, renamed. */
import { closeSync, fsyncSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { openPart, partOf } from './own-path.ts';

/** @throws Error of the file system; what was at `path` is untouched then */
export function writeWhole(path: string, content: string): void {
  const file = openPart(path);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } catch (error) {
    closeSync(file);
    rmSync(partOf(path), { force: true });
    throw error;
  }
  closeSync(file);
  renameSync(partOf(path), path);
}
