/** Numbers as people read them. One locale throughout, so that a screenshot and a report agree. */
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const formatCount = (value: number): string => whole.format(value);

/** 1 → "1 row", 3 → "3 rows" */
export const formatCountOf = (count: number, noun: string): string =>
  `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

/** 1,389,440 → "1.39 M" */
export function formatMagnitude(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toPrecision(3)} B`;
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} K`;
  return formatCount(value);
}

export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'] as const; // decimal, as hubs, disks and the memory limit count
  let power = 0;
  while (power < 3 && bytes >= 999.5 * 1000 ** power) power++;
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? formatCount(value) : value.toPrecision(3)} ${units[power]}`;
}

/** 3,723,000 → "1:02:03" */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** 26 Nov 2026, 19:41 */
export const formatDate = (ms: number): string =>
  new Date(ms).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** Four digits that matter: losses from 12.35 down to 0.0004. */
export const formatLoss = (loss: number): string =>
  loss !== 0 && Math.abs(loss) < 0.001 ? loss.toExponential(2) : loss.toFixed(Math.abs(loss) < 10 ? 4 : 2);

/** 0.00095 → "9.5e-4" */
export const formatRate = (rate: number): string =>
  rate === 0 || rate >= 0.01
    ? String(Number(rate.toPrecision(3)))
    : String(rate.toExponential(2)).replace(/\.?0+e/, 'e');

export const formatPercent = (share: number): string =>
  `${(100 * share).toFixed(share > 0 && share < 1 ? 1 : 0)} %`;

/** Change between two shares, in percentage points, with its sign. */
export function formatPoints(change: number): string {
  const points = (100 * Math.abs(change)).toFixed(1);
  if (Number(points) === 0) return '0.0';
  return `${change > 0 ? '+' : '−'}${points}`;
}
