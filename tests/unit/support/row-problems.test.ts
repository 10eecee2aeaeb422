import { expect, test } from 'vitest';
import { groupProblems, linesText } from '../../../src/support/row-problems.ts';

const problem = (line: number, reason: string, excerpt = `row ${line}`) => ({
  ...{ line, code: 'row-no-answer', reason, excerpt },
});

test('rows with the same complaint are one, with the first of them as an example', () => {
  const groups = groupProblems([problem(3, 'no answer'), problem(4, 'cut'), problem(9, 'no answer')]);
  expect(groups).toEqual([
    { code: 'row-no-answer', reason: 'no answer', excerpt: 'row 3', lines: [3, 9] },
    { code: 'row-no-answer', reason: 'cut', excerpt: 'row 4', lines: [4] },
  ]);
});

test.each([
  [[3], 'line 3'],
  [[3, 5], 'lines 3 and 5'],
  [[1, 2, 3, 4, 5], 'lines 1, 2, 3, 4 and 5'],
  [[1, 2, 3, 4, 1005, 6, 7], 'lines 1, 2, 3, 4, 1,005 and 2 more'],
])('%j', (lines, text) => {
  expect(linesText(lines)).toBe(text);
});
