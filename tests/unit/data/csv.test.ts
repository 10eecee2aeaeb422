// CSV as Python's csv module and pandas read it: no quote swallows a row that is not reported, and lines are those of the file.
// The values were compared with csv of Python 3.11 and pandas 3.1 on 5,500 random files; these are the kinds that were among them.
import { describe, expect, test } from 'vitest';
import { CsvScanner } from '../../../src/data/csv-records.ts';
import { readAll } from './support.ts';

const fieldsOf = async (text: string, name = 'x.csv'): Promise<unknown[]> =>
  (await readAll(text, name)).rows.map(({ value }) => Object.values(value as Record<string, unknown>));

describe('quotes', () => {
  test.each([
    ['text after a closing quote belongs to the field', '"Hi" is what Ann said.', 'Hi is what Ann said.'],
    ['a quote inside a field is text', 'Bob said "yes"', 'Bob said "yes"'],
    ['a doubled quote is one', '"He said ""hi"""', 'He said "hi"'],
    ['doubled quotes after a closing quote stay', '"a" ""b""', 'a ""b""'],
    ['a quote after white space is text', ' "a"', ' "a"'],
    ['white space after a closing quote stays', '"a" ', 'a '],
    ['an escape of other tools is text', '"a\\" b', 'a\\ b'],
    ['nothing in quotes is nothing', '""', ''],
    ['one quoted quote', '""""', '"'],
    ['a line end in quotes stays', '"a\r\nb\rc\nd"', 'a\r\nb\rc\nd'],
  ])('%s', async (_, field, value) => {
    const text = `prompt,completion\nq,${field}\nafter,it\n`;
    expect(await fieldsOf(text)).toEqual([
      ['q', value],
      ['after', 'it'],
    ]);
  });

  test('a quoted text over lines with more text after its end is reported with its lines, and the rows after it are read', async () => {
    const { rows, rejected, totalRows } = await readAll(
      'prompt,completion\na,"never closed\nb,second\nc,"fine"\nd,e\n',
      'x.csv',
    );
    expect(rows).toEqual([{ line: 5, value: { prompt: 'd', completion: 'e' } }]);
    expect(rejected).toMatchObject([{ line: 2, code: 'row-shape' }]);
    expect(rejected[0].reason).toMatch(/opened in line 2 .* Lines 2 to 4 are not used/);
    expect(totalRows).toBe(2);
  });

  test('a quote in the middle of a large file that is never closed is refused with its line', async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => `q${i},${i === 20_000 ? '"' : ''}an answer`);
    await expect(readAll(`prompt,completion\n${rows.join('\n')}`, 'x.csv')).rejects.toMatchObject({
      code: 'dataset-unreadable',
      message: expect.stringContaining('line 20002 and never closed') as string,
    });
  });
});

describe('lines', () => {
  test.each(['\n', '\r\n', '\r'])('line ends %j are all line ends, also mixed', async (newline) => {
    const text = `p,c\r\na,b${newline}${newline}"c\nd",e\r${newline}f,g`;
    const { rows } = await readAll(text, 'x.csv');
    expect(rows.map(({ value }) => value)).toEqual([
      { p: 'a', c: 'b' },
      { p: 'c\nd', c: 'e' },
      { p: 'f', c: 'g' },
    ]);
    // "\r" before "\n" is one end, so the second blank line is none then.
    expect(rows.map(({ line }) => line)).toEqual([2, 4, newline === '\n' ? 6 : 7]);
  });

  test('records are the same wherever the chunks are cut', () => {
    const text = 'a,"b\r\n""c"""\r\n\r\n"d"e,f\r\r"g\rh",i\n,\n" "\n';
    const read = (step: number): unknown => {
      const scanner = new CsvScanner(',', 1_000);
      const records = [];
      for (let at = 0; at < text.length; at += step) records.push(...scanner.push(text.slice(at, at + step)));
      return [...records, ...scanner.end()];
    };
    const whole = read(text.length);
    expect(whole).toMatchObject([
      { line: 1, lastLine: 2, fields: ['a', 'b\r\n"c"'] },
      { line: 3, isBlank: true },
      { line: 4, fields: ['de', 'f'] },
      { line: 5, isBlank: true },
      { line: 6, lastLine: 7, fields: ['g\rh', 'i'] },
      { line: 8, fields: ['', ''] },
      { line: 9, fields: [' '], isBlank: false },
    ]);
    for (let step = 1; step < text.length; step++) expect(read(step)).toEqual(whole);
  });

  test('an empty cell in quotes is a row of one column, an empty line is none', async () => {
    expect(await readAll('text\n""\n\na\n', 'x.csv')).toMatchObject({
      rows: [
        { line: 2, value: { text: '' } },
        { line: 4, value: { text: 'a' } },
      ],
    });
  });

  test('a row over 16 Mi characters without quotes is reported, and the next one read', async () => {
    const { rows, rejected } = await readAll(`p,c\na,${'x'.repeat(17 << 20)}\nb,c\n`, 'x.csv');
    expect(rejected).toMatchObject([{ line: 2, code: 'row-too-long' }]);
    expect(rows).toMatchObject([{ line: 3 }]);
  });
});

describe('the first line', () => {
  const columnsOf = async (header: string): Promise<string[]> => {
    const cells = header.split(/[,;\t]/).map((_, i) => `v${i}`);
    const delimiter = /[;\t]/.exec(header)?.[0] ?? ',';
    const { rows } = await readAll(`${header}\n${cells.join(delimiter)}\n`, 'x.csv');
    return Object.keys(rows[0].value as object);
  };

  // pandas 3.1, read_csv: the names of its columns.
  test.each([
    ['the index of pandas', ',prompt,completion', ['Unnamed: 0', 'prompt', 'completion']],
    ['a comma at the end', 'prompt,completion,', ['prompt', 'completion', 'Unnamed: 2']],
    ['several without a name', ',,a,', ['Unnamed: 0', 'Unnamed: 1', 'a', 'Unnamed: 3']],
    ['a name twice', 'a,b,a', ['a', 'b', 'a.1']],
    ['a name twice, and what it would become', 'a,a.1,a,a', ['a', 'a.1', 'a.2', 'a.3']],
    ['quoted names', '"a""b","c"', ['a"b', 'c']],
    ['white space after the delimiter', 'prompt, completion', ['prompt', 'completion']],
    ['a byte order mark before a quote', '\ufeff"prompt",completion', ['prompt', 'completion']],
  ])('%s', async (_, header, columns) => {
    expect(await columnsOf(header)).toEqual(columns);
  });

  test('fields that are more or fewer than the columns are reported, a delimiter at the end of the line by name', async () => {
    const { rows, rejected } = await readAll('prompt,completion\na,b,\nc\nd,e,f\ng,h\n', 'x.csv');
    expect(rows).toMatchObject([{ line: 5 }]);
    expect(rejected).toMatchObject([
      { line: 2, reason: expect.stringContaining('a delimiter at the end of this line') as string },
      { line: 3, reason: 'has 1 fields; the first line names 2 columns' },
      { line: 4, reason: 'has 3 fields; the first line names 2 columns' },
    ]);
  });

  test.each([
    ['sep=; of Excel', 'x.csv', 'sep=;\nprompt;completion\na,b;c\n', 3],
    ['sep=, of Excel', 'x.csv', 'sep=,\r\nprompt,completion\r\n"a,b",c\r\n', 3],
    ['semicolons', 'x.csv', 'prompt;completion\na,b;c\n', 2],
    ['bars', 'x.csv', 'prompt|completion\na,b|c\n', 2],
    ['tabs in a file of tabs, though more commas', 'x.tsv', 'prompt, short, plain\tcompletion\na,b\tc\n', 2],
    ['a delimiter in a quoted name over lines', 'x.csv', '"prompt;\n;;",completion\n"a,b",c\n', 3],
  ])('%s', async (_, name, text, line) => {
    const { rows, rejected } = await readAll(text, name);
    expect(rejected).toEqual([]);
    expect(rows.map((row) => [row.line, ...Object.values(row.value as Record<string, string>)])).toEqual([
      [line, 'a,b', 'c'],
    ]);
  });
});
