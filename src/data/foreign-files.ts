/**
 * Files that are no rows of text, named by their first bytes, so that a user reads what the file is and what to do with it.
 * Signatures: the formats' own documents, and file(1).
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { FileBytes } from '../api/file-bytes.ts';
import { pythonFormReason } from './json-form.ts';
import { zipEntryNames } from './zip-names.ts';

/** Up to the name of tar's format, which stands at byte 257. */
export const SIGNATURE_BYTES = 512;

const unpack = 'Unpack it, and choose the file that was in it';
const asRows = 'Export its rows as JSONL, CSV or Parquet';
const fromPandas = `${asRows}, e.g. with pandas: df.to_json("rows.jsonl", orient="records", lines=True)`;
const wrongFile = 'A dataset is JSONL, JSON, CSV, TSV or Parquet: choose the file with the rows';
const trainedModel = `That is a model's weights. ${wrongFile}`;

interface Signature {
  readonly is: string;
  readonly todo: string;
  /** A character is a byte. */
  readonly starts: string;
  readonly at?: number;
  /** Its beginning is text; the others are only taken for what they are where bytes stand that no text has. */
  readonly isText?: true;
}

const signatures: readonly Signature[] = [
  { starts: '\xfd7zXZ\0', is: 'packed with xz', todo: `${unpack} (xz -d)` },
  { starts: '\x5d\0\0', is: 'packed with LZMA', todo: `${unpack} (xz -d)` },
  { starts: 'BZh', is: 'packed with bzip2', todo: `${unpack} (bunzip2)` },
  { starts: '\x28\xb5\x2f\xfd', is: 'packed with Zstandard', todo: `${unpack} (zstd -d)` },
  { starts: '\x04\x22\x4d\x18', is: 'packed with LZ4', todo: `${unpack} (lz4 -d)` },
  { starts: '\xff\x06\0\0sNaPpY', is: 'packed with Snappy', todo: unpack },
  { starts: '\x1f\x9d', is: 'packed with compress (.Z)', todo: `${unpack} (gunzip)` },
  { starts: '7z\xbc\xaf\x27\x1c', is: 'a 7-Zip archive', todo: unpack },
  { starts: 'Rar!\x1a\x07', is: 'a RAR archive', todo: unpack },
  { starts: 'ustar', at: 257, is: 'a tar archive', todo: `${unpack} (tar -xf)` },
  {
    starts: 'ARROW1',
    is: 'an Arrow file (Feather)',
    todo: `${asRows}, e.g. with pandas: pd.read_feather(…).to_parquet("rows.parquet")`,
  },
  { starts: 'FEA1', is: 'a Feather file', todo: fromPandas },
  {
    starts: '\xff\xff\xff\xff',
    is: 'an Arrow stream, as datasets keeps on disk',
    todo: `${asRows}: datasets.load_from_disk(folder) or Dataset.from_file(…), then .to_json("rows.jsonl") or .to_parquet("rows.parquet")`,
  },
  { starts: 'ORC', is: 'an ORC file', todo: fromPandas },
  { starts: 'Obj\x01', is: 'an Avro file', todo: fromPandas },
  { starts: 'PARE', is: 'an encrypted Parquet file', todo: 'Write it without encryption' },
  { starts: '\x89HDF\r\n\x1a\n', is: 'an HDF5 file', todo: fromPandas },
  { starts: 'SQLite format 3\0', is: 'an SQLite database', todo: asRows },
  { starts: '\x93NUMPY', is: 'a NumPy array', todo: fromPandas },
  { starts: 'GGUF', is: 'a GGUF file', todo: trainedModel },
  { starts: '\x89PNG\r\n\x1a\n', is: 'a PNG image', todo: wrongFile },
  { starts: '\xff\xd8\xff', is: 'a JPEG image', todo: wrongFile },
  { starts: 'GIF8', is: 'a GIF image', todo: wrongFile },
  { starts: 'WEBP', at: 8, is: 'a WebP image', todo: wrongFile },
  { starts: 'WAVE', at: 8, is: 'a WAV sound', todo: wrongFile },
  { starts: 'II*\0', is: 'a TIFF image', todo: wrongFile },
  { starts: 'MM\0*', is: 'a TIFF image', todo: wrongFile },
  { starts: 'ftyp', at: 4, is: 'a film or sound (MP4)', todo: wrongFile },
  { starts: 'OggS', is: 'a sound (Ogg)', todo: wrongFile },
  { starts: 'ID3', is: 'a sound (MP3)', todo: wrongFile },
  { starts: '%PDF-', isText: true, is: 'a PDF document', todo: wrongFile },
  { starts: '{\\rtf', isText: true, is: 'an RTF document', todo: 'Save it as plain text' },
  {
    starts: '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1',
    is: 'a document of an older Office (.xls, .doc)',
    todo: 'Save it as CSV (UTF-8)',
  },
  {
    starts: 'version https://git-lfs',
    isText: true,
    is: 'a Git LFS pointer, not the file itself',
    todo: 'Fetch it with git lfs pull, or download it from the site',
  },
  { starts: 'PK\x05\x06', is: 'an empty zip archive', todo: wrongFile },
  { starts: '\x1f\x8b', is: 'packed with gzip twice', todo: unpack },
  { starts: '\xff\xfe\0\0', is: 'text in UTF-32', todo: 'Save it as UTF-8' },
  { starts: '\0\0\xfe\xff', is: 'text in UTF-32', todo: 'Save it as UTF-8' },
];

const has = (head: Uint8Array, text: string, at = 0): boolean =>
  head.length >= at + text.length && [...text].every((c, index) => head[at + index] === c.charCodeAt(0));

/** What a file that starts like this is, and what to do; null: it may be rows. */
function foreignForm(head: Uint8Array): Pick<Signature, 'is' | 'todo'> | null {
  const isBinary = head.some((byte) => byte < 9 || (byte > 13 && byte < 27));
  const known = signatures.find(({ starts, at, isText }) => (isText ?? isBinary) && has(head, starts, at));
  if (known !== undefined) return known;
  if (isPickle(head)) return { is: 'a Python pickle', todo: fromPandas };
  // The length of a header of JSON, then the header.
  const isSafetensors = has(head, '{"', 8) && head[5] === 0 && head[6] === 0 && head[7] === 0;
  if (isSafetensors) return { is: 'a safetensors file', todo: trainedModel };
  // A map or a list, which in UTF-8 is half of a character, before a short text of letters.
  const isMessagePack = head[0] >= 0x80 && head[0] <= 0x9f && head[1] >= 0x80 && head[1] <= 0xbf;
  if (isMessagePack) return { is: 'MessagePack', todo: asRows };
  return null;
}

/** Protocols 2 to 5, which begin with their number; the next instruction of 4 and 5 is a frame. */
function isPickle(head: Uint8Array): boolean {
  if (head[0] !== 0x80 || head[1] < 2 || head[1] > 5) return false;
  return head[1] < 4 || head[2] === 0x95;
}

/** @throws TrainerError "dataset-unreadable" when the first bytes are those of something else than rows. `file`: what a zip can be listed from. */
export async function refuseForeign(head: Uint8Array, name: string, file: FileBytes | null): Promise<void> {
  const form = has(head, 'PK\x03\x04') ? await zipForm(head, file, name) : foreignForm(head);
  if (form === null) return;
  throw new TrainerError('dataset-unreadable', `${name} is ${form.is}. ${form.todo}.`);
}

/** The same for files of text. `start`: without white space. @throws TrainerError "dataset-unreadable" */
export function refuseForeignText(start: string, name: string): void {
  const form = textForms.find(([pattern]) => pattern.test(start));
  if (form !== undefined) throw new TrainerError('dataset-unreadable', `${name} ${form[1]}`);
}

const textForms: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b/i,
    'is an HTML page, perhaps of an error or a sign-in, not the file itself. Download it again, signed in where that is needed.',
  ],
  [/^<\?xml\b/, `is XML. ${asRows}.`],
  [/^\[\s*\{\s*'/, `${pythonFormReason}.`],
];

async function zipForm(
  head: Uint8Array,
  file: FileBytes | null,
  name: string,
): Promise<Pick<Signature, 'is' | 'todo'>> {
  const names = await zipEntryNames(head, file, name);
  const includes = (start: string): boolean => names.some((entry) => entry.startsWith(start));
  if (includes('xl/')) return { is: 'an Excel workbook', todo: 'Save its sheet as CSV (UTF-8)' };
  if (includes('word/')) return { is: 'a Word document', todo: wrongFile };
  if (includes('ppt/')) return { is: 'a PowerPoint document', todo: wrongFile };
  if (includes('content.xml')) return { is: 'a LibreOffice document', todo: 'Save its sheet as CSV (UTF-8)' };
  if (names.some((entry) => entry.endsWith('/data.pkl'))) return { is: 'a PyTorch file', todo: trainedModel };
  if (names.length > 0 && names.every((entry) => entry.endsWith('.npy')))
    return { is: 'a file of NumPy arrays', todo: fromPandas };
  const files = names.filter((entry) => !entry.endsWith('/') && !entry.startsWith('__MACOSX/'));
  const listed = files.slice(0, 3).join(', ') + (files.length > 3 ? ` and ${files.length - 3} more` : '');
  return { is: files.length === 0 ? 'a zip archive' : `a zip archive of ${listed}`, todo: unpack };
}
