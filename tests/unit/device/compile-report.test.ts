import { expect, test } from 'vitest';
import { compileReport } from '../../../src/device/compile-report.ts';

const source = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`).join('\n');
const report = (lineNum: number, linePos: number, type = 'error'): string =>
  compileReport({ key: 'swiglu', source }, [{ type, message: 'unresolved value', lineNum, linePos }]);

test('an error is shown with three lines before and after it, and a mark under its column', () => {
  expect(report(8, 6)).toBe(
    [
      'swiglu, line 8, column 6: unresolved value',
      '   5 | line 5',
      '   6 | line 6',
      '   7 | line 7',
      '>  8 | line 8',
      '     |      ^',
      '   9 | line 9',
      '  10 | line 10',
      '  11 | line 11',
    ].join('\n'),
  );
});

test('the first and the last line have fewer around them', () => {
  expect(report(1, 1).split('\n')).toEqual([
    'swiglu, line 1, column 1: unresolved value',
    '> 1 | line 1',
    '    | ^',
    '  2 | line 2',
    '  3 | line 3',
    '  4 | line 4',
  ]);
  expect(report(12, 1).split('\n').slice(1)).toEqual([
    '   9 | line 9',
    '  10 | line 10',
    '  11 | line 11',
    '> 12 | line 12',
    '     | ^',
  ]);
});

test('an error without a place is its message alone, and warnings are left out', () => {
  expect(report(0, 0)).toBe('swiglu: unresolved value');
  expect(report(3, 1, 'warning')).toBe('');
  const twice = compileReport({ key: 'k', source }, [
    { type: 'error', message: 'one', lineNum: 0, linePos: 0 },
    { type: 'info', message: 'told', lineNum: 2, linePos: 1 },
    { type: 'error', message: 'two', lineNum: 0, linePos: 0 },
  ]);
  expect(twice).toBe('k: one\n\nk: two');
});

test('a message that draws the place itself, as Firefox’s do, is cut to what it says', () => {
  const message = [
    '',
    "Shader '' parsing error: no definition in scope for identifier: `nowhere`",
    '   ┌─ wgsl:13:20',
    '   │',
    '13 │   y[threadIndex] = nowhere;',
    '   │                    ^^^^^^^ unknown identifier',
    '   │',
    '   = note: names are case-sensitive',
    '',
  ].join('\n');
  const messages = [{ type: 'error', message, lineNum: 8, linePos: 6 }];
  const [head, ...below] = compileReport({ key: 'swiglu', source }, messages).split('\n');
  expect(head).toBe(
    "swiglu, line 8, column 6: Shader '' parsing error: no definition in scope for identifier: `nowhere` = note: names are case-sensitive",
  );
  expect(below).toHaveLength(8);
  const nowhere = { type: 'error', message: 'lost', lineNum: 0, linePos: 0 };
  expect(compileReport({ key: 'swiglu', source }, [nowhere])).toBe('swiglu: lost');
});
