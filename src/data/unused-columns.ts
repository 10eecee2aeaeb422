/** Counts in how many rows a column holds something that is used for nothing. */
import type { UnusedColumn } from '../api/trainer-api.ts';
import { isEmptyCell, type Row } from './row-fields.ts';

/** Rows whose keys are data (a word each) would otherwise be held in full. */
const MAX_NAMES = 10_000;

export class UnusedColumns {
  readonly #usedRows = new Map<string, number>();
  readonly #rejectedRows = new Map<string, number>();

  /** `unused`: names from the row's own reading. */
  addUsed(unused: readonly string[]): void {
    for (const name of unused) add(this.#usedRows, name);
  }

  /** Nothing of a rejected row is used; a column that only such rows have is not listed, the rows are. */
  addRejected(value: unknown): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [name, cell] of Object.entries(value as Row))
      if (!isEmptyCell(cell)) add(this.#rejectedRows, name);
  }

  list(totalRows: number): UnusedColumn[] {
    return [...this.#usedRows].map(([name, rows]) => ({
      name,
      filledShare: (rows + (this.#rejectedRows.get(name) ?? 0)) / totalRows,
    }));
  }
}

function add(counts: Map<string, number>, name: string): void {
  const count = counts.get(name);
  if (count !== undefined || counts.size < MAX_NAMES) counts.set(name, (count ?? 0) + 1);
}
