/** JSON that tells when it was cut or changed: its SHA-256 in hex, then the JSON. */
import { sha256 } from '../support/sha256.ts';

const hashLength = 64;

export async function toHashedJson(value: unknown): Promise<Uint8Array> {
  const json = JSON.stringify(value);
  return new TextEncoder().encode((await sha256(new TextEncoder().encode(json))) + json);
}

/** null where it is not what was written. */
export async function fromHashedJson(bytes: Uint8Array): Promise<unknown> {
  const json = bytes.subarray(hashLength);
  const hash = new TextDecoder().decode(bytes.subarray(0, hashLength));
  return hash === (await sha256(json)) ? (JSON.parse(new TextDecoder().decode(json)) as unknown) : null;
}
