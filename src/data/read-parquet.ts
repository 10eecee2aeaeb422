/** Parquet as the hub's datasets come, read a row group at a time out of the file. */
import type { AsyncBuffer, Compressors, FileMetaData, RowGroup } from 'hyparquet';
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import type { FileBytes } from '../api/file-bytes.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { formatBytes } from '../support/units.ts';
import { readSlice, type ByteProgress } from './byte-chunks.ts';
import { checkPages } from './parquet-pages.ts';
import type { ReadRow } from './raw-row.ts';

/** A row group lies in memory while it is read. */
const MAX_GROUP_BYTES = 1 << 30;
const ROWS_PER_BATCH = 2_000;

/** @throws TrainerError "dataset-unreadable" */
export async function* parquetRows(
  blob: FileBytes,
  name: string,
  { signal, onBytes }: ByteProgress,
): AsyncGenerator<ReadRow[]> {
  const refuse = (error: unknown): TrainerError =>
    error instanceof TrainerError
      ? error
      : new TrainerError(
          'dataset-unreadable',
          `${name} cannot be read as Parquet. Download it again; it may be cut short or damaged.`,
          String(error),
        );
  const file: AsyncBuffer = {
    byteLength: blob.size,
    slice: async (start, end = blob.size) =>
      (await readSlice(blob, start, Math.min(end, blob.size), name)).buffer as ArrayBuffer,
  };
  const metadata = await parquetMetadataAsync(file).catch((error: unknown) => {
    throw refuse(error);
  });
  try {
    checkPlaces(metadata, blob.size);
  } catch (error) {
    throw refuse(error);
  }
  const compressors = await compressorsFor(metadata);
  let first = 0; // row
  for (const group of metadata.row_groups) {
    const { num_rows: rowCount, total_byte_size: groupBytes } = group;
    if (Number(groupBytes) > MAX_GROUP_BYTES)
      throw new TrainerError(
        'dataset-unreadable',
        `${name} has a row group of ${formatBytes(Number(groupBytes))}; write it with row groups of at most ${formatBytes(MAX_GROUP_BYTES)}.`,
      );
    await checkGroup(file, group).catch((error: unknown) => {
      throw refuse(error);
    });
    const end = first + Number(rowCount);
    for (let start = first; start < end; start += ROWS_PER_BATCH) {
      if (signal?.aborted) throw new TrainerError('cancelled', `Reading ${name} was cancelled.`);
      onBytes?.(Math.floor((blob.size * start) / Number(metadata.num_rows)), blob.size);
      const rowEnd = Math.min(start + ROWS_PER_BATCH, end);
      const values = await parquetReadObjects({ file, metadata, compressors, rowStart: start, rowEnd }).catch(
        (error: unknown) => {
          throw refuse(error);
        },
      );
      yield values.map((value, index) => ({ line: start + index + 1, value: plain(value) }));
    }
    first = end;
  }
  onBytes?.(blob.size, blob.size);
}

/** Snappy, which most files use, is built in; the others are loaded when a file asks for them. */
async function compressorsFor({ row_groups: groups }: FileMetaData): Promise<Compressors | undefined> {
  const codecs = new Set(groups.flatMap(({ columns }) => columns.map(({ meta_data: meta }) => meta?.codec)));
  const needsMore = [...codecs].some(
    (codec) => codec !== undefined && !['UNCOMPRESSED', 'SNAPPY'].includes(codec),
  );
  if (!needsMore) return undefined;
  const { compressors } = await import('hyparquet-compressors');
  // A page with only nulls holds no byte; LZ4's reader looks for an offset in it.
  return Object.fromEntries(
    Object.entries(compressors).map(([codec, unpack]) => [
      codec,
      (input: Uint8Array, length: number) => (length === 0 ? new Uint8Array(0) : unpack(input, length)),
    ]),
  );
}

/** Column chunks lie in the file: an offset outside of it would end the process in Blob.slice. @throws Error */
function checkPlaces({ row_groups: groups, num_rows: rowCount }: FileMetaData, fileBytes: number): void {
  let rows = 0;
  for (const { columns, num_rows: groupRows } of groups) {
    rows += Number(groupRows);
    for (const { meta_data: meta } of columns) {
      if (meta === undefined) throw new Error('a column chunk has no description');
      const places = [meta.dictionary_page_offset, meta.data_page_offset].filter((at) => at !== undefined);
      const sizes = [meta.total_compressed_size, meta.num_values];
      if (
        meta.data_page_offset === undefined ||
        [...places, ...sizes].some((n) => typeof n !== 'bigint' || n < 0n)
      )
        throw new Error(`the column ${meta.path_in_schema.join('.')} has no place in the file`);
      if (startOf(meta) + Number(meta.total_compressed_size) > fileBytes)
        throw new Error(`the column ${meta.path_in_schema.join('.')} lies outside the file`);
    }
  }
  if (rows !== Number(rowCount)) throw new Error(`its groups hold ${rows} rows, it tells ${rowCount}`);
}

type Column = NonNullable<RowGroup['columns'][number]['meta_data']>;

/** hyparquet, and pyarrow where the dictionary's place is 0, start at the first of them that is not 0. */
const startOf = ({ dictionary_page_offset: dictionary, data_page_offset: data }: Column): number =>
  Number(dictionary === undefined || dictionary === 0n ? data : dictionary);

async function checkGroup(file: AsyncBuffer, { columns }: RowGroup): Promise<void> {
  for (const { meta_data: meta } of columns) {
    if (meta === undefined) continue;
    const start = startOf(meta);
    await checkPages(file, {
      name: meta.path_in_schema.join('.'),
      start,
      end: start + Number(meta.total_compressed_size),
      valueCount: Number(meta.num_values),
    });
  }
}

/** Parquet's values as JSON has them: whole numbers as numbers, dates and bytes as text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}
