/**
 * Files of the page, compressed once and held in memory: most of what a first visit waits for is text. Of a file that is
 * asked for in parts, or by a program that names no encoding, the bytes go out as they lie there.
 */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

export type Encoding = 'br' | 'gzip';

const compressible = new Set(['.html', '.js', '.mjs', '.css', '.json', '.jsonl', '.svg', '.txt']);
const leastBytes = 1024; // smaller ones fit into the first packet anyway
const brotliQuality = 5; // 2.9 MB of script in 0.4 s; 9 saves three percent more and takes four times as long

export const isCompressible = (path: string, size: number): boolean =>
  size >= leastBytes && compressible.has(extname(path));

/** What an Accept-Encoding header allows, the smaller first; null: the bytes as they are. */
export function chosenEncoding(header: string | undefined): Encoding | null {
  const weights = new Map<string, number>();
  for (const part of (header ?? '').split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const given = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = given === undefined ? 1 : Number(given.slice(2));
    if (name !== '') weights.set(name, Number.isNaN(weight) ? 0 : weight);
  }
  const weightOf = (encoding: string): number => weights.get(encoding) ?? weights.get('*') ?? 0;
  const [best, second] = [weightOf('br'), weightOf('gzip')];
  if (best === 0 && second === 0) return null;
  return best >= second ? 'br' : 'gzip';
}

const compress: Readonly<Record<Encoding, (bytes: Buffer) => Promise<Buffer>>> = {
  br: (bytes) =>
    promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: brotliQuality,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  gzip: (bytes) => promisify(gzip)(bytes),
};

export class CompressedFiles {
  /** The latest version of each path and encoding. */
  readonly #held = new Map<string, { readonly etag: string; readonly bytes: Promise<Buffer> }>();

  /** `etag`: of the file as it lies there, and so of what is made of it. */
  get(path: string, etag: string, encoding: Encoding): Promise<Buffer> {
    const key = `${encoding} ${path}`;
    const held = this.#held.get(key);
    if (held?.etag === etag) return held.bytes;
    const bytes = readFile(path).then(compress[encoding]);
    this.#held.set(key, { etag, bytes });
    bytes.catch(() => this.#held.delete(key));
    return bytes;
  }
}
