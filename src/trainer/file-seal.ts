/**
 * A seal over a whole safetensors file, inside of it: its metadata holds the SHA-256 of the file as it was with a zero in
 * place of every digit of the seal. So a file that is carried about alone still tells when a bit of it has changed.
 */
import { sha256 } from '../support/sha256.ts';

const digits = 64;
/** What the metadata holds until the file is sealed. */
export const unsealed = '0'.repeat(digits);
const marker = new TextEncoder().encode('"seal":"');

/** Fills the seal in, in place. */
export async function seal(bytes: Uint8Array): Promise<Uint8Array> {
  const at = sealOf(bytes);
  if (at === null) throw new Error('the file has no place for a seal');
  bytes.set(new TextEncoder().encode(await sha256(bytes)), at);
  return bytes;
}

/** true where there is no seal, as in files of earlier versions. */
export async function isSealWhole(bytes: Uint8Array): Promise<boolean> {
  const at = sealOf(bytes);
  if (at === null) return true;
  const written = bytes.slice(at, at + digits);
  const text = new TextDecoder().decode(written);
  if (text === unsealed) return true;
  bytes.fill(0x30, at, at + digits);
  const hash = await sha256(bytes);
  bytes.set(written, at);
  return hash === text;
}

/** Where its digits begin; null: none in the header. */
function sealOf(bytes: Uint8Array): number | null {
  if (bytes.length < 8) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const end = Math.min(bytes.length, 8 + Number(length)) - digits;
  for (let i = 8; i + marker.length <= end; i++)
    if (marker.every((byte, j) => bytes[i + j] === byte)) return i + marker.length;
  return null;
}
