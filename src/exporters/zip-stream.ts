/** Files as one zip, made while it is read. Stored as they are: weights do not compress. */
import { Zip, ZipPassThrough } from 'fflate';
import { TrainerError } from '../support/trainer-error.ts';
import { bytesIn, type ExportFile } from './export-file.ts';

/** Sizes in a plain zip have 32 bits. */
const mostBytes = 2 ** 32 - 2 ** 20;

/** @throws TrainerError "nothing-to-export" where a zip cannot hold them */
export async function* zipChunks(
  files: readonly ExportFile[],
  modifiedAt: Date = new Date(),
): AsyncIterable<Uint8Array> {
  const bytes = bytesIn(files);
  if (bytes > mostBytes)
    throw new TrainerError(
      'nothing-to-export',
      `The files come to ${(bytes / 2 ** 30).toFixed(1)} GiB, and a zip holds up to 4: choose f16 or bf16, fewer formats, or npm run export, which writes a folder.`,
    );
  let ready: Uint8Array[] = [];
  let failure: Error | null = null;
  const zip = new Zip((error, chunk) => {
    failure ??= error;
    ready.push(chunk);
  });
  const taken = (): Uint8Array[] => {
    if (failure !== null) throw failure;
    const chunks = ready;
    ready = [];
    return chunks;
  };
  for (const file of files) {
    const entry = new ZipPassThrough(file.name);
    entry.mtime = modifiedAt;
    zip.add(entry);
    for await (const chunk of file.chunks()) {
      entry.push(chunk);
      yield* taken();
    }
    entry.push(new Uint8Array(0), true);
    yield* taken();
  }
  zip.end();
  yield* taken();
}

/** For what fits into memory. */
export async function blobOf(
  chunks: AsyncIterable<Uint8Array>,
  type = 'application/octet-stream',
): Promise<Blob> {
  const blobs: Blob[] = [];
  // A blob of each at once: a chunk need not be good for longer than until the next is asked for.
  for await (const chunk of chunks) blobs.push(new Blob([chunk as BlobPart]));
  return new Blob(blobs, { type });
}
