// The same 50 conversations give the same tokens and masks, whatever file they come in.
import { gzipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import Papa from 'papaparse';
import { expect, test } from 'vitest';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import type { DatasetSettings } from '../../../src/api/trainer-api.ts';
import { createRng } from '../../../src/support/rng.ts';
import { defaultSettings, goldenTokenizer, readAll } from './support.ts';

const tokenizer = goldenTokenizer('tied-gqa');
const rng = createRng(5);
const words = [
  'bread',
  'Käse',
  '你好',
  '👋🏽',
  '"quoted"',
  'a,b',
  'tab\there',
  'line\nbreak',
  '<b>x</b>',
  "it's",
  ';',
];
const sentence = (): string =>
  Array.from(
    { length: 3 + Math.floor(rng.next() * 8) },
    () => words[Math.floor(rng.next() * words.length)],
  ).join(' ');
const conversations = Array.from({ length: 50 }, (_, i) => ({
  question: `${i}: ${sentence()}?`,
  answer: `<think>\nThe user asks ${sentence()}. It is fine. ${sentence()}\n</think>\n\n${sentence()}`,
}));
type Conversation = (typeof conversations)[number];

const shapes: Readonly<Record<string, (row: Conversation) => Record<string, unknown>>> = {
  messages: ({ question, answer }) => ({
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ],
  }),
  conversations: ({ question, answer }) => ({
    conversations: [
      { from: 'human', value: question },
      { from: 'gpt', value: answer },
    ],
  }),
  'prompt/completion': ({ question, answer }) => ({ prompt: question, completion: answer }),
  'instruction/response': ({ question, answer }) => ({
    instruction: question,
    response: answer,
    label: 'safe',
  }),
  'instruction/input/output': ({ question, answer }) => ({
    instruction: question,
    input: '',
    output: answer,
  }),
  'question/response': ({ question, answer }) => ({ question, response: answer, score: 10 }),
};
const mapped = { frage: 'question', antwort: 'answer' } as const;
const rowsOf = (shape: string): Record<string, unknown>[] => conversations.map(shapes[shape]);

const lines = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');
/** As a spreadsheet has it: cells are text, lists as JSON. */
const flat = (rows: readonly Record<string, unknown>[]): Record<string, unknown>[] =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([key, value]) => [
        key,
        typeof value === 'object' ? JSON.stringify(value) : value,
      ]),
    ),
  );
const csv = (rows: readonly Record<string, unknown>[], delimiter: string, newline = '\n'): string =>
  Papa.unparse(flat(rows), { delimiter, newline });
const parquet = (rows: readonly Record<string, unknown>[], codec: 'SNAPPY' | 'UNCOMPRESSED'): ArrayBuffer => {
  const columns = Object.keys(rows[0]).map((name) => ({
    name,
    data: rows.map((row) => row[name]),
    ...(typeof rows[0][name] === 'object' ? { type: 'JSON' as const } : {}),
  }));
  return parquetWriteBuffer({ columnData: columns, codec, rowGroupSize: 20 });
};

const files: Readonly<Record<string, (rows: Record<string, unknown>[]) => BlobPart>> = {
  'a.jsonl': lines,
  'a.json': (rows) => JSON.stringify(rows),
  'pretty.json': (rows) => JSON.stringify(rows, null, 2),
  'wrapped.json': (rows) => JSON.stringify({ version: 1, data: rows }, null, 1),
  'crlf.jsonl': (rows) => `\ufeff${lines(rows).replaceAll('}\n{', '}\r\n{')}\r\n`,
  'a.csv': (rows) => csv(rows, ','),
  'excel.csv': (rows) => `\ufeff${csv(rows, ';', '\r\n')}`,
  'a.tsv': (rows) => csv(rows, '\t'),
  'a.parquet': (rows) => parquet(rows, 'SNAPPY'),
  'plain.parquet': (rows) => parquet(rows, 'UNCOMPRESSED'),
};

const tokensOf = async (content: BlobPart, name: string, settings: Partial<DatasetSettings> = {}) => {
  const { report, examples } = await prepareDataset(oneFile(name, new Blob([content])), tokenizer, {
    ...defaultSettings,
    ...settings,
  });
  expect(report).toMatchObject({ totalRows: 50, usableRows: 50, rejectedRows: 0 });
  return {
    shape: report.shape,
    examples: examples.map(({ tokens, isTarget }) => [[...tokens], [...isTarget]]),
  };
};

const reference = await tokensOf(lines(rowsOf('prompt/completion')), 'reference.jsonl');

test('the reference has all kinds of tokens, and its rows differ', () => {
  expect(new Set(reference.examples.map((row) => JSON.stringify(row))).size).toBe(50);
  expect(reference.examples.flatMap(([, mask]) => mask)).toContain(0);
});

const bytesOf = async (content: BlobPart): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await new Blob([content]).arrayBuffer());

test.each(Object.keys(files))('%s, plain and gzipped, in every shape', async (name) => {
  for (const shape of Object.keys(shapes)) {
    const content = files[name](rowsOf(shape));
    expect(await tokensOf(content, name), shape).toEqual({ ...reference, shape });
    const packed = gzipSync(await bytesOf(content));
    expect(await tokensOf(packed, `${name}.gz`), `${shape}, gzip`).toEqual({ ...reference, shape });
  }
});

test.each(Object.keys(files))('%s with columns of other names, mapped', async (name) => {
  const rows = conversations.map((row) =>
    Object.fromEntries(Object.entries(mapped).map(([column, field]) => [column, row[field]])),
  );
  const content = files[name](rows);
  const columns = ['prompt=frage', 'completion=antwort'];
  expect((await tokensOf(content, name, { columns })).examples).toEqual(reference.examples);
});

test('two gzip members after another are one file', async () => {
  const half = (from: number): Uint8Array =>
    gzipSync(new TextEncoder().encode(`${lines(rowsOf('messages').slice(from, from + 25))}\n`));
  const both = new Uint8Array([...half(0), ...half(25)]);
  expect((await tokensOf(both, 'a.jsonl.gz')).examples).toEqual(reference.examples);
});

test('rows keep their place in the file over chunks of a megabyte', async () => {
  const rows = Array.from({ length: 900 }, (_, i) => ({ prompt: `${i}`, completion: 'ä€👋'.repeat(600) }));
  for (const [name, content] of [
    ['a.jsonl', lines(rows)],
    ['a.json', JSON.stringify(rows)],
  ] as const)
    expect((await readAll(content, name)).rows).toEqual(rows.map((value, i) => ({ line: i + 1, value })));
  const table = (await readAll(csv(rows, ','), 'a.csv')).rows;
  expect(table).toEqual(rows.map((value, i) => ({ line: i + 2, value })));
});

test('a CSV row knows the line it starts in', async () => {
  const { rows, rejected } = await readAll('prompt,completion\n"a\n\nb",c\n\nd,e,f\ng,h\n', 'x.csv');
  expect(rows.map(({ line }) => line)).toEqual([2, 7]);
  expect(rejected).toMatchObject([{ line: 6, code: 'row-shape' }]);
});
