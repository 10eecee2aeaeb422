/** The first rows of a file as a table of texts, for a user who says which column is what. */
import type { ColumnPreview } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { excerptOf, isProblem } from './raw-row.ts';
import { openFiles, type DatasetFiles } from './read-files.ts';

const ROWS = 3;
const MAX_COLUMNS = 50;
const CELL_CHARS = 120;

/** @throws TrainerError "dataset-unreadable", "dataset-empty" */
export async function previewColumns(data: DatasetFiles): Promise<ColumnPreview> {
  const { format, batches } = await openFiles(data);
  const columns = new Set<string>();
  const found: { line: number; row: Readonly<Record<string, unknown>> }[] = [];
  for await (const batch of batches) {
    for (const item of batch) {
      if (isProblem(item) || typeof item.value !== 'object' || item.value === null) continue;
      const row = item.value as Readonly<Record<string, unknown>>;
      for (const column of Object.keys(row)) columns.add(column);
      if (found.push({ line: item.line, row }) >= ROWS) break;
    }
    if (found.length >= ROWS) break;
  }
  if (columns.size === 0)
    throw new TrainerError('dataset-empty', `${data.name} has no row with named columns.`);
  const shown = [...columns].slice(0, MAX_COLUMNS);
  return {
    format,
    columns: shown,
    rows: found.map(({ line, row }) => ({
      line,
      cells: shown.map((column) => excerptOf(row[column], CELL_CHARS)),
    })),
  };
}
