/** The hub's ETags are hashes of the content: SHA-256 of a large file (LFS), git's blob id (SHA-1) of a small one. */
import { damaged } from './hub-errors.ts';

export const plainEtag = (header: string): string => header.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');

/** Nothing is known of an ETag that is no hash. @throws TrainerError "download-damaged" */
export async function assertContent(file: string, bytes: Uint8Array, etag: string): Promise<void> {
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)) return;
  const found = etag.length === 64 ? await digest('SHA-256', [bytes]) : await gitBlobId(bytes);
  if (found !== etag)
    throw damaged(file, `its hash is ${found.slice(0, 12)}…, the hub's is ${etag.slice(0, 12)}….`);
}

const gitBlobId = (bytes: Uint8Array): Promise<string> =>
  digest('SHA-1', [new TextEncoder().encode(`blob ${bytes.length}\0`), bytes]);

async function digest(algorithm: 'SHA-1' | 'SHA-256', parts: readonly Uint8Array[]): Promise<string> {
  const content =
    parts.length === 1 ? parts[0] : new Uint8Array(await new Blob([...parts] as BlobPart[]).arrayBuffer());
  return toHex(new Uint8Array(await crypto.subtle.digest(algorithm, content as BufferSource)));
}

export const sha256 = (bytes: Uint8Array): Promise<string> => digest('SHA-256', [bytes]);

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
