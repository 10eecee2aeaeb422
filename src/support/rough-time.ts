/** A predicted time, in as many digits as a prediction has: 8 → "8 s", 800 → "13 min", 9000 → "2.5 h". */
export function roughTime(seconds: number): string {
  const figure = (value: number): string => String(Number(value.toPrecision(2)));
  if (seconds < 90) return `${figure(seconds)} s`;
  if (seconds < 90 * 60) return `${figure(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${figure(seconds / 3600)} h`;
  return `${figure(seconds / 86_400)} days`;
}
