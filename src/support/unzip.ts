/** Of a stranger's zip the files that are wanted, within what may be held. */
import { unzipSync } from 'fflate';

/** What a zip may unpack to: it is held whole. */
const mostBytes = 2 ** 31;

export type Unzipped =
  | { readonly kind: 'files'; readonly files: Readonly<Record<string, Uint8Array>> } // by path
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'too-large' };

/** @param isWanted of a path; what is not is not unpacked */
export async function unzip(zip: Blob, isWanted: (path: string) => boolean): Promise<Unzipped> {
  const bytes = new Uint8Array(await zip.arrayBuffer());
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (!isWanted(name)) return false;
        total += originalSize;
        return total <= mostBytes;
      },
    });
  } catch (error) {
    return { kind: 'broken', reason: String(error) };
  }
  return total > mostBytes ? { kind: 'too-large' } : { kind: 'files', files };
}
