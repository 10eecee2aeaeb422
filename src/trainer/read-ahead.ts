/**
 * A file behind an address as the part of a Blob that is read: in blocks, the next one on its way while one is used. Never the
 * whole file: a Blob of gigabytes fills the browser's memory, and the disk after it.
 */
import type { ByteSource } from '../support/byte-source.ts';
import type { FileBytes } from '../api/file-bytes.ts';

const BLOCK_BYTES = 4 << 20;

export function readAhead(source: ByteSource, blockBytes = BLOCK_BYTES): FileBytes {
  const { size } = source;
  const blocks = new Map<number, Promise<Uint8Array>>(); // the two last used, and the next
  let lastUsed = -1;

  const block = (index: number): Promise<Uint8Array> => {
    const known = blocks.get(index);
    if (known !== undefined) return known;
    const start = index * blockBytes;
    const coming = source.read(start, Math.min(start + blockBytes, size));
    coming.catch(() => blocks.delete(index)); // told to whoever uses it, and asked for again
    blocks.set(index, coming);
    return coming;
  };
  const use = (index: number): Promise<Uint8Array> => {
    const used = block(index);
    const isNext = index === lastUsed + 1; // Parquet is read here and there: nothing is fetched ahead of that
    if (isNext && (index + 1) * blockBytes < size) void block(index + 1);
    for (const kept of blocks.keys()) if (kept < index - 1 || kept > index + 1) blocks.delete(kept);
    lastUsed = index;
    return used;
  };
  const bytesOf = async (start: number, end: number): Promise<ArrayBuffer> => {
    if (end <= start) return new ArrayBuffer(0);
    if (end - start > blockBytes) return bufferOf(await source.read(start, end));
    const bytes = new Uint8Array(end - start);
    for (let at = start; at < end;) {
      const index = Math.floor(at / blockBytes);
      const blockStart = index * blockBytes;
      const stop = Math.min(end, blockStart + blockBytes);
      bytes.set((await use(index)).subarray(at - blockStart, stop - blockStart), at - start);
      at = stop;
    }
    return bytes.buffer;
  };
  return {
    size,
    slice: (start, end) => ({ arrayBuffer: () => bytesOf(start, Math.min(end, size)) }),
  };
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  const isWhole = byteLength === buffer.byteLength;
  return (isWhole ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)) as ArrayBuffer;
}
