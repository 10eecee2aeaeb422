/** What a number says and how sure it is: rates with Wilson's interval, paired changes by McNemar's exact test, means by Student's t. */
import type { Mean, Paired, Rate } from '../api/evaluations.ts';

export type { Mean, Paired, Rate };

const Z_95 = 1.959963984540054;

/** Wilson 1927: right also near 0 and 1, and for a few rows. */
export function rateOf(count: number, n: number, z = Z_95): Rate {
  if (n === 0) return { count, n, rate: Number.NaN, low: 0, high: 1 };
  const p = count / n;
  const zz = (z * z) / n;
  const middle = (p + zz / 2) / (1 + zz);
  const half = (z / (1 + zz)) * Math.sqrt((p * (1 - p)) / n + zz / (4 * n));
  return { count, n, rate: p, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** McNemar's exact test of two yes-or-no results on the same rows. */
export function mcNemar(onlyFirst: number, onlySecond: number): Paired {
  const n = onlyFirst + onlySecond;
  const less = Math.min(onlyFirst, onlySecond);
  // Σ C(n, i) / 2^n for i ≤ less, from logarithms: C(700, 300) is larger than a double.
  let sum = 0;
  let logTerm = -n * Math.LN2;
  for (let i = 0; i <= less; i++) {
    sum += Math.exp(logTerm);
    logTerm += Math.log(n - i) - Math.log(i + 1);
  }
  return { onlyFirst, onlySecond, p: Math.min(1, 2 * sum) };
}

export function meanOf(values: readonly number[]): Mean {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean, low: mean, high: mean };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = studentQuantile(0.975, n - 1) * Math.sqrt(variance / n);
  return { n, mean, low: mean - half, high: mean + half };
}

/** The value below which Student's t lies with this probability (> 1/2). */
export function studentQuantile(probability: number, degrees: number): number {
  let [low, high] = [0, 1];
  while (studentBelow(high, degrees) < probability) high *= 2;
  for (let i = 0; i < 200 && high - low > 1e-12 * high; i++) {
    const middle = (low + high) / 2;
    if (studentBelow(middle, degrees) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const studentBelow = (t: number, degrees: number): number =>
  1 - incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;

/** Regularised, by Lentz's continued fraction (Numerical Recipes 6.4). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x));
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const kept = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1));
  let sum = d;
  for (let m = 1; m <= 500; m++) {
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / kept(1 + term * d);
      c = kept(1 + term / c);
      sum *= c * d;
    }
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return sum;
}

/** Lanczos, g = 7, nine terms. */
function logGamma(x: number): number {
  const terms = [
    ...[0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059],
    ...[12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7],
  ];
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const y = x - 1;
  const base = y + 7.5;
  const sum = terms.reduce((total, term, i) => (i === 0 ? total : total + term / (y + i)), terms[0]);
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(base) - base + Math.log(sum);
}
