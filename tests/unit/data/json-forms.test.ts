// JSON as Python writes and reads it, and the reason where text only looks like JSON.
import { describe, expect, test } from 'vitest';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { defaultSettings, goldenTokenizer, readAll } from './support.ts';

const good = '{"prompt":"a","completion":"b"}';

describe('NaN and Infinity, which json.dumps writes', () => {
  // Python 3.11: json.loads reads each of them.
  test.each([
    ['in a column that nobody uses', '{"prompt":"a","completion":"b","score":NaN}', null],
    ['endless', '{"prompt":"a","completion":"b","score":Infinity}', Infinity],
    ['endless below', '{"prompt":"a","completion":"b","score":-Infinity}', -Infinity],
    [
      'in a list',
      '{"prompt":"a","completion":"b","score":[1,NaN,{"x":-Infinity}]}',
      [1, null, { x: -Infinity }],
    ],
    [
      'in text, where they stay',
      '{"prompt":"a","completion":"b","score":"NaN, \\" Infinity"}',
      'NaN, " Infinity',
    ],
    ['in text and outside', '{"prompt":"a","completion":"b","x":"\\\\","y":"NaN","score":NaN}', null],
    [
      'a number beyond 2^53',
      '{"prompt":"a","completion":"b","score":12345678901234567890}',
      12345678901234567890,
    ],
    ['a name twice: the last', '{"prompt":"a","completion":"b","score":1,"score":2}', 2],
  ])('%s', async (_, row, score) => {
    for (const [name, text] of [
      ['x.jsonl', `${good}\n${row}\n`],
      ['x.jsonl', row],
      ['x.json', `[${good},\n ${row}]`],
    ] as const) {
      const { rows, rejected } = await readAll(text, name);
      expect(rejected).toEqual([]);
      expect(rows.at(-1)?.value).toMatchObject({ prompt: 'a', completion: 'b', score });
    }
  });

  test.each([
    ['{"prompt":"a","completion":NaN}', 'has "prompt" but no "completion"'],
    ['{"prompt":"a","completion":Infinity}', 'neither text nor a list of messages'],
    ['{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":NaN}]}', 'not text'],
  ])('where the value is used, the row is a problem: %s', async (row, reason) => {
    const data = oneFile('x.jsonl', new Blob([`${good}\n${row}\n`]));
    const { report } = await prepareDataset(data, goldenTokenizer('tied-gqa'), defaultSettings);
    expect(report).toMatchObject({ usableRows: 1, rejectedRows: 1 });
    expect(report.rejected[0].reason).toContain(reason);
  });

  test.each(['{"a":NaNs}', '{"a":xNaN}', '{"a":+Infinity}', '{"a":nan}'])(
    '%s is none of them',
    async (row) => {
      const { rejected } = await readAll(`${good}\n${row}`, 'x.jsonl');
      expect(rejected).toMatchObject([{ line: 2, code: 'row-not-json' }]);
    },
  );
});

test.each([
  ["{'prompt': 'x', 'ok': True, 'n': None}", "Python's form"],
  ['{"prompt": "x", "ok": True}', "Python's form"],
  ['{"prompt": "x", "n": [1, None]}', "Python's form"],
  ["[{'role': 'user', 'content': \"it's\"}]", "Python's form"],
  ['{"prompt": "x"} {"prompt": "y"}', 'several JSON values'],
  ['{"prompt":"x"}{"prompt":"y"}', 'several JSON values'],
  ['{"prompt": "x"},', 'a comma after its end'],
  ['{"prompt": "x",}', 'a comma before a closing bracket'],
  ['{"tags": ["x",]}', 'a comma before a closing bracket'],
  ['// rows of March', 'a comment'],
  ['{"prompt": "x" /* y */, "completion": "z"}', 'is not JSON'],
  ['{prompt: "x"}', 'a name has no quotes'],
  ['{“prompt”: “x”}', 'typographic'],
  ['{"prompt": \'x\'}', 'single quotes'],
  ['{"prompt": "x", "completion": "half', 'ends before its last bracket'],
  ['{"prompt": "x"', 'ends before its last bracket'],
])('the reason says what the text is: %s', async (text, reason) => {
  const { rows, rejected } = await readAll(`${good}\n${text}\n${good}`, 'x.jsonl');
  expect(rows.map(({ line }) => line)).toEqual([1, 3]);
  expect(rejected).toMatchObject([{ line: 2, code: 'row-not-json' }]);
  expect(rejected[0].reason).toContain(reason);
  const inList = await readAll(`[${good}, 5]`, 'x.json');
  expect(inList.rows).toHaveLength(2);
});

test.each([
  ['a comma too many', '{\n "prompt": "a",\n "completion": "b",\n}', 'a comma before a closing bracket'],
  ['a comment', '{\n // mine\n "prompt": "a"\n}', 'a comment'],
])('of JSON over lines the whole is judged, not its first line: %s', async (_, text, reason) => {
  await expect(readAll(text, 'x.json')).rejects.toMatchObject({
    code: 'dataset-unreadable',
    message: expect.stringContaining(reason) as string,
  });
});

test.each([
  ['a list', "[{'role': 'user', 'content': 'a'}]", "Python's form"],
  ['a list as NumPy prints it', "array([{'role': 'user'}])", 'neither text nor a list'],
  ['a dict', "{'role': 'user', 'content': 'a'}", "Python's form"],
  ['JSON cut short', '[{"role":"user"', 'ends before its last bracket'],
])('messages in a cell of CSV: %s', async (_, cell, reason) => {
  const csv = `prompt,messages\n,"${cell.replaceAll('"', '""')}"\n`;
  await expect(
    prepareDataset(oneFile('x.csv', new Blob([csv])), goldenTokenizer('tied-gqa'), defaultSettings),
  ).rejects.toMatchObject({ code: 'dataset-empty', message: expect.stringContaining(reason) as string });
});

describe('one object: a row, a wrapper around rows, or columns', () => {
  test.each([
    ['a row with tags', '{"frage":"a","antwort":"b","tags":["x","y"]}', 1],
    ['a row with numbers', '{"frage":"a","antwort":"b","scores":[1,2]}', 1],
    ['a row with no tags', '{"frage":"a","antwort":"b","tags":[]}', 1],
    ['a question with sources', '{"question":"a","answer":"b","sources":[{"url":"x"},{"url":"y"}]}', 1],
    [
      'turns under another name',
      '{"id":"1","turns":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}',
      1,
    ],
    ['a wrapper', '{"version":"1.0","data":[{"a":1},{"a":2},{"a":3}]}', 3],
    ['a wrapper with a second list of other things', '{"columns":["a"],"rows":[{"a":1},{"a":2}]}', 2],
  ])('%s', async (_, text, count) => {
    expect((await readAll(text, 'x.jsonl')).rows).toHaveLength(count);
  });

  test('an object that has a mapped column is a row, though it has one list of objects', async () => {
    const row = '{"frage":"a","antwort":"b","quellen":[{"url":"x"},{"url":"y"}]}';
    const settings = { ...defaultSettings, columns: ['prompt=frage', 'completion=antwort'] };
    const { report } = await prepareDataset(
      oneFile('x.jsonl', new Blob([row])),
      goldenTokenizer('tied-gqa'),
      settings,
    );
    expect(report).toMatchObject({ totalRows: 1, usableRows: 1 });
  });

  // pandas 3.1, to_json with orient columns (its default), index and split; datasets 5, to_dict.
  test.each([
    '{"prompt":{"0":"a","1":"b"},"completion":{"0":"c","1":"d"}}',
    '{"0":{"prompt":"a","completion":"c"},"1":{"prompt":"b","completion":"d"}}',
    '{"columns":["prompt","completion"],"index":[0,1],"data":[["a","c"],["b","d"]]}',
    '{"prompt":["a","b"],"completion":["c","d"]}',
  ])('columns are named as such: %s', async (text) => {
    await expect(readAll(text, 'x.json')).rejects.toMatchObject({
      code: 'dataset-unreadable',
      message: expect.stringContaining('columns, not rows') as string,
    });
  });
});
