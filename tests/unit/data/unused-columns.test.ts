/** What a file holds and nothing uses, over all of its rows; and turns that are read but not trained. */
import { describe, expect, test } from 'vitest';
import { datasetLines } from '../../../scripts/cli/dataset-lines.ts';
import type { DatasetSettings } from '../../../src/api/trainer-api.ts';
import { prepareDataset } from '../../../src/data/dataset.ts';
import { oneFile } from '../../../src/data/read-files.ts';
import { defaultSettings, goldenTokenizer } from './support.ts';

const tokenizer = goldenTokenizer('tied-gqa');
const prepare = (
  rows: readonly object[] | string,
  settings: Partial<DatasetSettings> = {},
  name = 'rows.jsonl',
) =>
  prepareDataset(
    oneFile(
      name,
      new Blob([typeof rows === 'string' ? rows : rows.map((row) => JSON.stringify(row)).join('\n')]),
    ),
    tokenizer,
    { ...defaultSettings, ...settings },
  );
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string, more: object = {}) => ({ role: 'assistant', content, ...more });

describe('unused columns', () => {
  test('are counted over all rows, rejected ones too, and named once', async () => {
    const { report } = await prepare([
      { instruction: 'a', output: 'b', empty: '' },
      { instruction: 'c', output: 'd', source: 'x', empty: '' },
      { instruction: 'e', output: 'f', source: 'x', id: 0, empty: null },
      { instruction: '', output: '', source: 'x', onlyHere: 1 },
    ]);
    expect(report.unusedColumns).toEqual([
      { name: 'source', filledShare: 0.75 },
      { name: 'id', filledShare: 0.25 },
    ]);
    expect(report.gate.filter(({ code }) => code === 'columns-unused')).toEqual([
      {
        level: 'warning',
        code: 'columns-unused',
        message: '2 columns are not used (share of rows that fill them): source 75 %, id 25 %.',
      },
    ]);
    expect(datasetLines(report, 10).join('\n')).toContain(
      'warning: 2 columns are not used (share of rows that fill them): source 75 %',
    );
  });

  test('of a file in which every column is used are none', async () => {
    const { report } = await prepare('instruction,input,output\na,,b\nc,d,e\n', {}, 'rows.csv');
    expect(report.unusedColumns).toEqual([]);
    expect(report.gate.map(({ code }) => code)).not.toContain('columns-unused');
  });

  test('may be used in another row, and may stand in the turns of some', async () => {
    const { report } = await prepare([
      { prompt: 'a', completion: 'b' },
      { messages: [{ ...user('a'), name: 'Ann' }, assistant('b')], prompt: 'a' },
    ]);
    expect(report.unusedColumns).toEqual([
      { name: 'prompt', filledShare: 0.5 },
      { name: 'messages[].name', filledShare: 0.5 },
    ]);
  });

  test('that are many are all listed, and the warning stays short', async () => {
    const extra = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${i} ${'x'.repeat(100)}`, i]));
    const { report } = await prepare([{ prompt: 'a', completion: 'b', ...extra }]);
    expect(report.unusedColumns).toHaveLength(12);
    const warning = report.gate.find(({ code }) => code === 'columns-unused')?.message ?? '';
    expect(warning).toMatch(/^12 columns are not used \(.*\): .* and 4 more\.$/);
    expect(warning.length).toBeLessThan(500);
    expect(datasetLines(report, 10).filter((line) => line.startsWith('  not used: '))).toHaveLength(12);
  });

  test('of a mapped file are those that were not chosen', async () => {
    const rows = [{ frage: 'a', antwort: 'b', kontext: 'c' }];
    const { report } = await prepare(rows, { columns: ['prompt=frage', 'completion=antwort'] });
    expect(report.unusedColumns).toEqual([{ name: 'kontext', filledShare: 1 }]);
  });
});

describe('answers that are not to be trained', () => {
  const rows = (first: object, last: object) => [
    { messages: [user('one'), assistant('first', first), user('two'), assistant('second', last)] },
    { prompt: 'good', completion: 'row' },
  ];
  const trained = async (first: object, last: object, settings: Partial<DatasetSettings>) => {
    const { examples, report } = await prepare(rows(first, last), settings);
    const { tokens, isTarget } = examples[0];
    return {
      text: tokenizer.decode([...tokens].filter((_, t) => isTarget[t] === 1)),
      all: tokenizer.decode([...tokens]),
      rejected: report.rejected.map(({ code, reason }) => `${code} ${reason}`),
    };
  };
  const every = { assistantOnlyLoss: true };

  test('are context where every answer is trained', async () => {
    const both = await trained({}, {}, every);
    expect(both.text).toContain('first');
    expect(both.text).toContain('second');
    const last = await trained({ weight: 0 }, {}, every);
    expect(last.text).not.toContain('first');
    expect(last.text).toBe(both.text.slice(both.text.indexOf('second')));
    expect(last.all).toBe(both.all);
    const first = await trained({}, { train: false }, every);
    expect(first.text).toBe(both.text.slice(0, both.text.indexOf('second')));
    expect(first.rejected).toEqual([]);
  });

  test('take their row with them where nothing is left, or what is left is not what the settings train', async () => {
    expect((await trained({ weight: 0 }, { weight: 0 }, every)).rejected).toEqual([
      expect.stringContaining('row-no-target marks every answer'),
    ]);
    expect((await trained({}, { weight: 0 }, {})).rejected).toEqual([
      expect.stringContaining('row-no-target marks its last answer'),
    ]);
    expect((await trained({ weight: 0 }, {}, { completionOnlyLoss: false })).rejected).toEqual([
      expect.stringContaining('row-unsupported marks an answer'),
    ]);
    const before = await trained({ weight: 0 }, { weight: 1 }, {});
    expect(before).toEqual(await trained({}, {}, {})); // earlier answers are context there anyway
    expect(before.rejected).toEqual([]);
  });
});
