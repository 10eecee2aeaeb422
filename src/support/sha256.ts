/** Hashes of bytes in hexadecimal, by the platform's own implementation. */

export async function digest(algorithm: 'SHA-1' | 'SHA-256', parts: readonly Uint8Array[]): Promise<string> {
  const content =
    parts.length === 1 ? parts[0] : new Uint8Array(await new Blob([...parts] as BlobPart[]).arrayBuffer());
  return toHex(new Uint8Array(await crypto.subtle.digest(algorithm, content as BufferSource)));
}

export const sha256 = (bytes: Uint8Array): Promise<string> => digest('SHA-256', [bytes]);

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
