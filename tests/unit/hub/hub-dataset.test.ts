// A dataset of the hub through the reader: the rows of a picked file, whatever the network does.
import { gzipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { HubDatasetSource } from '../../../src/api/trainer-api.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { downloadHubDataset, findHubDataset } from '../../../src/hub/hub-dataset.ts';
import {
  commitOf,
  startHubServer,
  type HubFault,
  type HubRepo,
  type HubServer,
} from '../../support/hub-server.ts';
import { defaultSettings, goldenTokenizer } from '../data/support.ts';

const questions = Array.from({ length: 40 }, (_, i) => `Question ${i}?`);
const answers = questions.map((_, i) => `Käse ${i}.\n</think>\n\n${i}`);
const jsonl = questions
  .map((question, i) => `${JSON.stringify({ question, response: answers[i] })}\n`)
  .join('');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parquet = (from: number, to: number): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'question', data: questions.slice(from, to), type: 'STRING' },
        { name: 'response', data: answers.slice(from, to), type: 'STRING' },
      ],
    }),
  );
const dataset = (id: string, files: HubRepo['files'], more: Partial<HubRepo> = {}): HubRepo => ({
  type: 'dataset',
  id,
  files: { '.gitattributes': bytes('*.parquet filter=lfs'), 'README.md': bytes('# Data'), ...files },
  ...more,
});
const whole = dataset('data/whole', { 'rows.jsonl': bytes(jsonl) }, { revisions: ['refs/pr/1'] });
const repos = [
  whole,
  dataset('data/gated', { 'rows.jsonl.gz': gzipSync(bytes(jsonl)) }, { token: 'hf_secretSecret' }),
  dataset('data/parts', {
    'data/test-00000-of-00001.parquet': parquet(0, 1),
    'data/train-00000-of-00002.parquet': parquet(0, 15),
    'data/train-00001-of-00002.parquet': parquet(15, 40),
  }),
  dataset('data/odd', { 'rows #1 ü.jsonl': bytes(jsonl) }),
  dataset('data/two', { 'a.jsonl': bytes(jsonl), 'b.jsonl': bytes(jsonl) }),
  dataset('data/none', {}),
];
const quick = { attempts: 4, firstWaitMs: 5, longestWaitMs: 2_000, silenceMs: 250 };
const tokenizer = goldenTokenizer('tied-gqa');

let hub: HubServer;
beforeAll(async () => {
  hub = await startHubServer(repos);
});
afterAll(() => hub.close());
beforeEach(() => hub.clear());

const source = (id: string, more: Partial<HubDatasetSource> = {}): HubDatasetSource => ({
  kind: 'hub',
  id,
  hubUrl: hub.url,
  ...more,
});
const read = async (id: string, more: Partial<HubDatasetSource> = {}) =>
  prepareDataset(await downloadHubDataset(source(id, more), { policy: quick }), tokenizer, defaultSettings);
async function codeOf(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof TrainerError) return error.code;
  throw error;
}
const failing = (path: string, fault: HubFault['fault'], rule: Partial<HubFault> = {}): void =>
  hub.setFaults([{ path, fault, ...rule }]);

test.each([
  ['a file', 'data/whole', {}, 'jsonl'],
  ['a gzipped one behind a token', 'data/gated', { token: 'hf_secretSecret' }, 'jsonl'],
  ['the parts of a split, in order', 'data/parts', {}, 'parquet'],
  ['a name that an address cannot hold', 'data/odd', {}, 'jsonl'],
])('%s gives the rows of the same file picked', async (_, id, more, format) => {
  const picked = await prepareDataset(oneFile('rows.jsonl', new Blob([jsonl])), tokenizer, defaultSettings);
  const { report, examples } = await read(id, more);
  expect(report).toMatchObject({ format, totalRows: 40, usableRows: 40, rejected: [] });
  const plain = (rows: typeof examples) =>
    rows.map(({ line, tokens, isTarget }) => ({ line, tokens: [...tokens], isTarget: [...isTarget] }));
  expect(plain(examples)).toEqual(plain(picked.examples));
});

test('rows of several files are counted on, and what cannot be read is said of its own file', async () => {
  const row = '{"question":"a","response":"b"}\n';
  const parts = (...texts: string[]) => ({
    name: 'parts',
    files: texts.map((text, i) => ({ name: `${i}.jsonl`, blob: new Blob([text]) })),
  });
  const { report, examples } = await prepareDataset(
    parts(`${row}\n${row}`, `broken {\n${row}`),
    tokenizer,
    defaultSettings,
  );
  expect(examples.map(({ line }) => line)).toEqual([1, 3, 5]);
  expect(report.rejected).toMatchObject([{ line: 4, code: 'row-not-json' }]);
  await expect(prepareDataset(parts(row, 'prose'), tokenizer, defaultSettings)).rejects.toMatchObject({
    code: 'dataset-unreadable',
    message: expect.stringContaining('1.jsonl') as string,
  });
});

test('it is read at the commit of its revision, and its name says what was read', async () => {
  const { report } = await read('data/whole', { revision: 'refs/pr/1' });
  expect(report.name).toBe('data/whole/rows.jsonl');
  expect(hub.requests.at(-1)?.path).toBe(`/datasets/data/whole/resolve/${commitOf(whole)}/rows.jsonl`);
});

test('what it holds is told before a byte of it is loaded', async () => {
  const report = await findHubDataset(source('data/parts'), { policy: quick });
  expect(report.preferred).toBe('data/train-*-of-00002.parquet');
  expect(report.choices.map(({ path }) => path)).toEqual([
    'data/test-00000-of-00001.parquet',
    'data/train-*-of-00002.parquet',
  ]);
  expect(report.choices[1].bytes).toBe(parquet(0, 15).length + parquet(15, 40).length);
  expect(hub.requests.every(({ path }) => path.startsWith('/api/datasets/'))).toBe(true);
});

test.each([
  ['no token', 'data/gated', {}, 'hub-access'],
  ['a wrong token', 'data/gated', { token: 'hf_other' }, 'hub-access'],
  ['no such dataset', 'data/missing', {}, 'hub-access'], // the hub answers 401 for what it does not show
  ['no such revision', 'data/whole', { revision: 'v9' }, 'hub-not-found'],
  ['no such file', 'data/whole', { path: 'other.jsonl' }, 'hub-not-found'],
  ['several files', 'data/two', {}, 'dataset-ambiguous'],
  ['nothing to read', 'data/none', {}, 'dataset-unreadable'],
  ['no id', 'whole', {}, 'hub-not-found'],
])('%s: %s ends with its code', async (_, id, more, code) => {
  expect(await codeOf(read(id, more))).toBe(code);
});

test('a connection that breaks goes on, and one that always breaks is given up', async () => {
  failing('train-00001', { kind: 'drop', afterBytes: 100 }, { on: 'cdn', times: 2 });
  expect((await read('data/parts')).report.usableRows).toBe(40);
  failing('train-00001', { kind: 'drop', afterBytes: 10 }, { on: 'cdn' });
  expect(await codeOf(read('data/parts'))).toBe('hub-unreachable');
});

test('a page of the list that fails passes, a busy hub is said to be busy', async () => {
  failing('/tree/', { kind: 'status', status: 503 }, { on: 'metadata', times: 2 });
  expect((await read('data/parts')).report.usableRows).toBe(40);
  failing('/tree/', { kind: 'status', status: 429 }, { on: 'metadata' });
  expect(await codeOf(read('data/parts'))).toBe('hub-busy');
});

test('content that is not the hub’s is refused', async () => {
  failing('train-00001', { kind: 'flip', at: 30 }, { on: 'cdn' });
  expect(await codeOf(read('data/parts'))).toBe('download-damaged');
});

test('progress names the file, and a cancel ends a download that hangs', async () => {
  const seen: string[] = [];
  await downloadHubDataset(source('data/parts'), {
    policy: quick,
    onTransfer: ({ file }) => seen.push(file),
  });
  expect(new Set(seen)).toEqual(
    new Set(['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002.parquet']),
  );
  failing('train-00000', { kind: 'stall', afterBytes: 10 }, { on: 'cdn' });
  const control = new AbortController();
  setTimeout(() => control.abort(), 50);
  const policy = { ...quick, silenceMs: 60_000 };
  const hanging = downloadHubDataset(source('data/parts'), { policy, signal: control.signal });
  expect(await codeOf(hanging)).toBe('cancelled');
});
