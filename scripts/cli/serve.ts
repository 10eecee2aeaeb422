/**
 * Serves the built page on 127.0.0.1, and for headless runs some local folders and files read-only beside it,
 * plus one address that takes results with PUT. Nothing outside the listed folders can be reached.
 */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, relative, isAbsolute, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { takeFile, writeFailure } from './take-file.ts';

/** A folder or one file of this machine, readable under `/<prefix>/…`. */
export interface Mount {
  readonly prefix: string; // "local/model"
  readonly path: string;
}

export interface ServeOptions {
  readonly root: string; // the built page
  readonly mounts?: readonly Mount[];
  /** PUT /<prefix>/<name> writes `<path>/<name>`; only these names are taken. */
  readonly inbox?: { readonly prefix: string; readonly path: string; readonly names: readonly string[] };
  readonly port?: number; // wanted; 0 or taken: any free one
}

export interface Served {
  readonly url: string; // "http://127.0.0.1:4173"
  readonly port: number;
  close(): Promise<void>;
}

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.jsonl': 'application/x-ndjson; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** The file a request path means, or null when it leaves the folder (also through a symbolic link) or is no file. */
async function resolveInside(folder: string, requestPath: string): Promise<string | null> {
  if (requestPath.includes('\0')) return null;
  try {
    const root = await realpath(folder);
    const found = await realpath(join(root, requestPath));
    const inside = relative(root, found);
    if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return null;
    return (await stat(found)).isFile() ? found : null;
  } catch {
    return null;
  }
}

/** Hugging Face caches link a model's files to a blob folder beside it: links inside a mounted folder are followed. */
async function resolveMounted(mount: Mount, rest: string): Promise<string | null> {
  const isFile = (await stat(mount.path)).isFile();
  if (isFile) return rest === '' ? mount.path : null;
  if (rest.split(/[/\\]/).includes('..') || rest.includes('\0')) return null;
  const path = join(mount.path, rest);
  return (await stat(path).catch(() => null))?.isFile() ? path : null;
}

function decodedPath(request: IncomingMessage): string | null {
  try {
    return decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname).replace(/^\/+/, '');
  } catch {
    return null;
  }
}

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

/** Mounted files are bytes whatever their names: a dataset called x.html is no page, and none is kept by the browser. */
const mountedHeaders = { 'Content-Type': 'application/octet-stream', 'Cache-Control': 'no-store' };
const pageHeaders = (path: string): typeof mountedHeaders => ({
  'Content-Type': mediaTypes[extname(path)] ?? 'application/octet-stream',
  'Cache-Control': 'no-cache',
});

interface FoundFile {
  readonly path: string;
  readonly headers: typeof mountedHeaders;
}

async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  { path, headers }: FoundFile,
): Promise<void> {
  const { size } = await stat(path);
  const range = parseRange(request.headers.range, size);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('Accept-Ranges', 'bytes');
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${size}`);
    response.writeHead(416).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end}/${size}`);
  response.setHeader('Content-Length', end - start + 1);
  response.writeHead(range === null ? 200 : 206);
  if (request.method === 'HEAD' || size === 0) {
    response.end();
    return;
  }
  await pipeline(createReadStream(path, { start, end }), response);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

async function takeResult(
  request: IncomingMessage,
  response: ServerResponse,
  inbox: NonNullable<ServeOptions['inbox']>,
  name: string,
): Promise<void> {
  if (!inbox.names.includes(name)) {
    request.resume();
    sendText(response, 403, `"${name}" is not expected here`);
    return;
  }
  const path = join(inbox.path, name);
  try {
    await takeFile(path, request);
  } catch (error) {
    request.resume();
    const { isFull, message } = writeFailure(path, error);
    return sendText(response, isFull ? 507 : 500, message);
  }
  response.writeHead(204).end();
}

async function answer(
  options: ServeOptions,
  host: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = decodedPath(request);
  if (path === null) return sendText(response, 400, 'this address cannot be read');
  const { inbox, mounts = [], root } = options;
  if (request.method === 'PUT' && inbox !== undefined && path.startsWith(`${inbox.prefix}/`)) {
    // Other pages open in other browsers must not write here.
    if (request.headers.origin !== undefined && request.headers.origin !== host)
      return sendText(response, 403, 'only the page served here may write');
    return takeResult(request, response, inbox, path.slice(inbox.prefix.length + 1));
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'read only');
  const mount = mounts.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`));
  const file =
    mount === undefined
      ? await resolveInside(root, path === '' ? 'index.html' : path)
      : await resolveMounted(mount, path.slice(mount.prefix.length + 1));
  if (file === null) return sendText(response, 404, `not found: /${path}`);
  const headers = mount === undefined ? pageHeaders(file) : mountedHeaders;
  return sendFile(request, response, { path: file, headers });
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function isPortTaken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'EADDRINUSE' || code === 'EACCES';
}

export async function serve(options: ServeOptions): Promise<Served> {
  let url = '';
  const server = createServer((request, response) => {
    answer(options, url, request, response).catch((error: unknown) => {
      if (!response.headersSent) sendText(response, 500, String(error));
      else response.destroy();
    });
  });
  try {
    await listen(server, options.port ?? 0);
  } catch (error) {
    if (!isPortTaken(error)) throw error;
    await listen(server, 0);
  }
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
