/**
 * Serves the built page on 127.0.0.1, and for headless runs some local folders and files read-only beside it,
 * plus one address that takes results with PUT. Nothing outside the listed folders can be reached, by nobody but
 * this machine's own pages and programs under this machine's own names.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileInside, mountOf, type Mount } from '../../src/host/node/mounts.ts';
import { commonHeaders, isWorkerFile, nothingPolicy, pagePolicy, workerPolicy } from '../vite/page-policy.ts';
import { CompressedFiles } from './compressed-files.ts';
import { isKnownHost } from './host-names.ts';
import { sendFile } from './send-file.ts';
import { takeFile, writeFailure } from './take-file.ts';

export interface ServeOptions {
  readonly root: string; // the built page
  readonly mounts?: readonly Mount[];
  /** PUT /<prefix>/<name> writes `<path>/<name>`; only these names are taken. */
  readonly inbox?: { readonly prefix: string; readonly path: string; readonly names: readonly string[] };
  readonly port?: number; // wanted; 0 or taken: any free one
  /** Names it may be called by besides this machine's own: of a proxy or a tunnel. */
  readonly hostNames?: readonly string[];
  /** Sources of the content policy for a hub of the user's own. */
  readonly connect?: readonly string[];
  /** "none": a page that is not the product's, and brings libraries that the product's policy would stop. */
  readonly policy?: 'page' | 'none';
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
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.jsonl': 'application/x-ndjson; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** null: no path, but a whole address (which a proxy is asked for), or one that cannot be decoded. */
function decodedPath({ url = '' }: IncomingMessage): string | null {
  if (!url.startsWith('/')) return null;
  try {
    return decodeURIComponent(new URL(`http://localhost${url}`).pathname).replace(/^\/+/, '');
  } catch {
    return null;
  }
}

/** Mounted files are bytes whatever their names: a dataset called x.html is no page, and none is kept by the browser. */
const mountedHeaders = {
  'Content-Type': 'application/octet-stream',
  'Content-Disposition': 'attachment',
  'Cache-Control': 'no-store',
};

function pageHeaders(path: string, { connect = [], policy }: ServeOptions): Record<string, string> {
  const headers = {
    'Content-Type': mediaTypes[extname(path)] ?? 'application/octet-stream',
    'Cache-Control': 'no-cache',
  };
  if (policy === 'none') return headers;
  return {
    ...headers,
    'Content-Security-Policy': isWorkerFile(path) ? workerPolicy(connect) : pagePolicy(connect),
  };
}

function setHeaders(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
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
  const place = { folder: inbox.path, name };
  try {
    await takeFile(place, request);
  } catch (error) {
    request.resume();
    const { isFull, message } = writeFailure(place, error);
    return sendText(response, isFull ? 507 : 500, message);
  }
  response.writeHead(204).end();
}

/** Programs send no Origin and no Sec-Fetch-Site; of browsers only the page that is served here does. */
function isFromOwnPage({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return false;
  return [undefined, 'same-origin', 'none'].includes(headers['sec-fetch-site']);
}

async function answer(
  options: ServeOptions,
  compressed: CompressedFiles,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  setHeaders(response, { ...commonHeaders, 'Content-Security-Policy': nothingPolicy });
  if (!isKnownHost(request.headers.host, options.hostNames))
    return sendText(response, MISDIRECTED, 'this server answers to the names of its own machine only');
  const path = decodedPath(request);
  if (path === null) return sendText(response, 400, 'this address cannot be read');
  const { inbox, mounts = [], root } = options;
  if (request.method === 'PUT' && inbox !== undefined && path.startsWith(`${inbox.prefix}/`)) {
    // Other pages open in other browsers must not write here.
    if (!isFromOwnPage(request)) return sendText(response, 403, 'only the page served here may write');
    return takeResult(request, response, inbox, path.slice(inbox.prefix.length + 1));
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 405, 'read only');
  const mounted = mountOf(mounts, path);
  if (mounted !== null && !isFromOwnPage(request))
    return sendText(response, 403, 'only the page served here may read this');
  const file =
    mounted === null
      ? fileInside(root, path === '' ? 'index.html' : path)
      : fileInside(mounted.mount.path, mounted.rest);
  if (file === null) return sendText(response, 404, `not found: /${path}`);
  if (options.policy === 'none') for (const name of productOnly) response.removeHeader(name);
  setHeaders(response, mounted === null ? pageHeaders(file, options) : mountedHeaders);
  return sendFile(request, response, file, mounted === null ? compressed : null);
}

const MISDIRECTED = 421;
/** An isolated page has shared memory, which changes what a library does. */
const productOnly = ['Content-Security-Policy', 'Cross-Origin-Opener-Policy', 'Cross-Origin-Embedder-Policy'];

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
  const compressed = new CompressedFiles();
  const server = createServer((request, response) => {
    answer(options, compressed, request, response).catch((error: unknown) => {
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
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
