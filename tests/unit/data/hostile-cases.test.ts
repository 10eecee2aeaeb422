// Files that hung, crashed or ended without a code once: each has its plain end now. Templates: template-budget.test.ts.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { previewColumns } from '../../../src/data/preview-columns.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { createChatTokenizer } from '../../../src/data/tokenizer.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { readJson, type ModelFiles } from '../../../src/model/model-files.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { defaultSettings, goldenText, goldenTokenizer, tokenizerFiles } from './support.ts';

const read = (name: string, content: BlobPart) =>
  prepareDataset(oneFile(name, new Blob([content])), goldenTokenizer('tied-bf16'), defaultSettings);
const good = '{"prompt": "a", "completion": "b"}\n';
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('a row that is nested too deeply', () => {
  test.each([
    ['in a field nobody reads', `{"prompt": "a", "completion": "b", "meta": ${nested(100_000)}}`],
    ['in a turn’s role', `{"messages": [{"role": ${nested(5_000)}, "content": "x"}]}`],
    ['as the whole row', nested(5_000)],
    ['in objects', `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`],
  ])('%s is that row’s problem, and the others are read', async (_, row) => {
    const { report, examples } = await read('rows.jsonl', `${good}${row}\n${good}`);
    expect(examples).toHaveLength(2);
    expect(report.rejected).toMatchObject([
      { line: 2, code: 'row-shape', reason: 'is nested more than 256 levels deep, which is not read' },
    ]);
  });
  test('the same in a JSON list, and for the preview of its columns', async () => {
    const list = `[${good}, {"prompt": ${nested(5_000)}}, ${good}]`;
    expect((await read('rows.json', list)).examples).toHaveLength(2);
    expect((await previewColumns(oneFile('rows.json', new Blob([list])))).columns).toEqual([
      'prompt',
      'completion',
    ]);
  });
});

test('config.json nested 5,000 deep is no config', async () => {
  const text = `{"learning_rate": ${nested(5_000)}}`;
  const files = {
    name: 'deep',
    open: async () => bytesSource(new TextEncoder().encode(text)),
  } as Partial<ModelFiles> as ModelFiles;
  await expect(readJson(files, 'config.json')).rejects.toMatchObject({
    code: 'model-file-invalid',
    detail: expect.stringContaining('nested more than 256 levels deep') as string,
  });
});

const config = JSON.parse(goldenText('tied-bf16', 'model/config.json')) as Record<string, unknown>;
test.each([
  ['num_hidden_layers', 2_000_000_000],
  ['num_hidden_layers', 2 ** 53],
  ['vocab_size', 2 ** 40],
  ['hidden_size', 2 ** 31],
  ['intermediate_size', 2 ** 31],
  ['num_attention_heads', 2 ** 20],
])('%s %d is no model’s', (name, value) => {
  expect(() => parseModelConfig({ ...config, [name]: value })).toThrow(
    expect.objectContaining({
      code: 'model-file-invalid',
      message: expect.stringContaining(`"${name}"`) as string,
    }),
  );
});

describe('a damaged Parquet file is refused, and ends', () => {
  const whole = readFileSync(new URL('../../fixtures/parquet/none-1.parquet', import.meta.url));
  // Bits all over the footer, where offsets and counts are: each is read, refused with a code, or a row less.
  const footer = whole.readUInt32LE(whole.length - 8) + 8;
  const places = Array.from({ length: 80 }, (_, i) => whole.length - footer + 7 * i);
  test.each([3, 7])('with bit %d of a byte of its footer flipped', async (bit) => {
    for (const at of places) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
      await previewColumns(oneFile('rows.parquet', new Blob([damaged]))).catch((error: unknown) =>
        expect(error).toMatchObject({
          name: 'TrainerError',
          code: expect.stringMatching(/^dataset-/) as string,
        }),
      );
    }
  });
});

test('a tokenizer’s pattern that takes for ever is refused before a text meets it', () => {
  const files = tokenizerFiles('tied-bf16');
  for (const [pattern, what] of [
    ['(a+)+$', /the anchor \$/],
    ['(a+)+b', /takes for ever/],
    [String.raw`(?:\w+\s?)+\.`, /takes for ever/],
  ] as const) {
    const split = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
    const tokenizerJson = { ...(files.tokenizerJson as object), pre_tokenizer: split };
    expect(() => createChatTokenizer({ ...files, tokenizerJson })).toThrow(what);
  }
});
