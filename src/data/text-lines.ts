/** Byte chunks to text, and text to numbered lines, a chunk at a time. What is not text is refused, never repaired. */
import { TrainerError } from '../support/trainer-error.ts';

/** A row longer than this is reported, not read: it would fill memory and no model has room for it. */
export const MAX_ROW_CHARS = 16 << 20;

/** @throws TrainerError "dataset-unreadable" for anything that is not UTF-8, or UTF-16 with its byte order mark. */
export async function* textChunks(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  let decoder: TextDecoder | null = null;
  let lineCount = 1;
  const decode = (chunk: Uint8Array, isLast: boolean): string => {
    decoder ??= new TextDecoder(encodingOf(chunk), { fatal: true }); // takes a byte order mark away
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: !isLast });
    } catch {
      throw new TrainerError(
        'dataset-unreadable',
        `${name} is not UTF-8 text (after line ${lineCount}). Save it as UTF-8, e.g. with "Save as" in an editor or a spreadsheet.`,
      );
    }
    const nul = text.indexOf('\0');
    const end = nul < 0 ? text.length : nul;
    for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) lineCount++;
    if (nul >= 0)
      throw new TrainerError(
        'dataset-unreadable',
        `${name} is not text: line ${lineCount} holds a NUL byte, as binary files and files that were not written to their end do. Download or write it again, or remove the NUL bytes.`,
      );
    return text;
  };
  for await (const chunk of bytes) yield decode(chunk, false);
  const rest = decode(new Uint8Array(0), true);
  if (rest !== '') yield rest;
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return 'utf-8';
}

interface TextLine {
  readonly line: number; // 1-based
  readonly text: string;
  /** Characters of the whole line; `text` is only its start when this is more than MAX_ROW_CHARS. */
  readonly length: number;
}

/** Lines end with LF, CRLF or CR. Blank lines are counted, not given. */
export async function* textLines(chunks: AsyncIterable<string>): AsyncGenerator<TextLine[]> {
  let pending = '';
  let droppedChars = 0; // of the pending line, beyond MAX_ROW_CHARS
  let line = 0;
  const take = (text: string): TextLine[] => {
    line++;
    const length = text.length + droppedChars;
    droppedChars = 0;
    return text.trim() === '' && length === text.length ? [] : [{ line, text, length }];
  };
  let isAfterCr = false;
  for await (const chunk of chunks) {
    const text = isAfterCr && chunk.startsWith('\n') ? chunk.slice(1) : chunk; // the second half of a CRLF
    if (chunk !== '') isAfterCr = chunk.endsWith('\r');
    // Only the chunk is searched: a long line would be searched again with each of its chunks.
    const [rest, ...more] = text.split(/\r\n|\n|\r/);
    const kept = rest.slice(0, MAX_ROW_CHARS - pending.length);
    pending += kept;
    droppedChars += rest.length - kept.length;
    if (more.length === 0) continue;
    const next = more.pop() ?? '';
    yield [pending, ...more].flatMap(take);
    pending = next;
  }
  if (pending !== '' || droppedChars > 0) yield take(pending);
}
