/** Files of an export onto the disk, piece by piece; each is whole, or not there. */
import { closeSync, fsyncSync, mkdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ExportFile } from '../../src/exporters/export-file.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { reasonOf } from './inputs.ts';
import { openPart, partOf } from './own-path.ts';

/** @throws TrainerError "storage-full" where the disk does not take it */
export async function writeExport(folder: string, file: ExportFile): Promise<void> {
  const path = join(folder, file.name);
  mkdirSync(dirname(path), { recursive: true });
  const part = openPart(path);
  let isOpen = true;
  try {
    for await (const chunk of file.chunks()) writeAll(part, chunk, path);
    fsyncSync(part);
    closeSync(part);
    isOpen = false;
    renameSync(partOf(path), path);
  } catch (error) {
    if (isOpen) closeSync(part);
    rmSync(partOf(path), { force: true });
    throw error;
  }
}

function writeAll(descriptor: number, chunk: Uint8Array, path: string): void {
  try {
    for (let done = 0; done < chunk.length;) done += writeSync(descriptor, chunk, done);
  } catch (error) {
    throw new TrainerError('storage-full', `${path} could not be written: ${reasonOf(error)}.`);
  }
}
