/** The hub's other direction, for tests: a repository is made, files are announced, large ones go to storage by Git LFS, a commit names them all. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What has been made or added to by uploads. */
export interface UploadedRepo {
  readonly id: string;
  readonly visibility: string;
  readonly commits: { readonly title: string; readonly oid: string }[];
  readonly files: Map<string, Uint8Array>;
}

/** As on the hub, from some size on; small enough for tests to get there. */
const partBytes = 4096;

export class HubUploads {
  readonly repos = new Map<string, UploadedRepo>();
  readonly #storage = new Map<string, Uint8Array>(); // by SHA-256
  readonly #parts = new Map<string, Map<number, Uint8Array>>();
  readonly #writers: readonly string[];
  readonly #storageUrl: () => string;

  constructor(writers: readonly string[], storageUrl: () => string) {
    this.#writers = writers;
    this.#storageUrl = storageUrl;
  }

  /** false: it is no upload. */
  async answerHub(
    request: IncomingMessage,
    response: ServerResponse,
    isLarge: (path: string) => boolean,
  ): Promise<boolean> {
    if (request.method !== 'POST') return false;
    const { pathname } = new URL(request.url ?? '/', 'http://hub');
    const [, id, action] =
      /^\/api\/models\/([^/]+\/[^/]+)\/(preupload|commit)\/main$/.exec(pathname) ??
      /^\/([^/]+\/[^/]+)\.git\/(info\/lfs\/objects\/batch)$/.exec(pathname) ??
      [];
    if (pathname !== '/api/repos/create' && id === undefined) return false;
    const text = (await bodyOf(request)).toString('utf8');
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined || !this.#writers.includes(token))
      return answer(response, token === undefined ? 401 : 403, { error: 'You may not write here' });
    if (id === undefined) return this.#create(response, JSON.parse(text) as CreateRequest);
    const repo = this.repos.get(id);
    if (repo === undefined) return answer(response, 404, { error: 'Repository not found' });
    if (action === 'preupload') return answer(response, 200, preupload(text, isLarge));
    if (action === 'commit') return this.#commit(response, repo, text);
    return answer(response, 200, this.#batch(text));
  }

  async answerStorage(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const [, oid, part] = /^\/upload\/([0-9a-f]{64})(?:\/(\d+))?$/.exec(request.url ?? '') ?? [];
    if (oid === undefined) return false;
    if (request.headers.authorization !== undefined)
      return answer(response, 400, { error: 'two kinds of access' });
    const bytes = await bodyOf(request);
    if (request.method === 'PUT' && part !== undefined) {
      const parts = this.#parts.get(oid) ?? new Map<number, Uint8Array>();
      this.#parts.set(oid, parts.set(Number(part), bytes));
      response.setHeader('ETag', `"${part}"`);
    } else if (request.method === 'PUT') this.#storage.set(oid, bytes);
    else {
      const parts = [...(this.#parts.get(oid) ?? [])].sort(([a], [b]) => a - b).map(([, content]) => content);
      this.#storage.set(oid, Buffer.concat(parts));
    }
    return answer(response, 200, {});
  }

  #create(response: ServerResponse, { organization, name, visibility }: CreateRequest): boolean {
    const id = `${organization}/${name}`;
    if (this.repos.has(id)) return answer(response, 409, { error: 'You already created this model repo' });
    this.repos.set(id, { id, visibility, commits: [], files: new Map() });
    return answer(response, 200, { url: `http://hub/${id}`, id });
  }

  #batch(text: string): object {
    const { objects } = JSON.parse(text) as { objects: { oid: string; size: number }[] };
    const described = objects.map(({ oid, size }) => {
      if (this.#storage.has(oid)) return { oid, size };
      const href = `${this.#storageUrl()}/upload/${oid}`;
      if (size <= partBytes) return { oid, size, actions: { upload: { href } } };
      const parts = Array.from({ length: Math.ceil(size / partBytes) }, (_, i) => [
        String(i + 1).padStart(5, '0'),
        `${href}/${i + 1}`,
      ]);
      const header = { chunk_size: String(partBytes), ...(Object.fromEntries(parts) as object) };
      return { oid, size, actions: { upload: { href, header } } };
    });
    return { transfer: 'basic', objects: described };
  }

  #commit(response: ServerResponse, repo: UploadedRepo, text: string): boolean {
    const lines = text.split('\n').map((line) => JSON.parse(line) as CommitLine);
    const files = new Map(repo.files);
    let title = '';
    for (const line of lines) {
      if (line.key === 'header') title = line.value.summary;
      else if (line.key === 'file') files.set(line.value.path, Buffer.from(line.value.content, 'base64'));
      else {
        const bytes = this.#storage.get(line.value.oid);
        const hash = bytes && createHash('sha256').update(bytes).digest('hex');
        if (bytes === undefined || hash !== line.value.oid || bytes.length !== line.value.size)
          return answer(response, 400, { error: `${line.value.path} was not uploaded` });
        files.set(line.value.path, bytes);
      }
    }
    const oid = createHash('sha1').update(text).digest('hex');
    repo.commits.push({ title, oid });
    for (const [path, bytes] of files) repo.files.set(path, bytes);
    return answer(response, 200, {
      success: true,
      commitOid: oid,
      commitUrl: `http://hub/${repo.id}/commit/${oid}`,
    });
  }
}

interface CreateRequest {
  readonly organization: string;
  readonly name: string;
  readonly visibility: string;
}
type CommitLine =
  | { readonly key: 'header'; readonly value: { readonly summary: string } }
  | { readonly key: 'file'; readonly value: { readonly path: string; readonly content: string } }
  | {
      readonly key: 'lfsFile';
      readonly value: { readonly path: string; readonly oid: string; readonly size: number };
    };

function preupload(text: string, isLarge: (path: string) => boolean): object {
  const { files } = JSON.parse(text) as { files: { path: string }[] };
  return {
    files: files.map(({ path }) => ({
      path,
      uploadMode: isLarge(path) ? 'lfs' : 'regular',
      shouldIgnore: false,
    })),
  };
}

function answer(response: ServerResponse, status: number, body: object): true {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  return true;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
