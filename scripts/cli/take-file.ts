/** A result on its way to the disk: the file at its path is the earlier one, whole, until the new one is. */
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDiskFull } from '../../src/host/node/disk-folders.ts';
import { partOf } from './write-whole.ts';

/** @throws Error of the file system; what was at `path` is untouched then */
export async function takeFile(path: string, content: Readable): Promise<void> {
  const part = partOf(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await pipeline(content, createWriteStream(part, { flush: true }));
    await rename(part, path); // a transfer that breaks off leaves the earlier file as it was
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}

export function writeFailure(
  path: string,
  error: unknown,
): { readonly isFull: boolean; readonly message: string } {
  const isFull = isDiskFull(error);
  const kept = existsSync(path) ? ' The one from before is kept as it was.' : '';
  const reason = error instanceof Error ? error.message : String(error);
  const what = isFull
    ? `There is no room on the disk for ${path} (${reason}).`
    : `${path} could not be written: ${reason}.`;
  return { isFull, message: `${what}${kept}` };
}
