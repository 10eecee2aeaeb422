/** CSV and TSV with a header line, to rows under its names, as pandas names them. */
import type { RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { CsvScanner, type CsvRecord } from './csv-records.ts';
import { excerptOf, type ReadRow } from './raw-row.ts';
import { MAX_ROW_CHARS } from './text-lines.ts';

/** A file with more has its rows where its columns should be. */
const MAX_COLUMNS = 10_000;
const delimiters = [',', '\t', ';', '|'];

interface CsvForm {
  readonly delimiter: string;
  /** The first line is "sep=;", which tells Excel the delimiter and names no columns. */
  readonly hasSeparatorLine: boolean;
}

/** `start`: of the file, from its first line that is not blank. `isTsv`: its name says so. */
export function csvForm(start: string, isTsv: boolean): CsvForm {
  const told = /^"?sep=([,;|\t])"?[^\S\t]*(?:[\r\n]|$)/i.exec(start)?.[1];
  if (told !== undefined) return { delimiter: told, hasSeparatorLine: true };
  return { delimiter: guessDelimiter(start, isTsv), hasSeparatorLine: false };
}

/** The delimiter that stands most often outside quotes in the header; in a file named TSV, tabs if there are any. */
function guessDelimiter(start: string, isTsv: boolean): string {
  const counts = delimiters.map(() => 0);
  let isQuoted = false;
  for (const character of start) {
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (character === '\n' || character === '\r') break;
    else if (delimiters.includes(character)) counts[delimiters.indexOf(character)]++;
  }
  if (isTsv && counts[delimiters.indexOf('\t')] > 0) return '\t';
  return delimiters[counts.indexOf(Math.max(...counts))];
}

/** @throws TrainerError "dataset-unreadable" when the header cannot be used, or a quote is never closed. */
export async function* csvRows(
  chunks: AsyncIterable<string>,
  name: string,
  { delimiter, hasSeparatorLine }: CsvForm,
): AsyncGenerator<ReadRow[]> {
  const scanner = new CsvScanner(delimiter, MAX_ROW_CHARS);
  let columns: readonly string[] | null = null;
  let isSeparatorNext = hasSeparatorLine;
  const rowsOf = (records: readonly CsvRecord[]): ReadRow[] =>
    records.flatMap((record) => {
      if (record.isBlank) return [];
      if (isSeparatorNext) {
        isSeparatorNext = false;
        return [];
      }
      if (columns !== null) return [toRow(record, columns)];
      columns = columnNames(record, name);
      return [];
    });
  for await (const chunk of chunks) {
    const rows = rowsOf(scanner.push(chunk));
    if (rows.length > 0) yield rows;
    const { openQuote } = scanner;
    if (openQuote !== null && openQuote.charCount > MAX_ROW_CHARS)
      throw neverClosed(name, openQuote, `not closed within ${MAX_ROW_CHARS} characters`);
  }
  if (scanner.openQuote !== null) throw neverClosed(name, scanner.openQuote, 'never closed');
  const last = rowsOf(scanner.end());
  if (last.length > 0) yield last;
  if (columns === null) throw new TrainerError('dataset-empty', `${name} holds no rows.`);
}

function neverClosed(name: string, quote: { line: number; text: string }, how: string): TrainerError {
  return new TrainerError(
    'dataset-unreadable',
    `${name}: a quote is opened in line ${quote.line} and ${how}. Close it, or double it ("") and quote the field where it is meant.`,
    excerptOf(quote.text),
  );
}

/**
 * As pandas 3.1 names them: "Unnamed: 0" where there is no name (its own index column, a delimiter at the end of the header), and
 * "a.1" for a second "a". White space around a name, which pandas keeps, is not part of it.
 */
function columnNames({ fields, brokenQuote, line, lastLine }: CsvRecord, name: string): string[] {
  const refused =
    brokenQuote !== null
      ? `a quote in its first line that is closed in the middle of a later one (lines ${line} to ${lastLine})`
      : fields.length > MAX_COLUMNS
        ? `${fields.length} columns, more than ${MAX_COLUMNS}, in its first line`
        : null;
  if (refused !== null)
    throw new TrainerError(
      'dataset-unreadable',
      `${name} has ${refused}. The first line (line ${line}) names the columns.`,
      excerptOf(fields.join(',')),
    );
  const given = fields.map((field, index) => (field.trim() === '' ? `Unnamed: ${index}` : field.trim()));
  const taken = new Set(given);
  const met = new Set<string>();
  return given.map((column) => {
    if (met.size < met.add(column).size) return column;
    let number = 1;
    while (taken.has(`${column}.${number}`)) number++;
    const renamed = `${column}.${number}`;
    taken.add(renamed);
    return renamed;
  });
}

function toRow(record: CsvRecord, columns: readonly string[]): ReadRow {
  const { line, lastLine, fields, brokenQuote, charCount } = record;
  const excerpt = excerptOf(fields.join(','));
  const refused = (reason: string): RowProblem => ({ line, code: 'row-shape', reason, excerpt });
  if (charCount > MAX_ROW_CHARS)
    return {
      ...refused(`has ${charCount} characters; rows of that size are not read`),
      code: 'row-too-long',
    };
  if (brokenQuote !== null)
    return refused(
      `has a quote that is opened in line ${brokenQuote.line} and closed in the middle of a later one: a quote is missing, or one inside the text is not doubled (""). Lines ${line} to ${lastLine} are not used`,
    );
  if (fields.length === columns.length)
    return { line, value: Object.fromEntries(columns.map((column, index) => [column, fields[index]])) };
  const isDelimiterAtEnd = fields.length === columns.length + 1 && fields.at(-1) === '';
  return refused(
    `has ${fields.length} fields; the first line names ${columns.length} columns${isDelimiterAtEnd ? ' (there is a delimiter at the end of this line and not of the first)' : ''}`,
  );
}
