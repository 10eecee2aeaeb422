/** The hub's ETags are hashes of the content: SHA-256 of a large file (LFS), git's blob id (SHA-1) of a small one. */
import { digest } from '../support/sha256.ts';
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
