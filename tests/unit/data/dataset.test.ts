import { expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { inspectTokens } from '../../../src/alttrain/inspect-tokens.ts';
import { toBatch } from '../../../src/data/batch.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { defaultSettings, goldenBytes, goldenTokenizer, readGolden } from './support.ts';

const options = { ...defaultSettings, maxLength: 96 };
const tokenizer = goldenTokenizer('tied-gqa');
const prepare = (text: string | Uint8Array<ArrayBuffer>, maxLength = 96) =>
  prepareDataset(oneFile('rows.jsonl', new Blob([text])), tokenizer, { ...options, maxLength });
const row = (instruction: string, response = 'b') => JSON.stringify({ instruction, response });
const errorOf = async (text: string): Promise<TrainerError> => {
  const error: unknown = await prepare(text).catch((reason: unknown) => reason);
  if (!(error instanceof TrainerError)) throw error;
  return error;
};

test('the report of a clean file counts what transformers counts', async () => {
  const { rows } = readGolden('tied-gqa');
  const { report, examples } = await prepare(goldenBytes('tied-gqa', 'dataset.jsonl'));
  const ids = rows.flatMap((golden) => golden.ids);
  const targets = rows.flatMap((golden) => golden.is_target).filter((bit) => bit === 1);
  expect(report).toMatchObject({
    format: 'jsonl',
    shape: 'instruction/response',
    totalRows: 21,
    usableRows: 21,
    rejected: [],
    tokenCount: ids.length,
    targetTokenCount: targets.length,
    truncatedLines: rows.filter(({ truncated }) => truncated).map(({ line }) => line),
    tokensPerRow: { mean: ids.length / 21, max: 96 },
  });
  expect(examples).toHaveLength(21);
  const inspected = inspectTokens(examples[0], tokenizer);
  const textOf = (trained: boolean): string =>
    inspected
      .filter(({ isTrained }) => isTrained === trained)
      .map(({ text }) => text)
      .join('');
  expect(textOf(false)).toBe('<｜begin▁of▁sentence｜><｜User｜>Add 2 and 5.<｜Assistant｜><think>\n');
  expect(textOf(true)).toBe('2 plus 5 is 7.\n</think>\n\n7<｜end▁of▁sentence｜>');
});

test('every row is usable or rejected with its line, and the counts add up', async () => {
  const lines = [
    row('a'),
    'broken {',
    '',
    row(''),
    '{"messages":[]}',
    row('long '.repeat(99)),
    '{"prompt":"c","completion":"d"}',
  ];
  const { report } = await prepare(lines.join('\n'));
  expect(report.rejected.map(({ line, code }) => `${line} ${code}`)).toEqual([
    '2 row-not-json',
    '4 row-empty',
    '5 row-empty',
    '6 row-no-target',
  ]);
  expect(report).toMatchObject({ totalRows: 6, usableRows: 2, shape: 'mixed' });
  expect(report.usableRows + report.rejected.length).toBe(report.totalRows);
  expect(report.rejected.every(({ excerpt, reason }) => excerpt.length > 0 || reason.includes('empty'))).toBe(
    true,
  );
});

test('progress goes from nothing to all bytes, and a cancel ends the reading', async () => {
  const seen: number[] = [];
  const wide = (i: number) => row(`q${i}`, 'So it is. '.repeat(2_000)); // long enough for several pauses
  const text = Array.from({ length: 200 }, (_, i) => wide(i)).join('\n');
  const blob = new Blob([text]);
  await prepareDataset(oneFile('x', blob), tokenizer, options, { onProgress: ({ done }) => seen.push(done) });
  expect([seen[0], seen.at(-1)]).toEqual([0, blob.size]);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(new Set(seen).size).toBeGreaterThan(2);

  const control = new AbortController();
  const cancelled = prepareDataset(oneFile('x', blob), tokenizer, options, {
    signal: control.signal,
    onProgress: ({ done }) => done > 0 && control.abort(),
  });
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
});

test('no usable row is an error that names the first problems', async () => {
  const error = await errorOf(`${row('')}\n{"a":1}`);
  expect(error.code).toBe('dataset-empty');
  expect(error.message).toContain('row 1 has an empty question');
  expect(error.message).toContain('row 2 has the fields a');
  expect((await errorOf('\n\n')).code).toBe('dataset-empty');
  expect((await errorOf('[]')).code).toBe('dataset-empty');
});

test('a file that cannot be read has a code', async () => {
  const gone = new Blob(['{}']);
  gone.slice = () => {
    throw new DOMException('gone', 'NotReadableError');
  };
  await expect(prepareDataset(oneFile('x', gone), tokenizer, options)).rejects.toMatchObject({
    code: 'dataset-unreadable',
  });
});

const made = (tokens: number[], isTarget: number[]): TokenizedExample => ({
  line: 1,
  tokens: Int32Array.from(tokens),
  isTarget: Uint8Array.from(isTarget),
  targetCount: isTarget.filter((bit) => bit === 1).length,
  truncated: false,
});

test('rows are packed end to end, each token predicting the next of its own row', () => {
  const batch = toBatch([made([5, 6, 7], [0, 0, 1]), made([8], [0]), made([1, 2, 3, 4], [0, 1, 1, 1])]);
  expect(batch).toEqual({
    inputs: Uint32Array.of(5, 6, 1, 2, 3),
    targets: Int32Array.of(-1, 7, 2, 3, 4),
    positions: Uint32Array.of(0, 1, 0, 1, 2),
    segmentStarts: Uint32Array.of(0, 0, 2, 2, 2),
    segmentEnds: Uint32Array.of(2, 2, 5, 5, 5),
    tokenCount: 5,
    targetCount: 4,
    rowTargetCounts: [1, 0, 3],
    weights: null,
  });
  expect(toBatch([]).tokenCount).toBe(0);
});

test('packing loses no target of a whole file', async () => {
  const { examples, report } = await prepare(goldenBytes('tied-gqa', 'dataset.jsonl'));
  const batch = toBatch(examples);
  expect(batch.targetCount).toBe(report.targetTokenCount);
  expect(batch.tokenCount).toBe(report.tokenCount - examples.length);
});
