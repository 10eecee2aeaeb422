/** A file as an answer: whole, in part, or not again where the asker has it. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { chosenEncoding, isCompressible, type CompressedFiles } from './compressed-files.ts';

interface ByteRange {
  readonly start: number;
  readonly end: number; // inclusive
}

/** One `bytes=a-b` range; null: the whole file; "unsatisfiable": 416. */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return null;
  const [, first = '', last = ''] = match;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size || start > end) return 'unsatisfiable';
  return { start, end };
}

/** Another one whenever the file is written or replaced. */
const etagOf = ({ ino, size, mtimeNs }: BigIntStats): string =>
  `"${ino.toString(36)}-${size.toString(36)}-${mtimeNs.toString(36)}"`;

function isHeld(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}

/** A path that has just been found to be a file: nothing that takes its place is followed (a link) or waited for (a pipe). */
const asFound = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  compressed: CompressedFiles | null = null, // null: the bytes as they are, whoever asks
): Promise<void> {
  const file = await open(path, asFound);
  try {
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) return void response.writeHead(404).end();
    const size = Number(stats.size);
    const plainTag = etagOf(stats);
    const mayCompress = compressed !== null && isCompressible(path, size);
    const encoding =
      mayCompress && request.headers.range === undefined
        ? chosenEncoding(request.headers['accept-encoding'])
        : null;
    // Other bytes, another tag.
    const etag = encoding === null ? plainTag : `${plainTag.slice(0, -1)}-${encoding}"`;
    response.setHeader('ETag', etag);
    if (mayCompress) response.setHeader('Vary', 'Accept-Encoding');
    if (encoding === null) response.setHeader('Accept-Ranges', 'bytes');
    if (isHeld(request.headers['if-none-match'], etag)) return void response.writeHead(304).end();
    if (encoding !== null && compressed !== null) {
      const bytes = await compressed.get(path, plainTag, encoding);
      response.setHeader('Content-Encoding', encoding);
      response.setHeader('Content-Length', bytes.length);
      response.writeHead(200);
      return void response.end(request.method === 'HEAD' ? undefined : bytes);
    }
    const isSameFile = [undefined, etag].includes(request.headers['if-range'] as string | undefined);
    const range = isSameFile ? parseRange(request.headers.range, size) : null;
    if (range === 'unsatisfiable') {
      response.setHeader('Content-Range', `bytes */${size}`);
      return void response.writeHead(416).end();
    }
    const { start, end } = range ?? { start: 0, end: size - 1 };
    if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`);
    response.setHeader('Content-Length', end - start + 1);
    response.writeHead(range === null ? 200 : 206);
    if (request.method === 'HEAD' || size === 0) return void response.end();
    await pipeline(file.createReadStream({ start, end, autoClose: false }), response);
  } finally {
    await file.close();
  }
}
