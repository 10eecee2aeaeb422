/** Frozen weights in a storage format, with the values that the kernels see. */
import type { Gpu } from '../../src/device/open-device.ts';
import { quantise } from '../../src/kernels/quantise.ts';
import { dequantiseReference } from '../../src/kernels/reference/quantise.ts';
import {
  allocWeights,
  scaleRows,
  storedColumns,
  type WeightFormat,
  type WeightMatrix,
} from '../../src/kernels/weight-matrix.ts';

/** A matrix in `format` and what its codes mean. Caller disposes. */
export async function weightsOf(
  { memory, recorder }: Gpu,
  format: WeightFormat,
  w: Float32Array,
  rows: number,
  columns: number,
): Promise<{ matrix: WeightMatrix; meaning: Float64Array }> {
  const matrix = allocWeights(memory, 'w', format, rows, columns);
  const staging = memory.alloc('staging', [rows, columns]);
  for (const block of matrix.blocks) {
    memory.write(staging, w.subarray(block.firstRow * columns, (block.firstRow + block.rows) * columns));
    quantise(recorder, staging, { rows: block.rows, columns }, matrix, block.firstRow);
    recorder.submit();
  }
  const meaning = new Float64Array(rows * columns);
  for (const { firstRow, rows: count, data, scales } of matrix.blocks) {
    const values = dequantiseReference(
      format,
      await memory.readUint32(data),
      scales === null ? new Uint32Array() : await memory.readUint32(scales),
      { rows: count, columns, stored: storedColumns(format, columns), scaleStride: scaleRows(count) },
    );
    meaning.set(values, firstRow * columns);
  }
  recorder.forgetBindGroups();
  memory.dispose([staging]);
  return { matrix, meaning };
}
