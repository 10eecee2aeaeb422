/**
 * A file as byte chunks, unpacked where it is gzipped, so that its size never has to fit into memory.
 * fflate instead of DecompressionStream: it reads files of several gzip members (bgzip, concatenated parts).
 */
import { Gunzip } from 'fflate';
import type { FileBytes } from '../api/file-bytes.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { formatBytes } from '../support/units.ts';

/** Rows of one chunk are in memory at once, and only small texts are collected soon: larger chunks made the heap grow. */
const CHUNK_BYTES = 1 << 16;
/** At most this much goes into the inflater at once; 16 KiB can become 16 MiB. */
const INFLATE_STEP_BYTES = 1 << 14;

/** Text packs 3 to 20 times; a file that grows more than this was made to fill memory. */
const MAX_INFLATION = 100;
/** Below this a high ratio is only a file of repeated rows. */
const INFLATION_IS_HARMLESS_BYTES = 64 << 20;

export interface ByteProgress {
  readonly signal?: AbortSignal;
  /** Bytes of the file itself, packed or not. */
  readonly onBytes?: (done: number, total: number) => void;
}

/** @throws TrainerError "dataset-unreadable", "cancelled" */
export async function* byteChunks(
  blob: FileBytes,
  name: string,
  { signal, onBytes }: ByteProgress = {},
): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < blob.size; start += CHUNK_BYTES) {
    if (signal?.aborted) throw new TrainerError('cancelled', `Reading ${name} was cancelled.`);
    const end = Math.min(start + CHUNK_BYTES, blob.size);
    const chunk = await readSlice(blob, start, end, name);
    onBytes?.(start, blob.size);
    yield chunk;
  }
  onBytes?.(blob.size, blob.size);
}

export async function readSlice(
  blob: FileBytes,
  start: number,
  end: number,
  name: string,
): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.slice(start, end).arrayBuffer());
  } catch (error) {
    // The browser refuses when a picked file was changed, moved or is too large for memory.
    throw new TrainerError(
      'dataset-unreadable',
      `${name} could not be read. Choose the file again.`,
      String(error),
    );
  }
}

export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** @throws TrainerError "dataset-unreadable" when it is damaged, cut short, or a zip bomb. */
export async function* inflated(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let packedBytes = 0;
  let bytes = 0;
  const gunzip = new Gunzip((data) => {
    pending.push(data);
    bytes += data.length;
  });
  const push = (part: Uint8Array, isLast: boolean): void => {
    try {
      gunzip.push(part, isLast);
    } catch (error) {
      throw new TrainerError(
        'dataset-unreadable',
        `${name} is not a complete gzip file. Download it again, or unpack it first.`,
        String(error),
      );
    }
    packedBytes += part.length;
    if (bytes > INFLATION_IS_HARMLESS_BYTES && bytes > MAX_INFLATION * packedBytes)
      throw new TrainerError(
        'dataset-unreadable',
        `${name} grows more than ${MAX_INFLATION}-fold when it is unpacked (${formatBytes(bytes)} so far), as no text does. If it is meant, unpack it first.`,
      );
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += INFLATE_STEP_BYTES) {
      push(chunk.subarray(at, at + INFLATE_STEP_BYTES), false);
      yield* pending;
      pending = [];
    }
  }
  push(new Uint8Array(0), true);
  yield* pending;
}
