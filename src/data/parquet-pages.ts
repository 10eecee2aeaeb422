/**
 * The headers of a column's pages, checked before anything is unpacked: hyparquet believes them, and a length that a flipped bit
 * takes away sends it round for ever.
 */
import type { AsyncBuffer } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

const HEADER_WINDOW_BYTES = 1 << 14; // most headers have less than 100; statistics can make them long

interface ColumnChunk {
  readonly name: string;
  readonly start: number; // in the file
  readonly end: number;
  readonly valueCount: number;
}
type Header = ReturnType<typeof parquetHeader>;

/** @throws Error that says which column is damaged */
export async function checkPages(file: AsyncBuffer, chunk: ColumnChunk): Promise<void> {
  let values = 0;
  // hyparquet ends a column one byte before its end, too.
  for (let at = chunk.start; at < chunk.end - 1;) {
    const { header, bytes } = await headerAt(file, at, chunk);
    const end = at + bytes + header.compressed_page_size;
    const fault = faultOf(header) ?? (end > chunk.end ? 'a page that is longer than the column' : null);
    if (fault !== null) throw new Error(`the column ${chunk.name} has ${fault}`);
    values += valuesOf(header);
    if (values > chunk.valueCount)
      throw new Error(`the pages of ${chunk.name} hold more than its ${chunk.valueCount} values`);
    at = end;
  }
}

async function headerAt(
  file: AsyncBuffer,
  at: number,
  { end }: ColumnChunk,
): Promise<{ header: Header; bytes: number }> {
  for (let size = HEADER_WINDOW_BYTES; ; size *= 8) {
    const stop = Math.min(end, at + size);
    const reader = { view: new DataView(await file.slice(at, stop)), offset: 0 };
    try {
      const header = parquetHeader(reader);
      return { header, bytes: reader.offset };
    } catch (error) {
      if (stop === end) throw error; // not only cut off by the window
    }
  }
}

const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;

function faultOf(header: Header): string | null {
  const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
  if (![packed, unpacked].every(isCount)) return 'a page without a length';
  const { data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: dictionary } = header;
  if (header.type === 'DATA_PAGE')
    return isCount(v1?.num_values) ? null : 'a page without a number of values';
  if (header.type === 'DICTIONARY_PAGE')
    return isCount(dictionary?.num_values) ? null : 'a dictionary without a number of values';
  if (header.type !== 'DATA_PAGE_V2') return null; // refused by name when it is read
  const counts = [v2?.num_values, v2?.num_nulls, v2?.num_rows];
  if (v2 === undefined || !counts.every(isCount) || v2.num_nulls > v2.num_values)
    return 'a page without a number of values';
  const { definition_levels_byte_length: definition, repetition_levels_byte_length: repetition } = v2;
  const areLengths = isCount(definition) && isCount(repetition) && definition + repetition <= packed;
  return areLengths ? null : 'a page whose levels have no length';
}

function valuesOf({ type, data_page_header: v1, data_page_header_v2: v2 }: Header): number {
  if (type === 'DATA_PAGE') return v1?.num_values ?? 0;
  return type === 'DATA_PAGE_V2' ? (v2?.num_values ?? 0) : 0;
}
