import { expect, test } from 'vitest';
import { toBatch } from '../../../src/data/batch.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { isTooMany, skippedSentence, skippedStep, unsoundRows } from '../../../src/trainer/skipped-step.ts';

/** A row with this many targets. */
const row = (line: number, targets: number): TokenizedExample => ({
  line,
  tokens: Int32Array.from({ length: targets + 2 }, (_, i) => i),
  isTarget: Uint8Array.from({ length: targets + 2 }, (_, i) => (i < 2 ? 0 : 1)),
  targetCount: targets,
  truncated: false,
});

test('rows are told by their own log-probabilities, over micro-batches of rows of any size', () => {
  const examples = [row(1, 3), row(2, 1), row(3, 2), row(4, 4)];
  const rows = [
    [2, 0],
    [3, 1],
  ];
  const window = rows.map((micro) => toBatch(micro.map((i) => examples[i])));
  const logProbs = new Float32Array(10).fill(-1);
  expect(unsoundRows(rows, window, logProbs)).toEqual([]);
  for (const [place, expected] of [2, 2, 0, 0, 0, 3, 3, 3, 3, 1].entries())
    for (const value of [NaN, -Infinity, Infinity]) {
      const bad = logProbs.slice();
      bad[place] = value;
      expect(unsoundRows(rows, window, bad), `${value} at ${place}`).toEqual([expected]);
    }
});

test('lines are named once, in order, and the first twenty of many', () => {
  const skip = { isLoss: true, isNarrowed: true, inARow: 1, total: 4 };
  expect(skippedStep({ ...skip, lines: [9, 3, 9] })).toEqual({
    reason: 'loss',
    lines: [3, 9],
    rows: 2,
    isNarrowed: true,
    inARow: 1,
    total: 4,
  });
  const many = skippedStep({ ...skip, lines: Array.from({ length: 50 }, (_, i) => 50 - i) });
  expect([many.lines.length, many.rows, many.lines[0]]).toEqual([20, 50, 1]);
  expect(skippedSentence(many, 3)).toContain('18, 19, 20 and 30 more');
});

test('what is said of a row differs from what is said of a whole step', () => {
  const of = (isLoss: boolean, isNarrowed: boolean) =>
    skippedSentence(skippedStep({ isLoss, lines: [7], isNarrowed, inARow: 2, total: 5 }), 3);
  expect(of(true, true)).toMatch(
    /the loss was not finite.*line 7: look at that row.*5 skipped so far, 2 in a row; after 3/,
  );
  expect(of(false, false)).toMatch(
    /the gradient was not finite.*no row by itself; the step had line 7\. A lower learning_rate/,
  );
});

test('a run stops after as many in a row as the setting says, and 0 is the first', () => {
  const stops = (inARow: number, most: number) => isTooMany({ inARow }, most);
  expect([1, 2, 3].map((inARow) => stops(inARow, 3))).toEqual([false, false, true]);
  expect([stops(1, 0), stops(1, 1), stops(1, 2)]).toEqual([true, true, false]);
});
