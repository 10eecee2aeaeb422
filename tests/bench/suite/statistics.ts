/** The few statistics a benchmark needs, on plain numbers. */
import type { Fit } from '../protocol.ts';

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** (largest − smallest) / median: the honest width of a handful of samples. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** Least squares of y over x; r² is 1 where all y are equal and met. */
export function linearFit(points: readonly (readonly [x: number, y: number])[]): Omit<Fit, 'name' | 'x'> {
  const n = points.length;
  if (n < 2) throw new RangeError(`a line through ${n} points`);
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  if (xx === 0) throw new RangeError('a line through points with the same x');
  const slopeMs = xy / xx;
  const interceptMs = meanY - slopeMs * meanX;
  const residual = points.reduce((sum, [x, y]) => sum + (y - interceptMs - slopeMs * x) ** 2, 0);
  return { slopeMs, interceptMs, r2: yy === 0 ? 1 : 1 - residual / yy };
}

/** Largest |a − b| relative to the largest |b|; NaN or a missing value counts as infinite. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = a.length === b.length ? 0 : Infinity;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (Number.isNaN(difference)) return Infinity;
    worst = Math.max(worst, difference);
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return worst / Math.max(scale, 1e-12);
}
