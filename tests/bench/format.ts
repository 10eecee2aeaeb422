/** Results as the rows of a table, the same in the page and on the command line. */
import type { BenchResult, Fit, Roof } from './protocol.ts';

export const columns = ['what', 'shape', 'ms', 'spread', 'GFLOP/s', 'GB/s', 'of roof', 'more'] as const;

const fixed = (value: number | null, digits: number): string => (value === null ? '' : value.toFixed(digits));
const percent = (value: number | null): string => (value === null ? '' : `${(value * 100).toFixed(0)} %`);
const shown = (value: number): string =>
  value !== 0 && Math.abs(value) < 0.01 ? value.toExponential(1) : Number(value.toPrecision(4)).toString();

/** "tokensPerSecond" → "tokens per second" */
const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

export function resultCells(result: BenchResult): readonly string[] {
  const { name, shape, medianMs, spread, gflops, gbps, ofRoof, versus, failure, figures } = result;
  const more = [
    ...(failure === null ? [] : [`FAILED: ${failure}`]),
    ...Object.entries(figures).map(([figure, value]) => `${words(figure)} ${shown(value)}`),
    ...Object.entries(versus).flatMap(([peer, times]: [string, number | null]) =>
      times === null ? [] : [`${times.toFixed(1)}× faster than ${peer}`],
    ),
  ];
  return [
    name,
    shape,
    fixed(medianMs, 2),
    percent(spread),
    fixed(gflops, 1),
    fixed(gbps, 1),
    percent(ofRoof),
    more.join(', '),
  ];
}

export const roofLine = ({ gflops, gbps }: Roof): string =>
  `Roof: ${gflops.toFixed(1)} GFLOP/s in registers, ${gbps.toFixed(1)} GB/s copying`;

export const fitLine = ({ name, x, slopeMs, interceptMs, r2 }: Fit): string =>
  `${name}: ${interceptMs.toFixed(1)} ms + ${slopeMs.toPrecision(3)} ms per ${x}, R² ${r2.toFixed(4)}`;

/** Columns padded to a common width; the last one is left ragged. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = columns.map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  return rows
    .map((row) =>
      row
        .map((cell, c) => (c < 2 || c === row.length - 1 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
