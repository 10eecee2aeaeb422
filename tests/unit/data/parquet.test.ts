// Parquet of pyarrow 26 (scripts/goldens/parquet_files.py): every codec, also where a page holds only nulls.
import { readFileSync } from 'node:fs';
import { parquetMetadata } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { checkPages } from '../../../src/data/parquet-pages.ts';
import { readAll } from './support.ts';

const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/parquet/${name}`, import.meta.url)));

test.each(
  ['none', 'snappy', 'gzip', 'brotli', 'zstd', 'lz4'].flatMap((codec) => [`${codec}-1`, `${codec}-2`]),
)('%s: a list of turns, a column of nulls, a group without rows, columns of other types', async (name) => {
  const { rows, rejected } = await readAll(fixture(`${name}.parquet`), 'x.parquet');
  expect(rejected).toEqual([]);
  const turns = [
    ['Name a fish.', 'Trout.'],
    ['Name a bird.', 'Wren.'],
    ['Name a cat.', 'Lynx.'],
  ];
  expect(rows).toEqual(
    turns.map(([question, answer], i) => ({
      line: i + 1,
      value: {
        messages: [
          { role: 'user', content: question },
          { role: 'assistant', content: answer },
        ],
        source: null,
        note: i === 1 ? null : 'n'.repeat(i + 1),
        label: i,
        price: 1.25,
        at: '2026-01-02T03:04:05.000Z',
        ok: i === 0,
      },
    })),
  );
});

// Two bytes of a good file changed: the second column has no place in it, and an offset that is no number.
const displaced =
  'UEFSMRUEFUYVSkwVAhUAAAAjiB8AAABbeyJyb2xlIjoidXNlciIsImNvbnRlbnQiOiJhIn1dFQYVCBUMXBUEFQAVBBUQFQQVAAAAAwMCBAADFQYVJBUoXBUEFQAVBBUAFQQVAAAAAwMQPAEAAAAAAAAAAgAAAAAAAAAVBBk8SARyb290FQQAFQwlAhgIbWVzc2FnZXMlJgAVBCUCGAFuABYEGRwZLCYIHBUMGSUAEBkYCG1lc3NhZ2VzFQIWBBaSARaaASZsJggcNgAoH1t7InJvbGUiDiJ1c2VyIiwiY29udGVudCI6ImEifV0YH1t7InJvbGUiOiJ1c2VyIiwiY29udGVudCI6ImEifV0AGSwVBBUAFQIAFQYVEBUCAAAAJqIBHBUEGRUAGRgBbmICFgQWThZSJqIBPDYAKAgCAAAAAAAAABgIAQAAAAAAAAAAGRwVBhUAFQIAAAAW4AEWBDbsAQAoCWh5cGFycXVldBksHAAAHAAAAP4AAABQQVIx';

test('a column that does not lie in the file is refused before it is read', async () => {
  await expect(readAll(Uint8Array.from(Buffer.from(displaced, 'base64')), 'x.parquet')).rejects.toMatchObject(
    {
      code: 'dataset-unreadable',
    },
  );
});

/** Where the headers of a column's pages lie, byte for byte. */
function headerBytesOf(bytes: Uint8Array<ArrayBuffer>, column: string): number[] {
  const places: number[] = [];
  for (const { columns } of parquetMetadata(bytes.buffer).row_groups)
    for (const { meta_data: meta } of columns) {
      if (meta?.path_in_schema[0] !== column) continue;
      const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
      const reader = {
        view: new DataView(bytes.buffer, start, Number(meta.total_compressed_size)),
        offset: 0,
      };
      while (reader.offset < reader.view.byteLength - 1) {
        const before = reader.offset;
        const { compressed_page_size: packed } = parquetHeader(reader);
        for (let at = before; at < reader.offset; at++) places.push(start + at);
        reader.offset += packed;
      }
    }
  return places;
}

// A flipped bit took the length of the levels away, and hyparquet went round for ever.
test.each(['none-1', 'snappy-1', 'none-2', 'snappy-2'])(
  '%s: whatever bit of a page header is flipped, reading ends with rows or a coded error',
  async (name) => {
    const good = fixture(`${name}.parquet`);
    const outcomes = new Set<string>();
    for (const at of headerBytesOf(good, 'note'))
      for (let bit = 0; bit < 8; bit++) {
        const bad = Uint8Array.from(good);
        bad[at] ^= 1 << bit;
        const outcome = await readAll(bad, 'x.parquet').then(
          () => 'rows',
          (error: unknown) => (error instanceof TrainerError ? error.code : String(error)),
        );
        outcomes.add(outcome);
      }
    expect([...outcomes].sort()).toEqual(['dataset-unreadable', 'rows']);
  },
  60_000,
);

test('a page header with long statistics is read whole, and a page in the middle of a file where it lies', async () => {
  const longest = 40_000;
  const varint = [(longest & 0x7f) | 0x80, ((longest >> 7) & 0x7f) | 0x80, longest >> 14];
  // Thrift: type 0, lengths 0, a data page of one value (1 is written 2) whose statistics hold a text.
  const start = [0x15, 0, 0x15, 0, 0x15, 0, 0x2c, 0x15, 2, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c, 0x18, ...varint];
  const header = [...start, ...new Uint8Array(longest), 0, 0, 0];
  const bytes = Uint8Array.from([...header, ...header, 0]);
  const file = {
    byteLength: bytes.length,
    slice: (from: number, to?: number) => bytes.slice(from, to).buffer,
  };
  const chunk = { name: 'x', start: 0, end: bytes.length, valueCount: 2 };
  await checkPages(file, chunk);
  await checkPages(file, { ...chunk, start: header.length, valueCount: 1 });
  await expect(checkPages(file, { ...chunk, valueCount: 1 })).rejects.toThrow('more than its 1 values');
});
