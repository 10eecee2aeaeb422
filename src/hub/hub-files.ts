/**
 * A model or dataset on the Hugging Face Hub as a folder of files, pinned to the commit its revision had when it was opened.
 *
 * @huggingface/hub knows the addresses and the metadata. The bytes are read here, because its downloads neither retry nor
 * resume, and have no time-outs. The access token lives in the closure of one load (token-door.ts) and nowhere else.
 */
import type { ByteSource } from '../support/byte-source.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { defaultPolicy, openExchange, withRetries, type Line, type RetryPolicy } from './exchange.ts';
import { plainEtag } from './etag.ts';
import { damaged, Passing, refusal } from './hub-errors.ts';
import { remoteSource } from './remote-file.ts';
import type * as Library from './library.ts';
import { hubAddress, publicHubUrl, repoIdPattern, withToken } from './token-door.ts';
import { createTransferMeter, type Transfer } from './transfer-meter.ts';
import { textOf } from '../support/text-of.ts';

/** Loaded with the first repository that is opened: a page that trains the demo needs nothing of it. */
const library = (): Promise<typeof Library> => import('./library.ts');

export interface HubModel {
  readonly id: string; // "owner/name"
  readonly revision?: string; // branch, tag or commit
  readonly token?: string;
}
interface HubRepo extends HubModel {
  readonly type: 'model' | 'dataset';
}

export interface HubOptions {
  readonly hubUrl?: string;
  readonly fetch?: typeof fetch;
  readonly policy?: RetryPolicy;
  readonly signal?: AbortSignal;
  readonly onTransfer?: (transfer: Transfer) => void;
}

export interface HubFiles {
  readonly name: string; // the id
  readonly commit: string;
  readonly paths: readonly string[];
  /** By path, where the hub says it with the list of files: of datasets. */
  readonly sizes: ReadonlyMap<string, number>; // bytes
  /** null: the commit has no such file. */
  open(name: string): Promise<ByteSource | null>;
}

/** @throws TrainerError "hub-not-found", "hub-access", "hub-busy", "hub-unreachable", "download-damaged", "cancelled" */
export async function openHubFiles(repo: HubRepo, options: HubOptions = {}): Promise<HubFiles> {
  const { type, id, revision = 'main' } = repo;
  const token = repo.token?.trim() || undefined;
  const kind = type === 'model' ? 'model' : 'dataset';
  if (!repoIdPattern.test(id))
    throw new TrainerError('hub-not-found', `"${id}" is no ${kind} of the hub: ids look like "owner/name".`);
  const hubUrl = hubAddress(options.hubUrl ?? publicHubUrl);
  // Called as a plain function: the browser's fetch refuses another "this".
  const plainly: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const meter = createTransferMeter(options.onTransfer ?? (() => undefined));
  const line: Line = {
    onWait: (what, why, ms) => meter.waits(what, why, ms),
    fetch: withToken(plainly, hubUrl, token),
    policy: options.policy ?? defaultPolicy,
    signal: options.signal,
  };
  const access: Access = { hubUrl, fetch: metadataFetch(line) };

  const what = `${kind} ${id} at revision ${revision}`;
  const { commit, paths, sizes } = await asked(line, what, () =>
    type === 'model' ? describeModel(id, revision, access) : describeDataset(id, revision, access),
  );
  if (!/^[0-9a-f]{40}$/.test(commit)) throw damaged(what, `it has no commit, but ${textOf(commit)}.`);

  return {
    name: id,
    commit,
    paths,
    sizes,
    async open(name) {
      if (!paths.includes(name)) return null;
      const path = name.split('/').map(encodeURIComponent).join('/');
      const { fileDownloadInfo } = await library();
      const info = await asked(line, `${name} of ${id}`, () =>
        fileDownloadInfo({ repo: { type, name: id }, path, revision: commit, ...access }),
      );
      if (info === null) throw damaged(name, 'it is listed, but not there.');
      if (!Number.isSafeInteger(info.size) || info.size < 0) throw damaged(name, `its size is ${info.size}.`);
      const url = `${hubUrl}/${type === 'model' ? '' : 'datasets/'}${id}/resolve/${commit}/${path}`;
      return remoteSource(line, { name, url, size: info.size, etag: plainEtag(info.etag) }, meter);
    },
  };
}

type Access = Pick<Parameters<typeof Library.modelInfo>[0], 'hubUrl' | 'fetch'>;
type Description = Pick<HubFiles, 'commit' | 'paths' | 'sizes'>;

async function describeModel(id: string, revision: string, access: Access): Promise<Description> {
  const fields = { additionalFields: ['sha' as const, 'filePaths' as const] };
  const { modelInfo } = await library();
  const { sha, filePaths } = await modelInfo({ name: id, revision, ...fields, ...access });
  return { commit: sha, paths: filePaths, sizes: new Map() };
}

/** The list is that of the commit, page by page: datasets have folders, and more files than one answer holds. */
async function describeDataset(id: string, revision: string, access: Access): Promise<Description> {
  const { datasetInfo, listFiles } = await library();
  const { sha } = await datasetInfo({ name: id, revision, additionalFields: ['sha'], ...access });
  const sizes = new Map<string, number>();
  const repo = { type: 'dataset', name: id } as const;
  for await (const entry of listFiles({ repo, recursive: true, revision: sha, ...access }))
    if (entry.type === 'file') sizes.set(entry.path, entry.size);
  return { commit: sha, paths: [...sizes.keys()], sizes };
}

/** A question to the library, with its failures as coded errors. */
async function asked<T>(line: Line, what: string, question: () => Promise<T>): Promise<T> {
  try {
    return await withRetries(line, what, question);
  } catch (error) {
    if (error instanceof TrainerError) throw error;
    if (error instanceof (await library()).HubApiError) throw refusal(what, error.statusCode);
    // An answer that is no JSON, or without the headers that describe a file.
    throw damaged(what, error instanceof Error ? error.message : String(error));
  }
}

const metadataLimitBytes = 2 ** 25;

/** For questions about files: the answer is read at once, within its time, and never a whole checkpoint. */
function metadataFetch(line: Line): typeof fetch {
  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    const exchange = await openExchange(line, url, init);
    const { status, statusText, redirected } = exchange.response;
    const headers = new Headers(exchange.response.headers);
    // Another server's ETag may look like a hash of the content and be none (the hub's storage has hashes of its own).
    if (redirected && !headers.has('X-Linked-ETag')) headers.set('ETag', '"of another server"');
    try {
      // The library wants the headers only, and a server may answer a range with everything.
      if (new Headers(init.headers).has('Range') && exchange.response.ok)
        return new Response(null, { status, statusText, headers });
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for (;;) {
        const chunk = await exchange.readChunk();
        if (chunk === null) break;
        bytes += chunk.length;
        if (bytes > metadataLimitBytes) throw new Passing('the description is larger than 32 MiB');
        parts.push(chunk);
      }
      const body = [204, 304].includes(status) ? null : new Blob(parts as BlobPart[]);
      return new Response(body, { status, statusText, headers });
    } finally {
      exchange.close();
    }
  };
}
