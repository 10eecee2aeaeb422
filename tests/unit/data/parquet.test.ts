// Parquet of pyarrow 26 (scripts/goldens/parquet_files.py): every codec, also where a page holds only nulls.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
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
