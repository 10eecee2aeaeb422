/**
 * A server that behaves like the Hugging Face Hub, for tests: metadata, `resolve` with ranges and redirects to a second
 * server (the hub's CDN is another host), gated repositories, and faults on demand. Both servers note what they were asked.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HubUploads, type UploadedRepo } from './hub-uploads.ts';
import { parseRange } from '../../scripts/cli/send-file.ts';

export interface HubRepo {
  readonly type?: 'dataset'; // default: a model
  readonly id: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly token?: string; // gated: only with this token
  readonly revisions?: readonly string[]; // besides "main" and the commit
}

/** What goes wrong, for requests whose path contains `path`; `times`: how often, then all is well. */
export interface HubFault {
  readonly path: string;
  readonly times?: number; // default: always
  readonly on?: 'hub' | 'cdn' | 'metadata';
  readonly fault:
    | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
    | { readonly kind: 'drop'; readonly afterBytes: number } // the connection breaks
    | { readonly kind: 'short'; readonly afterBytes: number } // the body ends properly, too early
    | { readonly kind: 'long'; readonly extraBytes: number } // more than was asked for
    | { readonly kind: 'wrong-size'; readonly size: number } // in X-Linked-Size and Content-Range
    | { readonly kind: 'etag'; readonly etag: string } // another ETag than before
    | { readonly kind: 'flip'; readonly at: number } // one byte of the file is another
    | { readonly kind: 'silent' } // nothing is answered
    | { readonly kind: 'stall'; readonly afterBytes: number } // nothing more comes
    | { readonly kind: 'no-ranges' }
    | { readonly kind: 'text'; readonly body: string }; // 200 with something else
}

export interface HubRequest {
  readonly server: 'hub' | 'cdn';
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

export interface HubServer {
  readonly url: string;
  readonly requests: readonly HubRequest[];
  /** By id: what was made or added to by uploads. */
  readonly uploaded: ReadonlyMap<string, UploadedRepo>;
  setFaults(faults: readonly HubFault[]): void;
  clear(): void; // faults and requests
  close(): Promise<void>;
}

/** Computed once per content: files may be gigabytes. */
function remembered<Key extends object>(compute: (key: Key) => string): (key: Key) => string {
  const known = new WeakMap<Key, string>();
  return (key) => {
    const value = known.get(key) ?? compute(key);
    known.set(key, value);
    return value;
  };
}
const hexDigest = (algorithm: string, ...parts: readonly (string | Uint8Array)[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest('hex');

export const commitOf = remembered((repo: HubRepo) =>
  hexDigest('sha1', ...Object.entries(repo.files).flat()),
);

/** As on the hub: weights, tokenizers and tables are large files and come from the CDN. */
const isLarge = (name: string): boolean => /\.(safetensors|parquet|gguf)$|(^|\/)tokenizer\.json$/.test(name);
/** Few, so that a small repository has several pages. */
const FILES_PER_PAGE = 3;
const sha256Of = remembered((bytes: Uint8Array) => hexDigest('sha256', bytes));
const gitHashOf = remembered((bytes: Uint8Array) => hexDigest('sha1', `blob ${bytes.length}\0`, bytes));
const md5Of = remembered((bytes: Uint8Array) => hexDigest('md5', bytes));
const etagOf = (name: string, bytes: Uint8Array): string =>
  isLarge(name) ? sha256Of(bytes) : gitHashOf(bytes);

/** @param writers access tokens that may write */
export async function startHubServer(
  repos: readonly HubRepo[],
  writers: readonly string[] = [],
): Promise<HubServer> {
  const uploads = new HubUploads(writers, () => cdnUrl);
  let faults: { rule: HubFault; left: number }[] = [];
  const requests: HubRequest[] = [];
  const faultFor = (path: string, on: NonNullable<HubFault['on']>): HubFault['fault'] | null => {
    const found = faults.find(
      ({ rule, left }) => left > 0 && path.includes(rule.path) && (rule.on ?? on) === on,
    );
    if (found === undefined) return null;
    found.left -= 1;
    return found.rule.fault;
  };
  const note = (server: 'hub' | 'cdn', request: IncomingMessage): void => {
    const { range, authorization } = request.headers;
    requests.push({
      server,
      method: request.method ?? '',
      path: request.url ?? '',
      range: range ?? null,
      authorization: authorization ?? null,
    });
  };
  const answerCdn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    allowOrigins(response);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    note('cdn', request);
    const uploadFault = request.url?.startsWith('/upload/') ? faultFor(request.url, 'cdn') : null;
    if (uploadFault?.kind === 'status') return fail(response, uploadFault.status, '');
    if (uploadFault?.kind === 'silent') return;
    if (await uploads.answerStorage(request, response)) return;
    const [, id, name] = /^\/lfs\/([^/]+%2F[^/]+)\/(.+)$/.exec(request.url ?? '') ?? [];
    const bytes = repos.find((repo) => repo.id === decodeURIComponent(id ?? ''))?.files[name ?? ''];
    if (bytes === undefined) return void response.writeHead(404).end();
    const fault = faultFor(request.url ?? '', 'cdn');
    send(request, response, bytes, md5Of(bytes), fault);
  };
  const cdn = createServer((request, response) => void answerCdn(request, response));
  const cdnUrl = await listen(cdn);

  const answerHub = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    allowOrigins(response);
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    note('hub', request);
    const url = new URL(request.url ?? '/', 'http://hub');
    const api = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/(?:revision|tree)\/([^/]+)$/.exec(url.pathname);
    const resolve = /^\/(?:(datasets)\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const [, kind, id, revision, path] = api ?? resolve ?? [];
    const type = kind === 'datasets' ? 'dataset' : undefined;
    const repo = repos.find((candidate) => candidate.id === id && candidate.type === type);
    const fault = faultFor(url.pathname, api === null ? 'hub' : 'metadata');
    if (fault?.kind === 'silent') return;
    if (fault?.kind === 'status') return fail(response, fault.status, '', fault.retryAfter);
    if (fault?.kind === 'text') return void response.writeHead(200).end(fault.body);
    if (await uploads.answerHub(request, response, isLarge)) return;
    if (repo === undefined) return fail(response, 401, 'RepoNotFound'); // the hub does not say which it is
    if (repo.token !== undefined && request.headers.authorization !== `Bearer ${repo.token}`)
      return fail(response, request.headers.authorization === undefined ? 401 : 403, 'GatedRepo');
    const commit = commitOf(repo);
    if (!['main', commit, ...(repo.revisions ?? [])].includes(decodeURIComponent(revision ?? '')))
      return fail(response, 404, 'RevisionNotFound');
    if (url.pathname.includes('/tree/')) return listPage(request, response, repo, url);
    if (api !== null) return describe(response, repo, commit);
    const name = decodeURIComponent(path ?? '');
    const bytes = repo.files[name];
    if (bytes === undefined) return fail(response, 404, 'EntryNotFound');
    const etag = fault?.kind === 'etag' ? fault.etag : etagOf(name, bytes);
    const size = fault?.kind === 'wrong-size' ? fault.size : bytes.length;
    response.setHeader('X-Repo-Commit', commit);
    response.setHeader('X-Linked-Size', size);
    response.setHeader('X-Linked-ETag', `"${etag}"`);
    if (!isLarge(name)) return send(request, response, bytes, etag, fault);
    if (request.headers.accept?.includes('vnd.xet-fileinfo')) {
      response.setHeader('X-Xet-Hash', createHash('sha256').update(etag).digest('hex'));
      response.setHeader(
        'Link',
        `<${cdnUrl}/auth>; rel="xet-auth", <${cdnUrl}/reconstruct>; rel="xet-reconstruction-info"`,
      );
      response.writeHead(200, { 'Content-Type': 'application/vnd.xet-fileinfo+json' }).end('{}');
      return;
    }
    response.writeHead(302, { Location: `${cdnUrl}/lfs/${encodeURIComponent(repo.id)}/${name}` }).end();
  };
  const hub = createServer((request, response) => void answerHub(request, response));
  const url = await listen(hub);
  return {
    url,
    requests,
    uploaded: uploads.repos,
    setFaults: (rules) => {
      faults = rules.map((rule) => ({ rule, left: rule.times ?? Infinity }));
    },
    clear: () => {
      faults = [];
      requests.length = 0;
    },
    close: async () => {
      await Promise.all([hub, cdn].map(closeServer));
    },
  };
}

function describe(response: ServerResponse, repo: HubRepo, commit: string): void {
  const description = {
    _id: 'x',
    id: repo.id,
    sha: commit,
    private: false,
    gated: repo.token === undefined ? false : 'manual',
    downloads: 1,
    likes: 1,
    lastModified: '2026-01-01T00:00:00.000Z',
    siblings: Object.keys(repo.files).map((rfilename) => ({ rfilename })),
  };
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(description));
}

/** A page of the files, and in Link where the next one is. */
function listPage(request: IncomingMessage, response: ServerResponse, repo: HubRepo, url: URL): void {
  const first = Number(url.searchParams.get('cursor') ?? 0);
  const entries = Object.entries(repo.files).map(([path, { length }]) => ({
    type: 'file',
    oid: 'x',
    size: length,
    path,
  }));
  if (first + FILES_PER_PAGE < entries.length) {
    url.searchParams.set('cursor', String(first + FILES_PER_PAGE));
    response.setHeader('Link', `<http://${request.headers.host}${url.pathname}${url.search}>; rel="next"`);
  }
  const page = entries.slice(first, first + FILES_PER_PAGE);
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(page));
}

function fail(response: ServerResponse, status: number, code: string, retryAfter?: string): void {
  if (retryAfter !== undefined) response.setHeader('Retry-After', retryAfter);
  response.setHeader('X-Error-Code', code);
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: code }));
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  content: Uint8Array,
  etag: string,
  fault: HubFault['fault'] | null,
): void {
  if (fault?.kind === 'silent') return;
  if (fault?.kind === 'status') return fail(response, fault.status, '', fault.retryAfter);
  const bytes =
    fault?.kind === 'flip' ? content.map((byte, i) => (i === fault.at ? byte ^ 1 : byte)) : content;
  const total = fault?.kind === 'wrong-size' ? fault.size : bytes.length;
  const range = fault?.kind === 'no-ranges' ? null : parseRange(request.headers.range, bytes.length);
  response.setHeader('ETag', `"${fault?.kind === 'etag' ? fault.etag : etag}"`);
  if (range === 'unsatisfiable')
    return void response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
  const { start, end } = range ?? { start: 0, end: bytes.length - 1 };
  if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end}/${total}`);
  const extra = fault?.kind === 'long' ? new Uint8Array(fault.extraBytes) : new Uint8Array(0);
  const body = Buffer.concat([bytes.subarray(start, end + 1), extra]);
  const isCut = fault?.kind === 'drop' || fault?.kind === 'stall' || fault?.kind === 'short';
  const sent = isCut ? body.subarray(0, fault.afterBytes) : body;
  // Without a length, a body that ends early ends properly.
  if (fault?.kind !== 'short') response.setHeader('Content-Length', body.length);
  response.writeHead(range === null ? 200 : 206);
  if (fault?.kind === 'drop') {
    response.write(sent, () => response.destroy());
    if (sent.length === 0) response.destroy();
  } else if (fault?.kind === 'stall') response.write(sent);
  else response.end(sent);
}

function allowOrigins(response: ServerResponse): void {
  response.setHeader('Access-Control-Allow-Origin', '*');
  response.setHeader(
    'Access-Control-Allow-Headers',
    'authorization, range, accept, content-type, x-request-id',
  );
  response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST, PUT');
  response.setHeader(
    'Access-Control-Expose-Headers',
    'X-Repo-Commit,X-Error-Code,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash',
  );
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
