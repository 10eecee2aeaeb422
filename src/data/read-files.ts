/** A dataset of several files, as the hub's come: read one after the other, their rows counted on. */
import type { FileBytes } from '../api/file-bytes.ts';
import type { ReadRow } from './raw-row.ts';
import { openRows, type OpenOptions, type RowSource } from './read-rows.ts';

export interface DataFile {
  readonly name: string;
  readonly blob: FileBytes;
}
export interface DatasetFiles {
  readonly name: string; // of the whole
  readonly files: readonly DataFile[]; // in the order of their rows
}

export const oneFile = (name: string, blob: FileBytes): DatasetFiles => ({ name, files: [{ name, blob }] });
export const bytesOf = ({ files }: DatasetFiles): number =>
  files.reduce((sum, { blob }) => sum + blob.size, 0);

/** Format and compression are those of the first file. @throws TrainerError as `openRows` */
export async function openFiles(data: DatasetFiles, options: OpenOptions = {}): Promise<RowSource> {
  const total = bytesOf(data);
  let bytesBefore = 0;
  const open = ({ name, blob }: DataFile): Promise<RowSource> => {
    const before = bytesBefore;
    bytesBefore += blob.size;
    return openRows(blob, name, { ...options, onBytes: (done) => options.onBytes?.(before + done, total) });
  };
  const [first] = data.files;
  const source = await open(first);
  if (data.files.length === 1) return source;
  async function* allRows(): AsyncGenerator<readonly ReadRow[]> {
    let linesBefore = 0;
    let lastLine = 0;
    const countedOn = (row: ReadRow): ReadRow => {
      lastLine = Math.max(lastLine, row.line);
      return { ...row, line: linesBefore + row.line };
    };
    for (const file of data.files) {
      const { batches } = file === first ? source : await open(file);
      for await (const batch of batches) yield batch.map(countedOn);
      linesBefore += lastLine;
      lastLine = 0;
    }
  }
  return { ...source, batches: allRows() };
}
