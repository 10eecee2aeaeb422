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
  const wait = (name: string, ms: number) => ({
    name,
    run: async (repetitions: number) => {
      order.push(`${name}${repetitions}`);
      const until = performance.now() + ms * repetitions;
      while (performance.now() < until);
    },
  });
  const [a, b] = await alternate([wait('a', 1), wait('b', 4)], { rounds: 3, sampleMs: 8 });
  const sampled = order.slice(-6).map((entry) => entry[0]);
  expect(sampled).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  expect(Number(order.at(-2)?.slice(1))).toBeGreaterThan(Number(order.at(-1)?.slice(1)));
  expect(a.samplesMs).toHaveLength(3);
  expect(timesLonger(b, a)).toBeGreaterThan(2);
});
