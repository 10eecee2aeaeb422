/**
 * What a user should know before the first step: said as a warning, or as a stop where the run would mostly teach damage.
 * The page starts such a run only when told to; the command line, where settings are chosen in writing, says it and goes on.
 */
import type { DatasetReport, GateFinding, UnusedColumn } from '../api/trainer-api.ts';
import { percentOf } from '../support/units.ts';

/** Above this share of answers without their end, the model learns not to stop. */
const CUT_SHARE_TO_STOP = 0.5;
const FEW_TARGETS = 0.05;
export const MAX_NAMED = 8;
const MAX_NAME_CHARS = 40;

type Facts = Omit<DatasetReport, 'gate'>;

export function gateOf(report: Facts, maxLength: number): GateFinding[] {
  const findings: GateFinding[] = [];
  const add = (level: GateFinding['level'], code: GateFinding['code'], message: string): void => {
    findings.push({ level, code, message });
  };
  const { truncatedLines, usableRows, rejectedRows, duplicates, inSuites, openThoughts, unusedColumns } =
    report;
  const cut = truncatedLines.length;
  if (cut > 0) {
    const isMost = cut > CUT_SHARE_TO_STOP * usableRows;
    add(
      isMost ? 'stop' : 'warning',
      'answers-cut',
      `${countOf(cut, 'answer loses its', 'answers lose their')} end and end token at ${maxLength} tokens. Raise max_length, or choose "drop" or "split" for rows over it.`,
    );
  }
  if (rejectedRows > 0)
    add(
      'warning',
      'rows-rejected',
      `${countOf(rejectedRows, 'row is not used; it is', 'rows are not used; they are')} listed.`,
    );
  if (unusedColumns.length > 0)
    add(
      'warning',
      'columns-unused',
      `${countOf(unusedColumns.length, 'column is', 'columns are')} not used (share of rows that fill them): ${namesOf(unusedColumns)}.`,
    );
  if (openThoughts > 0)
    add(
      'warning',
      'thought-not-closed',
      `${countOf(openThoughts, 'answer opens', 'answers open')} a thought, or go on with the <think> of the template, without </think>: they are trained as thoughts that never end.`,
    );
  if (inSuites.length > 0)
    add(
      'warning',
      'rows-in-suite',
      `${countOf(inSuites.length, 'row asks', 'rows ask')} what an evaluation suite asks: the results of that suite will be too good.`,
    );
  if (duplicates.length > 0)
    add(
      'warning',
      'rows-duplicate',
      `${countOf(duplicates.length, 'row stands', 'rows stand')} in the file before.`,
    );
  const share = report.targetTokenCount / Math.max(1, report.tokenCount);
  if (share < FEW_TARGETS)
    add(
      'warning',
      'few-targets',
      `Only ${(share * 100).toFixed(1)} % of the tokens are trained; the rest is prompt.`,
    );
  return findings;
}

/** "context 50 %, id 100 %" */
function namesOf(columns: readonly UnusedColumn[]): string {
  const named = columns.slice(0, MAX_NAMED).map(({ name, filledShare }) => {
    const short = name.length > MAX_NAME_CHARS ? `${name.slice(0, MAX_NAME_CHARS)}…` : name;
    return `${short} ${percentOf(filledShare)}`;
  });
  const rest = columns.length - named.length;
  return named.join(', ') + (rest > 0 ? ` and ${rest.toLocaleString('en')} more` : '');
}

const countOf = (count: number, one: string, many: string): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
