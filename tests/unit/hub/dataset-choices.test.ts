// Which files of a repository are read as one dataset, when it is clear, and what is said when it is not.
import { expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { choicesOf, chosen, reportOf } from '../../../src/hub/dataset-choices.ts';

const sized = (paths: readonly string[]) => choicesOf('o/n', paths, new Map(paths.map((path) => [path, 10])));
const pick = (paths: readonly string[], path?: string): readonly string[] =>
  chosen('o/n', sized(paths), path).files;
function errorOf(action: () => unknown): TrainerError {
  try {
    action();
  } catch (error) {
    if (error instanceof TrainerError) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

test.each<[string, readonly string[], readonly string[]]>([
  ['the only file', ['README.md', '.gitattributes', 'STAR-1.json'], ['STAR-1.json']],
  ['the only file, though it is a test', ['test.csv.gz'], ['test.csv.gz']],
  [
    'train beside others',
    ['data/test.jsonl', 'data/train.jsonl', 'data/validation.jsonl'],
    ['data/train.jsonl'],
  ],
  ['what is for nothing else', ['dev.tsv', 'rows.tsv', 'test.tsv'], ['rows.tsv']],
  [
    'a folder called train',
    ['default/test/0000.parquet', 'default/train/0000.parquet'],
    ['default/train/0000.parquet'],
  ],
  ['a description is no data', ['dataset_infos.json', 'data.ndjson', '.cache/train.json'], ['data.ndjson']],
  [
    'parts of a split, in their order',
    [
      'data/train-00001-of-00002.parquet',
      'data/train-00000-of-00002.parquet',
      'data/test-00000-of-00001.parquet',
    ],
    ['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002.parquet'],
  ],
  [
    'parts with a hash',
    [
      'data/train-00000-of-00002-0123456789abcdef.parquet',
      'data/train-00001-of-00002-fedcba9876543210.parquet',
    ],
    [
      'data/train-00000-of-00002-0123456789abcdef.parquet',
      'data/train-00001-of-00002-fedcba9876543210.parquet',
    ],
  ],
  [
    'numbered files of a folder',
    ['train/0001.parquet', 'train/0000.parquet'],
    ['train/0000.parquet', 'train/0001.parquet'],
  ],
])('%s', (_, paths, expected) => {
  expect(pick(paths)).toEqual(expected);
});

const several = [
  'main/train-00000-of-00001.parquet',
  'main/test-00000-of-00001.parquet',
  'socratic/train.jsonl',
];
test.each([
  ['socratic/train.jsonl', ['socratic/train.jsonl']],
  ['main', ['main/train-00000-of-00001.parquet']],
  ['main/te', ['main/test-00000-of-00001.parquet']],
])('a path chooses: %s', (path, expected) => {
  expect(pick(several, path)).toEqual(expected);
});

test('a part can be read alone, and parts by their pattern', () => {
  const parts = ['a-00000-of-00002.csv', 'a-00001-of-00002.csv'];
  expect(pick(parts, 'a-00001-of-00002.csv')).toEqual(['a-00001-of-00002.csv']);
  expect(pick(parts, 'a-*-of-00002.csv')).toEqual(parts);
  expect(reportOf(sized(parts))).toEqual({
    choices: [{ path: 'a-*-of-00002.csv', files: parts, bytes: 20 }],
    preferred: 'a-*-of-00002.csv',
  });
});

test('where it is not clear, what there is is listed', () => {
  expect(reportOf(sized(several)).preferred).toBeNull();
  const ambiguous = errorOf(() => pick(several));
  expect(ambiguous.code).toBe('dataset-ambiguous');
  for (const path of several) expect(ambiguous.message).toContain(path);
  const missing = errorOf(() => pick(several, 'other'));
  expect(missing.code).toBe('hub-not-found');
  expect(missing.message).toContain('socratic/train.jsonl');
  const nothing = errorOf(() => pick(['README.md', 'images/0.png']));
  expect(nothing.code).toBe('dataset-unreadable');
  expect(nothing.message).toContain('images/0.png');
  const incomplete = errorOf(() => pick(['train-00000-of-00003.json', 'train-00002-of-00003.json']));
  expect(incomplete.code).toBe('dataset-unreadable');
  expect(incomplete.message).toContain('2 of the 3 parts');
});
