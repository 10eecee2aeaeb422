import { describe, expect, test } from 'vitest';
import { acceptedDataFiles, dataFileEndings, isDataFile } from '../../../src/config/data-files.ts';
import { oneFile, openFiles } from '../../../src/data/read-files.ts';

describe('files that a dataset may be', () => {
  test.each([
    ['rows.jsonl', true],
    ['data/train-00000-of-00002.parquet', true],
    ['ROWS.CSV.GZ', true],
    ['rows.tab', true],
    ['rows.json.zip', false],
    ['README.md', false],
    ['json', false],
    ['rowsjson', false],
  ])('%s: %s', (path, expected) => {
    expect(isDataFile(path)).toBe(expected);
  });

  test('the page offers them all, and gzipped ones', () => {
    expect(acceptedDataFiles.split(',')).toEqual([...dataFileEndings.map((ending) => `.${ending}`), '.gz']);
  });

  const texts = { csv: 'prompt,completion\na,b\n', tsv: 'prompt\tcompletion\na\tb\n' } as const;
  const json = '{"prompt":"a","completion":"b"}\n';
  const textOf = (ending: string): string =>
    ending === 'csv' ? texts.csv : ending === 'tsv' || ending === 'tab' ? texts.tsv : json;

  test.each(dataFileEndings.filter((ending) => ending !== 'parquet'))(
    'a row of .%s is read',
    async (ending) => {
      const source = await openFiles(oneFile(`rows.${ending}`, new Blob([textOf(ending)])));
      const rows = [];
      for await (const batch of source.batches) rows.push(...batch);
      expect(rows).toMatchObject([{ value: { prompt: 'a', completion: 'b' } }]);
    },
  );
});
