// More than 200 files that something is wrong with: each gives a report that adds up, or a coded error, in time, with short excerpts.
import { gzipSync } from 'fflate';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, test } from 'vitest';
import { errorCodes, TrainerError } from '../../../src/support/trainer-error.ts';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { createRng } from '../../../src/support/rng.ts';
import { defaultSettings, goldenTokenizer } from './support.ts';

/** Of the processor, which a busy machine does not lengthen: the longest take 2 s, and what is not linear takes minutes. */
const LIMIT_CPU_MS = 8_000;
const PATIENCE_MS = 120_000;
const tokenizer = goldenTokenizer('tied-gqa');
const settings = { ...defaultSettings, maxLength: 128 };

type Case = readonly [name: string, file: string, content: BlobPart];
const good = '{"prompt":"a","completion":"b"}';
const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const latin1 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (c) => c.charCodeAt(0));
const gzip = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => gzipSync(bytes);
const user = { role: 'user', content: 'q' };
const assistant = { role: 'assistant', content: 'a' };
const jsonl = (row: unknown): string => `${JSON.stringify(row)}\n${good}`;

/** One bad row beside a good one. */
const badRows: readonly unknown[] = [
  ...[null, true, 1, -0.5, 'text', [], [1], {}, [[]], { '': '' }],
  ...[null, 0, 1.5, true, [], {}, ['a'], { a: 1 }, [{ text: 'q' }]].flatMap((value) => [
    { prompt: value, completion: 'a' },
    { prompt: 'q', completion: value },
    { instruction: value, response: 'a' },
    { instruction: 'q', response: value },
    { question: 'q', response: value },
    { text: value },
    { messages: value },
    { messages: [user, { role: 'assistant', content: value }] },
    {
      conversations: [
        { from: 'human', value },
        { from: 'gpt', value: 'a' },
      ],
    },
  ]),
  ...['', ' ', '\n\t', '\u00a0', '\u2003', '\ufeff'].flatMap((blank) => [
    { prompt: blank, completion: 'a' },
    { prompt: 'q', completion: blank },
    { messages: [{ role: 'user', content: blank }, assistant] },
    { messages: [user, { role: 'assistant', content: blank }] },
    { text: blank },
  ]),
  ...[
    [assistant],
    [user],
    [assistant, user],
    [user, user, assistant],
    [user, assistant, assistant],
    [user, assistant, user],
    [assistant, user, assistant],
    [user, { role: 'system', content: 's' }, assistant],
    [{ role: 'system', content: 's' }, assistant],
    [{ role: 'system', content: 's' }, { role: 'system', content: 's' }, user, assistant],
    [{ role: 'tool', content: 't' }, assistant],
    [{ role: 'User', content: 'q' }, assistant],
    [{ role: '__proto__', content: 'q' }, assistant],
    [{ content: 'q' }, assistant],
    [{ role: 'user' }, assistant],
    [user, { role: 'assistant', content: null, tool_calls: [] }],
    [null, assistant],
    ['q', 'a'],
    [user, [assistant]],
  ].map((messages) => ({ messages })),
  { prompt: 'q', completion: 'one</think>two</think>three' },
  { prompt: 'q', completion: '</think></think>' },
  { prompt: 'q', completion: '<think>\n' },
  { prompt: 'half \ud800 pair', completion: 'a' },
  { prompt: 'q', completion: '\udc00' },
  { messages: 'not a list' },
  { messages: '[{"role":"user"' },
  { instruction: 'q', input: 5, output: 'a' },
  { instruction: 'q', input: ['more'], response: 'a' },
  { a: { prompt: 'q', completion: 'a' } },
  { prompt: 'q '.repeat(400), completion: 'a' },
  { prompt: 'x'.repeat(1_000_001), completion: 'a' },
];

const brokenJson = [
  ...[
    '{',
    '}',
    '[',
    '{"prompt":"a","completion":"b"',
    "{'prompt':'a','completion':'b'}",
    '{"prompt":"a",}',
    'undefined',
  ],
  ...[
    '{"prompt":"a" "completion":"b"}',
    '{"prompt":"tab\tinside","completion":"b"}',
    '{"prompt":"\\x","completion":"b"}',
  ],
  ...[
    '{"prompt":NaN}',
    `${good}${good}`,
    `${good},`,
    '// a comment',
    'prompt: a',
    '"',
    '\\',
    '{"a":01}',
    '<html></html>',
  ],
];
/** HTML and script are text like any other: read, and counted. */
const markup = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '</p><style>*{display:none}</style>',
  '&lt;b&gt;',
];

const deep = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);
const garbage = (seed: number, size: number): Uint8Array<ArrayBuffer> => {
  const rng = createRng(seed);
  return Uint8Array.from({ length: size }, () => Math.floor(rng.next() * 256));
};
const parquet = new Uint8Array(
  parquetWriteBuffer({
    columnData: [
      { name: 'prompt', data: ['a', 'b'] },
      { name: 'completion', data: ['c', 'd'] },
    ],
  }),
);
const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array<ArrayBuffer> => {
  const copy = Uint8Array.from(bytes);
  copy[at] = value;
  return copy;
};
const packed = gzip(encode(`${good}\n`.repeat(200)));

const cases: readonly Case[] = [
  ...badRows.map((row, i): Case => [
    `bad row ${i}: ${JSON.stringify(row).slice(0, 60)}`,
    'x.jsonl',
    jsonl(row),
  ]),
  ...brokenJson.flatMap((text, i): Case[] => [
    [`broken line ${i}: ${text.slice(0, 30)}`, 'x.jsonl', `${good}\n${text}\n${good}`],
    [`broken first line ${i}: ${text.slice(0, 30)}`, 'x.jsonl', `${text}\n${good}\n${good}`],
    [`broken element ${i}: ${text.slice(0, 30)}`, 'x.json', `[${good},${text},${good}]`],
    [`only ${i}: ${text.slice(0, 30)}`, 'x.jsonl', text],
  ]),
  ...markup.flatMap((text): Case[] => [
    [`markup ${text}`, 'x.jsonl', jsonl({ prompt: text, completion: text })],
    [`markup as a column ${text}`, 'x.jsonl', jsonl({ [text]: text })],
    [`markup in CSV ${text}`, 'x.csv', `prompt,completion\n"${text.replaceAll('"', '""')}",b\n`],
  ]),
  ['nothing', 'x.jsonl', ''],
  ['blank lines', 'x.jsonl', '\n\r\n \t\n'],
  ['a byte order mark alone', 'x.jsonl', '\ufeff'],
  ['two byte order marks', 'x.jsonl', `\ufeff\ufeff${good}`],
  ['CRLF', 'x.jsonl', `${good}\r\nbroken\r\n${good}\r\n`],
  ['CR alone', 'x.jsonl', `${good}\rbroken\r${good}`],
  ['Latin-1', 'x.jsonl', latin1('{"prompt":"K\xe4se","completion":"b"}')],
  ['Latin-1 in line 3', 'x.jsonl', new Uint8Array([...encode(`${good}\n${good}\n`), 0xe4, 0x0a])],
  ['UTF-8 cut in a character', 'x.jsonl', encode('{"prompt":"ä","completion":"ö"}').slice(0, 12)],
  ['UTF-16 without its mark', 'x.jsonl', Uint8Array.from([...good].flatMap((c) => [c.charCodeAt(0), 0]))],
  ['UTF-16 cut in half', 'x.jsonl', Uint8Array.from([0xff, 0xfe, 0x7b, 0x00, 0x22])],
  ['NUL in a line', 'x.jsonl', `${good}\n{"prompt":"a\0","completion":"b"}`],
  ['NUL at the end', 'x.jsonl', `${good}\n\0\0\0`],
  ['a NUL escape', 'x.jsonl', jsonl({ prompt: 'a\0b', completion: 'c' })],
  [
    'a line of 10 MB',
    'x.jsonl',
    `${JSON.stringify({ prompt: 'a', completion: 'x'.repeat(10 << 20) })}\n${good}`,
  ],
  [
    'a line of 20 MB',
    'x.jsonl',
    `${JSON.stringify({ prompt: 'a', completion: 'x'.repeat(20 << 20) })}\n${good}`,
  ],
  ['10 MB of spaces', 'x.jsonl', `${' '.repeat(10 << 20)}\n${good}`],
  [
    'an element of 20 MB',
    'x.json',
    `[${good},{"prompt":"a","completion":"${'x'.repeat(20 << 20)}"},${good}]`,
  ],
  ['a cell of 10 MB', 'x.csv', `prompt,completion\na,${'x'.repeat(10 << 20)}\nc,d\n`],
  ['a quote that is never closed', 'x.csv', `prompt,completion\na,"${'x\n'.repeat(9 << 20)}`],
  ['nested lists', 'x.jsonl', `${deep('[', ']', 100_000)}\n${good}`],
  ['nested lists without end', 'x.json', '['.repeat(100_000)],
  ['nested objects', 'x.jsonl', `${deep('{"a":', '}', 50_000).replace(':}', ':1}')}\n${good}`],
  ['a deep value', 'x.jsonl', `{"prompt":${deep('[', ']', 5_000)},"completion":"a"}\n${good}`],
  ['100,000 empty elements', 'x.json', `[${','.repeat(100_000)}]`],
  ['100,000 columns', 'x.csv', `${Array.from({ length: 100_000 }, (_, i) => `c${i}`).join()}\n1,2\n`],
  ['a list that is not closed', 'x.json', `[${good},${good}`],
  ['a list closed twice', 'x.json', `[${good}]]`],
  ['a list closed as an object', 'x.json', `[${good}}`],
  ['two lists', 'x.json', `[${good}][${good}]`],
  ['text after the list', 'x.json', `[${good}] and so on`],
  ['a string that is not closed', 'x.json', `[${good},{"prompt":"a]`],
  ['an object of several lists', 'x.json', '{"train":[],"test":[]}'],
  ['an object of lists over lines', 'x.json', '{\n"train": [],\n"test": []\n}'],
  ['a number', 'x.json', '42'],
  ['a text', 'x.json', '"text"'],
  ['null', 'x.json', 'null'],
  ['prose', 'x.txt', 'Once upon a time,\nthere was no data.'],
  ['YAML', 'x.yaml', '- prompt: a\n  completion: b\n'],
  ['XML', 'x.xml', '<?xml version="1.0"?><rows/>'],
  ['CSV without a name for it', 'x', 'prompt,completion\na,b\n'],
  ['CSV of one line', 'x.csv', 'prompt,completion'],
  ['CSV without its columns', 'x.csv', 'a,b\n1,2\n'],
  ['CSV with a column twice', 'x.csv', 'prompt,prompt\na,b\n'],
  ['CSV with a column without a name', 'x.csv', 'prompt,,completion\na,b,c\n'],
  ['CSV with short and long rows', 'x.csv', 'prompt,completion\na\na,b\na,b,c\n'],
  ['CSV of one column', 'x.csv', 'prompt\na\nb\n'],
  ['CSV with empty cells', 'x.csv', 'prompt,completion\n,b\na,\n,\n'],
  ['CSV of blank lines', 'x.csv', '\n\n\n'],
  ['CSV with a stray quote', 'x.csv', 'prompt,completion\na"b,c\n"a"b,c\nd,e\n'],
  ['CSV in Latin-1', 'x.csv', latin1('prompt,completion\nK\xe4se,b\n')],
  ['an image', 'x.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d)],
  ['a zip', 'x.zip', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0)],
  ['a PDF', 'x.pdf', encode('%PDF-1.7\n%âãÏÓ\n1 0 obj')],
  ['a Git LFS pointer', 'x.jsonl', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'],
  ['a page of an error', 'x.jsonl', '<!doctype html>\n<html><body>404</body></html>'],
  ...[1, 2, 3, 4, 5, 6].map((seed): Case => [`noise ${seed}`, 'x.jsonl', garbage(seed, 5_000)]),
  ...[7, 8, 9].map((seed): Case => [`noise ${seed} as CSV`, 'x.csv', garbage(seed, 5_000)]),
  ['gzip cut short', 'x.jsonl.gz', packed.slice(0, packed.length - 12)],
  ['gzip of its head', 'x.jsonl.gz', packed.slice(0, 5)],
  ['gzip with noise in it', 'x.jsonl.gz', new Uint8Array([...packed.slice(0, 20), ...garbage(1, 200)])],
  ['gzip followed by noise', 'x.jsonl.gz', new Uint8Array([...packed, ...garbage(2, 100)])],
  ['gzip in gzip', 'x.jsonl.gz', gzip(packed)],
  ['gzip of nothing', 'x.jsonl.gz', gzip(new Uint8Array(0))],
  ['gzip under a plain name', 'x.jsonl', packed],
  ['a plain file under a name of gzip', 'x.jsonl.gz', `${good}\nbroken`],
  ['a bomb of zeros', 'x.jsonl.gz', gzip(new Uint8Array(200 << 20))],
  ['a bomb of spaces', 'x.jsonl.gz', gzip(new Uint8Array(200 << 20).fill(0x20))],
  ['a bomb of one line', 'x.csv.gz', gzip(new Uint8Array(200 << 20).fill(0x61))],
  ['parquet cut short', 'x.parquet', parquet.slice(0, parquet.length - 10)],
  ['parquet of its head', 'x.parquet', parquet.slice(0, 12)],
  ['parquet with a huge footer', 'x.parquet', changed(parquet, parquet.length - 5, 0x7f)],
  ...Array.from({ length: 12 }, (_, i): Case => {
    const at = 4 + Math.floor(((parquet.length - 8) * i) / 12);
    return [`parquet with byte ${at} wrong`, 'x.parquet', changed(parquet, at, parquet[at] ^ 0xff)];
  }),
  [
    'parquet of other columns',
    'x.parquet',
    parquetWriteBuffer({ columnData: [{ name: 'a', data: [1, 2, 3] }] }),
  ],
  [
    'parquet of numbers and nothing',
    'x.parquet',
    parquetWriteBuffer({
      columnData: [
        { name: 'prompt', data: ['a', null, 'c'], type: 'STRING' },
        { name: 'completion', data: [1n, 2n, 3n] },
      ],
    }),
  ],
];

const outcomes = new Map<string, string>();

async function read([, file, content]: Case): Promise<string> {
  try {
    const { report } = await prepareDataset(oneFile(file, new Blob([content])), tokenizer, settings);
    expect(report.usableRows + report.rejectedRows).toBe(report.totalRows);
    expect(report.rejected).toHaveLength(report.rejectedRows);
    for (const { line, reason, excerpt } of report.rejected) {
      expect(line).toBeGreaterThan(0);
      expect(reason.length).toBeGreaterThan(5);
      expect(reason.length).toBeLessThan(700);
      expect(excerpt.length).toBeLessThanOrEqual(80);
    }
    return `${report.usableRows} of ${report.totalRows}`;
  } catch (error) {
    if (!(error instanceof TrainerError)) throw error;
    expect(errorCodes).toContain(error.code);
    expect(error.code).not.toBe('internal');
    expect(error.message.length).toBeLessThan(3_000);
    return error.code;
  }
}

test('there are at least 200 of them, all different', () => {
  expect(new Set(cases.map(([name]) => name)).size).toBe(cases.length);
  expect(cases.length).toBeGreaterThanOrEqual(200);
});

test.each(cases)(
  '%s',
  async (...bad) => {
    const started = process.cpuUsage();
    const outcome = await read(bad);
    outcomes.set(bad[0], outcome);
    expect(outcome).toMatch(/^(\d+ of \d+|dataset-unreadable|dataset-empty)$/);
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1_000).toBeLessThan(LIMIT_CPU_MS);
  },
  PATIENCE_MS,
);

describe('what becomes of some of them', () => {
  test.each([
    ['CRLF', '2 of 3'],
    ['CR alone', '2 of 3'],
    ['two byte order marks', 'dataset-unreadable'],
    ['Latin-1', 'dataset-unreadable'],
    ['NUL in a line', 'dataset-unreadable'],
    ['a line of 10 MB', '1 of 2'],
    ['a line of 20 MB', '1 of 2'],
    ['an element of 20 MB', '2 of 3'],
    ['a cell of 10 MB', '1 of 2'],
    ['a quote that is never closed', 'dataset-unreadable'],
    ['a bomb of zeros', 'dataset-unreadable'],
    ['a bomb of spaces', 'dataset-unreadable'],
    ['gzip cut short', 'dataset-unreadable'],
    ['gzip in gzip', 'dataset-unreadable'],
    ['parquet cut short', 'dataset-unreadable'],
    ['CSV with short and long rows', '1 of 3'],
    ['markup <script>alert(1)</script>', '2 of 2'],
  ])('%s: %s', (name, expected) => {
    expect(outcomes.get(name)).toBe(expected);
  });

  test('every bad row beside a good one leaves the good one', () => {
    const ofRows = [...outcomes].filter(([name]) => name.startsWith('bad row '));
    expect(ofRows).toHaveLength(badRows.length);
    expect(ofRows.filter(([, outcome]) => outcome !== '1 of 2')).toEqual([]);
  });
});
