/** A predicted time as people say it: 8 → "about 8 s", 800 → "about 13 min", 9000 → "about 2.5 h". */
export function aboutTime(seconds: number): string {
  const figure = (value: number): string => String(Number(value.toPrecision(2)));
  if (seconds < 90) return `about ${figure(seconds)} s`;
  if (seconds < 90 * 60) return `about ${figure(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `about ${figure(seconds / 3600)} h`;
  return `about ${figure(seconds / 86_400)} days`;
}
