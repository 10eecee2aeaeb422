/** A file that is made while it is written: an exporter describes files, and whoever has a disk, a folder or a zip takes their bytes. */
import type { ByteSource } from '../support/byte-source.ts';

export interface ExportFile {
  readonly name: string;
  readonly size: number; // bytes
  /** From the beginning, each time it is called. */
  chunks(): AsyncIterable<Uint8Array>;
}

export function bytesFile(name: string, bytes: Uint8Array): ExportFile {
  return {
    name,
    size: bytes.length,
    async *chunks() {
      yield bytes;
    },
  };
}

export const textFile = (name: string, text: string): ExportFile =>
  bytesFile(name, new TextEncoder().encode(text));

const readBytes = 8 * 2 ** 20;

/** A copy of what lies elsewhere. */
export const sourceFile = (name: string, source: ByteSource): ExportFile => ({
  name,
  size: source.size,
  async *chunks() {
    for (let start = 0; start < source.size; start += readBytes)
      yield await source.read(start, Math.min(source.size, start + readBytes));
  },
});

/** Parts one after the other; `size` of each is what its bytes must come to. */
export interface FilePart {
  readonly size: number; // bytes
  chunks(): AsyncIterable<Uint8Array>;
}

export function joinedFile(name: string, parts: readonly FilePart[]): ExportFile {
  return {
    name,
    size: bytesIn(parts),
    async *chunks() {
      for (const part of parts) {
        let left = part.size;
        for await (const chunk of part.chunks()) {
          left -= chunk.length;
          yield chunk;
        }
        if (left !== 0)
          throw new Error(`a part of ${name} has ${part.size - left} bytes, ${part.size} were announced`);
      }
    },
  };
}

export const renamed = (file: ExportFile, name: string): ExportFile => ({
  name,
  size: file.size,
  chunks: () => file.chunks(),
});

export const bytesIn = (files: readonly Pick<ExportFile, 'size'>[]): number =>
  files.reduce((sum, { size }) => sum + size, 0);

/** For small files and tests. */
export async function bytesOf(file: ExportFile): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.size);
  let at = 0;
  for await (const chunk of file.chunks()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
