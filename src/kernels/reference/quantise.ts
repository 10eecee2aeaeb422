/** What a stored weight means, in plain loops: the definition that the kernels' decoders are checked against. */
import { nf4Book, quantBlock, type WeightFormat } from '../weight-matrix.ts';

/** f16 bits → number (IEEE 754 binary16). */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * One block of a matrix → [rows, columns] values, from the words on the GPU.
 * `scales`: [stored / 64, scaleStride / 2] pairs of f16; empty for f32 and f16.
 */
export function dequantiseReference(
  format: WeightFormat,
  data: Uint32Array,
  scales: Uint32Array,
  size: {
    readonly rows: number;
    readonly columns: number;
    readonly stored: number;
    readonly scaleStride: number;
  },
): Float64Array {
  const { rows, columns, stored, scaleStride } = size;
  const result = new Float64Array(rows * columns);
  const asFloat = new Float32Array(data.buffer, data.byteOffset, data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * stored + column;
      const scaleAt = Math.floor(column / quantBlock) * scaleStride + row;
      const half = (words: Uint32Array, i: number): number =>
        halfToNumber((words[i >> 1] >>> ((i & 1) * 16)) & 0xffff);
      result[row * columns + column] = {
        f32: () => asFloat[at],
        f16: () => half(data, at),
        int8: () => ((data[at >> 2] << (24 - (at & 3) * 8)) >> 24) * half(scales, scaleAt),
        nf4: () => Math.fround(nf4Book[(data[at >> 3] >>> ((at & 7) * 4)) & 15]) * half(scales, scaleAt),
      }[format]();
    }
  }
  return result;
}
