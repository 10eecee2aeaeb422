/** What a user should know of a dataset before the first step, as lines of a terminal: the page's facts and its gate. */
import type { DatasetReport } from '../../src/api/trainer-api.ts';
import { MAX_NAMED } from '../../src/data/gate.ts';
import { groupProblems, linesText } from '../../src/support/row-problems.ts';
import { percentOf } from '../../src/support/units.ts';

export function datasetLines(report: DatasetReport, listedRows: number): string[] {
  const { weightedRows, tokenCount, targetTokenCount, tokensPerRow, rejected, rejectedRows, unusedColumns } =
    report;
  const shown = groupProblems(rejected).slice(0, listedRows);
  const shownRows = shown.reduce((sum, { lines }) => sum + lines.length, 0);
  const share = ((100 * targetTokenCount) / tokenCount).toFixed(1);
  return [
    `${report.usableRows} of ${report.totalRows} rows usable, ${rejectedRows} rejected, ${report.truncatedLines.length} without their end and end token, ${report.duplicates.length} there twice, ${report.inSuites.length} in an evaluation suite`,
    `${tokenCount} tokens, ${targetTokenCount} trained (${share} %), ${tokensPerRow.mean.toFixed(1)} per example, at most ${tokensPerRow.max}`,
    ...(report.templateDate === null
      ? []
      : [`The chat template writes the date: ${report.templateDate} (template_date)`]),
    ...(weightedRows > 0 ? [`${weightedRows} rows have weights: what they train counts more or less`] : []),
    ...shown.map(({ lines, code, reason }) => `  ${linesText(lines)}: ${code}: ${reason}`),
    ...(rejectedRows > shownRows ? [`  … and ${rejectedRows - shownRows} more`] : []),
    // Few enough are named by the gate.
    ...(unusedColumns.length > MAX_NAMED
      ? unusedColumns.map(
          ({ name, filledShare }) => `  not used: ${name} (in ${percentOf(filledShare)} of the rows)`,
        )
      : []),
    ...report.gate.map(({ level, message }) => `${level}: ${message}`),
  ];
}
