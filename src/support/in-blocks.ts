/**
 * Small reads of a file behind an address, answered from blocks of it. A request takes 40 ms in Firefox and longer over a
 * network, whatever it asks for, and half of a model's tensors are a few kilobytes that lie between the large ones.
 */
import type { ByteSource } from './byte-source.ts';

const standardBlockBytes = 2 ** 20;
const mostKept = 4;

/** Reads of a block or more go to `source` as they are. */
export function inBlocks(source: ByteSource, blockBytes = standardBlockBytes): ByteSource {
  const { size } = source;
  const blocks = new Map<number, Promise<Uint8Array>>(); // the last used one is the last

  const block = (index: number): Promise<Uint8Array> => {
    const start = index * blockBytes;
    const known = blocks.get(index) ?? source.read(start, Math.min(start + blockBytes, size));
    known.catch(() => blocks.delete(index)); // told to whoever reads, and asked for again
    blocks.delete(index);
    blocks.set(index, known);
    const [oldest] = blocks.keys();
    if (blocks.size > mostKept && oldest !== undefined) blocks.delete(oldest);
    return known;
  };
  return {
    size,
    async read(start, end) {
      if (end - start >= blockBytes || end > size || end <= start) return source.read(start, end);
      const first = Math.floor(start / blockBytes);
      const last = Math.floor((end - 1) / blockBytes);
      const parts = await Promise.all(first === last ? [block(first)] : [block(first), block(last)]);
      const from = start - first * blockBytes;
      const [head, tail] = parts;
      if (tail === undefined) return head.slice(from, from + (end - start));
      const bytes = new Uint8Array(end - start);
      bytes.set(head.subarray(from));
      bytes.set(tail.subarray(0, end - last * blockBytes), head.length - from);
      return bytes;
    },
  };
}
