import { describe, expect, test } from 'vitest';
import { linearFit, median, relativeError, spread } from '../../bench/suite/statistics.ts';
import { alternate, timesLonger } from '../../bench/suite/timing.ts';

describe('statistics', () => {
  test('the median of an even count lies between the two middle values, in any order', () => {
    expect(median([9, 1, 3, 5])).toBe(4);
    expect(median([7, 1, 3])).toBe(3);
    expect(() => median([])).toThrow(RangeError);
  });
  test('spread is the whole width over the median', () => {
    expect(spread([8, 10, 14])).toBeCloseTo(0.6, 12);
  });
  test('a straight line is found exactly, with R² 1', () => {
    const { slopeMs, interceptMs, r2 } = linearFit([1, 2, 4, 8].map((x) => [x, 3 + 2 * x]));
    expect([slopeMs, interceptMs, r2]).toEqual([2, 3, 1]);
  });
  test('a parabola is no line: R² says so', () => {
    // least squares by hand: slope 0, intercept 2/3
    expect(linearFit([-1, 0, 1].map((x) => [x, x * x]))).toEqual({ slopeMs: 0, interceptMs: 2 / 3, r2: 0 });
  });
  test('one point, or one x, gives no line', () => {
    expect(() => linearFit([[1, 1]])).toThrow(RangeError);
    expect(() =>
      linearFit([
        [1, 1],
        [1, 2],
      ]),
    ).toThrow(RangeError);
  });
  test('NaN and a wrong length never pass as small errors', () => {
    expect(relativeError([1, 2.002], [1, 2])).toBeCloseTo(0.001, 9);
    expect(relativeError([Number.NaN, 2], [1, 2])).toBe(Infinity);
    expect(relativeError([1], [1, 2])).toBe(Infinity);
    expect(relativeError([1, 2, 3], [1, 2])).toBe(Infinity);
  });
});

test('contenders take turns, and a quick one is repeated to fill its sample', async () => {
  const order: string[] = [];
  let nowMs = 0;
  const worker = (name: string, ms: number) => ({
    name,
    run: async (repetitions: number) => {
      order.push(`${name} ×${repetitions}`);
      nowMs += ms * repetitions;
    },
  });
  const [a, b] = await alternate([worker('a', 1), worker('b', 4)], { rounds: 3, sampleMs: 8 }, () => nowMs);
  expect(order.slice(-6)).toEqual(['a ×8', 'b ×2', 'a ×8', 'b ×2', 'a ×8', 'b ×2']);
  expect([a, b]).toEqual([
    { medianMs: 1, spread: 0, samplesMs: [1, 1, 1] },
    { medianMs: 4, spread: 0, samplesMs: [4, 4, 4] },
  ]);
  expect(timesLonger(b, a)).toBe(4);
});

test('the ratio is taken round by round: a machine that slows down slows both', () => {
  const timing = (samplesMs: number[]) => ({ medianMs: median(samplesMs), spread: 0, samplesMs });
  expect(timesLonger(timing([2, 20, 6]), timing([1, 10, 3]))).toBe(2);
});
