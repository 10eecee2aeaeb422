import { describe, expect, test } from 'vitest';
import { rougeL } from '../../../src/evaluation/judges/rouge.ts';
import { mcNemar, meanOf, rateOf, studentQuantile } from '../../../src/evaluation/statistics.ts';

// statsmodels 0.15.0: proportion_confint(count, n, method="wilson")
test.each([
  [0, 10, 0, 0.27753279986288926],
  [1, 10, 0.017876213095072924, 0.40415002679526854],
  [5, 10, 0.23659309051256394, 0.7634069094874361],
  [10, 10, 0.7224672001371106, 1],
  [3, 7, 0.15821985525146964, 0.7495416354723428],
  [37, 250, 0.10931982398325643, 0.19733401886153654],
  [250, 250, 0.9848667005045553, 1],
])('%i of %i lie between %d and %d', (count, n, low, high) => {
  const rate = rateOf(count, n);
  expect(rate).toMatchObject({ count, n, rate: count / n });
  expect(rate.low).toBeCloseTo(low, 10);
  expect(rate.high).toBeCloseTo(high, 10);
});

test('a rate of no rows is none, and may be anything', () => {
  expect(rateOf(0, 0)).toEqual({ count: 0, n: 0, rate: Number.NaN, low: 0, high: 1 });
});

// statsmodels 0.15.0: mcnemar([[10, b], [c, 20]], exact=True).pvalue
test.each([
  [0, 0, 1],
  [1, 0, 1],
  [5, 0, 0.0625],
  [6, 2, 0.2890625],
  [2, 6, 0.2890625],
  [15, 15, 1],
  [30, 12, 0.007915897334896727],
  [100, 70, 0.025844387581341693],
  [0, 12, 0.00048828125],
  [400, 300, 0.0001784763144856244],
])('%i rows changed one way and %i the other: p = %d', (b, c, p) => {
  expect(mcNemar(b, c)).toMatchObject({ onlyFirst: b, onlySecond: c });
  expect(mcNemar(b, c).p).toBeCloseTo(p, 12);
});

// scipy 1.17.1: stats.t.ppf(0.975, degrees)
test.each([
  [1, 12.706204736174694],
  [2, 4.302652729749462],
  [3, 3.1824463052837078],
  [9, 2.262157162798205],
  [249, 1.9695368676403504],
  [1318, 1.9617655127673146],
])('Student’s t with %i degrees of freedom', (degrees, quantile) => {
  expect(studentQuantile(0.975, degrees)).toBeCloseTo(quantile, 8);
});

// scipy 1.17.1: stats.t.interval(0.95, n - 1, loc=mean, scale=std(ddof=1) / √n)
test.each([
  [[0.1, 0.5, 0.3], -0.19682754235006605, 0.796827542350066],
  [[1, 2, 3, 4, 5, 6, 7], 2.002104839708592, 5.997895160291408],
  [[0, 1], -5.853102368087347, 6.853102368087347],
  [[0.2, 0.2, 0.2], 0.2, 0.2],
])('the mean of %j', (values, low, high) => {
  const mean = meanOf(values);
  expect(mean.n).toBe(values.length);
  expect(mean.low).toBeCloseTo(low, 8);
  expect(mean.high).toBeCloseTo(high, 8);
});

test('one value has no interval, none has no mean', () => {
  expect(meanOf([3])).toEqual({ n: 1, mean: 3, low: 3, high: 3 });
  expect(meanOf([]).mean).toBeNaN();
});

describe('ROUGE-L', () => {
  // rouge-score 0.1.2: RougeScorer(["rougeL"], use_stemmer=False).score(reference, answer): precision, recall, fmeasure
  test.each([
    [
      'The quick brown fox jumps over the lazy dog.',
      'A quick brown dog jumps over the lazy fox.',
      2 / 3,
      2 / 3,
      2 / 3,
    ],
    ['police killed the gunman', 'the gunman police killed', 0.5, 0.5, 0.5],
    [
      'Police: 3 arrested in U.S. after $1,200 theft',
      'Three people were arrested in the US after a theft of $1,200.',
      0.384615384615,
      0.5,
      0.434782608696,
    ],
    ['', '', 0, 0, 0],
    ['word', '', 0, 0, 0],
    ['', 'word', 0, 0, 0],
    ["It's a state-of-the-art model", 'its a state of the art model', 0.857142857143, 0.75, 0.8],
    ['a b c d e f g', 'g f e d c b a', 0.142857142857, 0.142857142857, 0.142857142857],
    ['Ünïcode café naïve', 'unicode cafe naive', 0, 0, 0],
    [
      'The runner was running runs quickly',
      'runners run in the running',
      0.4,
      0.333333333333,
      0.363636363636,
    ],
    ['one two three two one', 'two one two three', 0.75, 0.6, 0.666666666667],
  ])('reference %j, answer %j', (reference, answer, precision, recall, f) => {
    const score = rougeL(answer, reference);
    expect(score.precision).toBeCloseTo(precision, 10);
    expect(score.recall).toBeCloseTo(recall, 10);
    expect(score.f).toBeCloseTo(f, 10);
  });
});
