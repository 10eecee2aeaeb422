// What is no file of rows is named by its bytes or its form, with what to do; never "not UTF-8" or "is not JSON".
import { gzipSync, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { readAll } from './support.ts';

const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (c) => c.charCodeAt(0));
const hex = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const refusal = async (content: BlobPart, name: string): Promise<string> => {
  const error: unknown = await readAll(content, name).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TrainerError);
  expect(error).toMatchObject({ code: 'dataset-unreadable' });
  return (error as TrainerError).message;
};
const tar = new Uint8Array(1024);
tar.set(bytes('train.jsonl'));
tar.set(bytes('ustar'), 257);
const utf32 = Uint8Array.from([
  0xff,
  0xfe,
  0,
  0,
  ...[...'{"a":1}'].flatMap((c) => [c.charCodeAt(0), 0, 0, 0]),
]);

// The beginnings of files as the tools named write them.
const files: readonly (readonly [is: RegExp, name: string, content: Uint8Array<ArrayBuffer>])[] = [
  [/packed with xz\. Unpack it/, 'rows.jsonl.xz', hex('fd377a585a000004e6d6b4460200210116000000742fe5a3')],
  [/packed with bzip2/, 'rows.jsonl.bz2', hex('425a683931415926535914a3a1d600000519800010400006')],
  [/packed with Zstandard/, 'rows.jsonl.zst', hex('28b52ffd24216900007b2261223a')],
  [/packed with LZ4/, 'rows.jsonl.lz4', hex('04224d186440a7150000007b2261')],
  [/7-Zip archive/, 'rows.7z', hex('377abcaf271c0004a1b2c3d4')],
  [/RAR archive/, 'rows.rar', hex('526172211a0701003392b5e5')],
  [/tar archive/, 'rows.tar', tar],
  [/an Arrow file \(Feather\)/, 'rows.feather', hex('4152524f57310000ffffffff7800')], // pyarrow 25
  [/an Arrow stream, as datasets keeps/, 'data-00000-of-00001.arrow', hex('ffffffff7800000010000000')], // datasets 5.0
  [/an ORC file/, 'rows.orc', hex('4f524311000a060a04')],
  [/an Avro file/, 'rows.avro', hex('4f626a0104146176726f2e63')],
  [/MessagePack/, 'rows.msgpack', hex('82a670726f6d7074a161aa636f6d706c6574696f6ea162')],
  [/a Python pickle/, 'rows.pkl', hex('80049516000000000000005d947d94')],
  [/a Python pickle/, 'rows.pkl', hex('80025d71007d7101')],
  [/a NumPy array/, 'rows.npy', bytes("\x93NUMPY\x01\x00v\x00{'descr': '|O'")],
  [/a safetensors file.*model's weights/, 'rows.jsonl', bytes('\x40\0\0\0\0\0\0\0{"__metadata__":{}}')],
  [/a GGUF file.*model's weights/, 'rows.jsonl', bytes('GGUF\x03\0\0\0')],
  [/an SQLite database/, 'rows.db', bytes('SQLite format 3\0\x10\0')],
  [/an HDF5 file/, 'rows.h5', bytes('\x89HDF\r\n\x1a\n\0')],
  [/a PDF document/, 'rows.jsonl', bytes('%PDF-1.7\n%\xe2\xe3\xcf\xd3')],
  [/a PNG image/, 'rows.png', hex('89504e470d0a1a0a0000000d49484452')],
  [/a JPEG image/, 'rows.csv', hex('ffd8ffe000104a464946')],
  [/a GIF image/, 'rows.csv', bytes('GIF89a\x01\0\x01\0')],
  [/a WebP image/, 'rows.csv', bytes('RIFF\x24\0\0\0WEBPVP8 ')],
  [/older Office/, 'rows.xls', hex('d0cf11e0a1b11ae10000')],
  [/text in UTF-32/, 'rows.jsonl', utf32],
  [/gzip twice/, 'rows.jsonl.gz', gzipSync(gzipSync(bytes('{"a":1}'), { level: 0 }))],
  [
    /Git LFS pointer.*git lfs pull/,
    'rows.jsonl',
    bytes('version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n'),
  ],
  [
    /Git LFS pointer/,
    'rows.parquet',
    bytes('version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 9\n'),
  ],
  [/an HTML page/, 'rows.jsonl', bytes('<!DOCTYPE html>\n<html><body>404</body></html>')],
  [/an HTML page/, 'rows.csv', bytes('\n<html lang="en"><head>')],
  [/XML/, 'rows.xml', bytes('<?xml version="1.0"?><rows/>')],
  [/Python's form.*json\.dumps/, 'rows.json', bytes("[{'prompt': 'a', 'ok': True}]")],
];

test.each(files)('%s: %s', async (is, name, content) => {
  expect(await refusal(content, name)).toMatch(is);
});

test.each(files.filter(([is]) => !/gzip|HTML|XML|Python's form|LFS/.test(is.source)))(
  'gzipped, %s: %s',
  async (is, name, content) => {
    expect(await refusal(gzipSync(content), `${name}.gz`)).toMatch(is);
  },
);

describe('a zip is named by what is in it', () => {
  const zip = (...names: string[]): Uint8Array<ArrayBuffer> =>
    zipSync(Object.fromEntries(names.map((name) => [name, bytes('{"prompt":"a","completion":"b"}')])));

  test.each([
    ['rows', zip('train.jsonl'), /a zip archive of train\.jsonl\. Unpack it/],
    ['many files', zip('a.csv', 'b.csv', 'c.csv', 'd.csv'), /a\.csv, b\.csv, c\.csv and 1 more/],
    ['a Mac', zip('rows/', '__MACOSX/._rows.csv', 'rows.csv'), /a zip archive of rows\.csv\./],
    [
      'Excel',
      zip('[Content_Types].xml', '_rels/.rels', 'xl/workbook.xml'),
      /an Excel workbook\. Save its sheet as CSV/,
    ],
    ['Word', zip('[Content_Types].xml', 'word/document.xml'), /a Word document/],
    ['LibreOffice', zip('mimetype', 'content.xml'), /a LibreOffice document/],
    ['torch.save', zip('archive/data.pkl', 'archive/data/0'), /a PyTorch file/],
    ['np.savez', zip('arr_0.npy'), /NumPy arrays/],
    ['nothing', zipSync({}), /an empty zip archive/],
    ['its beginning alone', zip('train.jsonl').slice(0, 60), /a zip archive of train\.jsonl/],
    ['a few bytes', zip('train.jsonl').slice(0, 10), /a zip archive\. Unpack it/],
  ])('%s', async (_, content, message) => {
    expect(await refusal(content, 'rows.zip')).toMatch(message);
  });

  test('an archive in gzip is named by its first file', async () => {
    expect(await refusal(gzipSync(zip('train.jsonl', 'test.jsonl')), 'rows.jsonl.gz')).toMatch(
      /What is in rows\.jsonl\.gz is a zip archive of train\.jsonl/,
    );
  });
});

test.each([
  ['PARENT_ID,text\n1,a\n', 'PARENT_ID'],
  ['ORC,text\n1,a\n', 'ORC'],
  ['ID3,text\n1,a\n', 'ID3'],
  ['BZh,text\n1,a\n', 'BZh'],
  ['GGUF,text\n1,a\n', 'GGUF'],
])('text that starts like a signature is text: %j', async (text, column) => {
  const { rows } = await readAll(text, 'x.csv');
  expect(rows).toEqual([{ line: 2, value: { [column]: '1', text: 'a' } }]);
});
