/** What the user says of a file: which column is what, and what its rows are: "prompt=frage", "kind=harmful". */
import { TrainerError } from '../../support/trainer-error.ts';
import { suiteKinds, type SuiteKind } from './suite.ts';
import { textOf } from '../../support/text-of.ts';

/** `reference`: a text to compare with. `choices`: a list of them, with the right one in `expected`. */
export const mappedColumns = ['prompt', 'expected', 'reference', 'choices', 'label', 'category'] as const;
export type MappedColumn = (typeof mappedColumns)[number];

export interface SuiteMapping {
  /** Column of the file by what it is; empty: the file is recognised by its shape. */
  readonly columns: ReadonlyMap<MappedColumn, string>;
  readonly kind: SuiteKind | null;
}

export const noMapping: SuiteMapping = { columns: new Map(), kind: null };

const forms = `${mappedColumns.join(', ')} or kind, "=" and a column of the file (kind: ${suiteKinds.join(', ')})`;

/** @throws TrainerError "config-invalid" */
export function parseMapping(entries: readonly string[]): SuiteMapping {
  const columns = new Map<MappedColumn, string>();
  let kind: SuiteKind | null = null;
  for (const entry of entries) {
    const at = entry.indexOf('=');
    const name = entry.slice(0, at).trim();
    const value = entry.slice(at + 1).trim();
    const column = mappedColumns.find((one) => one === name);
    const said = suiteKinds.find((one) => one === value);
    if (at > 0 && name === 'kind' && said !== undefined) kind = said;
    else if (at > 0 && column !== undefined && value !== '') columns.set(column, value);
    else throw invalid(`${textOf(entry)} says nothing: write ${forms}`);
  }
  if (columns.size > 0 && !columns.has('prompt')) throw invalid('a mapping needs a column for prompt');
  if (columns.has('choices') && !columns.has('expected'))
    throw invalid('choices need the right one in the column for expected');
  if (columns.has('reference') && columns.has('expected'))
    throw invalid('a row has either an expected answer or a reference to compare with');
  return { columns, kind };
}

const invalid = (message: string): TrainerError => new TrainerError('config-invalid', `Suite: ${message}.`);
