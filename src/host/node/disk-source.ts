/** A file of this machine with random access. */
import { fstatSync, openSync, read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import type { ByteSource } from '../../support/byte-source.ts';
import { TrainerError } from '../../support/trainer-error.ts';

const readFrom = promisify(readCallback);

/**
 * null: there is no such file. It stays open to the end of the process, so that what is read is one file even when the
 * path gets another one.
 */
export function diskSource(path: string): ByteSource | null {
  const descriptor = openIfFile(path);
  if (descriptor === null) return null;
  return {
    size: fstatSync(descriptor).size,
    async read(start, end) {
      const bytes = await readRange(descriptor, start, end);
      if (bytes !== null) return bytes;
      throw new TrainerError('model-file-invalid', `${path} became shorter while it was read.`);
    },
  };
}

/** Bytes [start, end) of an open file; null: it ends before. */
export async function readRange(
  descriptor: number,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const bytes = new Uint8Array(Math.max(0, end - start));
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await readFrom(descriptor, bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) return null;
    done += bytesRead;
  }
  return bytes;
}

function openIfFile(path: string): number | null {
  try {
    const descriptor = openSync(path, 'r');
    return fstatSync(descriptor).isFile() ? descriptor : null;
  } catch {
    return null;
  }
}
