/** The names of the files in a zip archive, from its directory at the end; APPNOTE.TXT 4.3.12 and 4.3.16. */
import type { FileBytes } from '../api/file-bytes.ts';
import { readSlice } from './byte-chunks.ts';

const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const ENTRY_BYTES = 46;
const MAX_DIRECTORY_BYTES = 1 << 20; // some ten thousand names

/** `file` null: only the first file is named, from the header before its bytes. */
export async function zipEntryNames(
  head: Uint8Array,
  file: FileBytes | null,
  name: string,
): Promise<readonly string[]> {
  const listed = file === null ? [] : await directoryNames(file, name);
  return listed.length > 0 ? listed : firstName(head);
}

function firstName(head: Uint8Array): string[] {
  if (head.length < 30) return [];
  const length = new DataView(head.buffer, head.byteOffset).getUint16(26, true);
  return length === 0 ? [] : [new TextDecoder().decode(head.subarray(30, 30 + length))];
}

async function directoryNames(file: FileBytes, name: string): Promise<string[]> {
  const tail = await readSlice(file, Math.max(0, file.size - END_BYTES - MAX_COMMENT_BYTES), file.size, name);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  let end = tail.length - END_BYTES;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) return [];
  const [bytes, start] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)];
  if (start + bytes > file.size) return []; // zip64, or cut
  const directory = await readSlice(file, start, start + Math.min(bytes, MAX_DIRECTORY_BYTES), name);
  const entries = new DataView(directory.buffer, directory.byteOffset, directory.length);
  const names: string[] = [];
  for (let at = 0; at + ENTRY_BYTES <= directory.length && entries.getUint32(at, true) === 0x02014b50;) {
    const length = (offset: number): number => entries.getUint16(at + offset, true);
    const nameEnd = at + ENTRY_BYTES + length(28);
    if (nameEnd > directory.length) break;
    names.push(new TextDecoder().decode(directory.subarray(at + ENTRY_BYTES, nameEnd)));
    at = nameEnd + length(30) + length(32);
  }
  return names;
}
