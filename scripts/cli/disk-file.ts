/**
 * A file of this machine as the part of a Blob that is read. Not openAsBlob: the size of its Blob is that of the file modulo 2^32 in
 * Node 20, so a file of 4 GiB and 67 bytes was read as 67 bytes, and it is refused from then on when the file has changed.
 */
import { fstatSync, openSync } from 'node:fs';
import type { FileBytes } from '../../src/api/file-bytes.ts';
import { readRange } from '../../src/host/node/disk-source.ts';

/** @throws the error of the file system when the file cannot be opened */
export function openDiskFile(path: string): FileBytes {
  // Stays open to the end of the process, so that what is read is one file even when the path gets another one.
  const descriptor = openSync(path, 'r');
  const { size } = fstatSync(descriptor);
  return {
    size,
    slice: (start, end) => ({
      arrayBuffer: async () => {
        const bytes = await readRange(descriptor, start, Math.min(end, size));
        if (bytes === null) throw new Error(`${path} became shorter while it was read`);
        return bytes.buffer;
      },
    }),
  };
}
