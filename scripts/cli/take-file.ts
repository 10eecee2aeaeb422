/** A result on its way to the disk: the file at its path is the earlier one, whole, until the new one is. */
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { isDiskFull } from '../../src/host/node/disk-folders.ts';
import { checkpointName, formerCheckpointName } from '../../src/headless/commands.ts';
import { openPart, partOf, whyNotBelow } from './own-path.ts';

export interface ResultPlace {
  readonly folder: string; // of the run
  readonly name: string; // "checkpoint/checkpoint.safetensors"
}

/** What keeps the file before it, under which name. */
const formerNames: Readonly<Record<string, string>> = { [checkpointName]: formerCheckpointName };

/** @throws Error of the file system, or saying that something leads elsewhere; what was there is untouched then */
export async function takeFile({ folder, name }: ResultPlace, content: Readable): Promise<void> {
  const hindrance = whyNotBelow(folder, name);
  if (hindrance !== null) throw new Error(hindrance);
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  const fd = openPart(path);
  try {
    await pipeline(content, createWriteStream('', { fd, flush: true }));
    const former = formerNames[name];
    if (former !== undefined && existsSync(path) && whyNotBelow(folder, former) === null)
      await rename(path, join(folder, former));
    await rename(partOf(path), path); // a transfer that breaks off leaves the earlier file as it was
  } catch (error) {
    await rm(partOf(path), { force: true }).catch(() => undefined);
    throw error;
  }
}

export function writeFailure(
  { folder, name }: ResultPlace,
  error: unknown,
): { readonly isFull: boolean; readonly message: string } {
  const path = join(folder, name);
  const isFull = isDiskFull(error);
  const kept = existsSync(path) ? ' The one from before is kept as it was.' : '';
  const reason = error instanceof Error ? error.message : String(error);
  const what = isFull
    ? `There is no room on the disk for ${path} (${reason}).`
    : `${path} could not be written: ${reason}.`;
  return { isFull, message: `${what}${kept}` };
}

/** The same, with what went wrong as an error with a code; one of its own that the content throws stays what it is. */
export async function putFile(place: ResultPlace, content: Readable): Promise<void> {
  try {
    await takeFile(place, content);
  } catch (error) {
    if (error instanceof TrainerError) throw error;
    const { isFull, message } = writeFailure(place, error);
    throw new TrainerError(isFull ? 'storage-full' : 'internal', message);
  }
}
