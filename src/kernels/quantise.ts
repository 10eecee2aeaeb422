/**
 * f32 rows → a frozen weight matrix in its format (weight-matrix.ts), on the GPU, a chunk of rows at a time.
 *
 *   scale = f16(absmax of 64 neighbours) (nf4), f16(absmax / 127) (int8);  code = nearest to w / scale
 *
 * Codes are chosen against the scale as stored, so rounding it costs nothing twice. The pads of a row become zeros.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import {
  nf4Book,
  quantBlock,
  scaleRows,
  storedColumns,
  type WeightFormat,
  type WeightMatrix,
} from './weight-matrix.ts';

/** Values between the entries of the code book: x belongs to entry i if i of them are below it. */
const nf4Borders: readonly number[] = nf4Book.slice(1).map((value, i) => (value + nf4Book[i]) / 2);

const source = { source: ['array<f32>', 'read'] as const };
const sourceUniforms = { rows: 'u32', columns: 'u32', firstRow: 'u32', stored: 'u32' } as const;
/** A value of the source, 0 in the pads of the stored row and below the last row. */
const header = `
fn value(row: u32, column: u32) -> f32 {
  if (row >= u.rows || column >= u.columns) { return 0.0; }
  return source[row * u.columns + column];
}`;

function copyKernel(): Kernel {
  return kernel('quantise f32', () => ({
    bindings: { ...source, w: ['array<f32>', 'read_write'] },
    uniforms: sourceUniforms,
    header,
    body: `
  let row = threadIndex / u.stored;
  let column = threadIndex % u.stored;
  if (row >= u.rows) { return; }
  w[(u.firstRow + row) * u.stored + column] = value(row, column);`,
  }));
}

function halfKernel(): Kernel {
  return kernel('quantise f16', () => ({
    bindings: { ...source, w: ['array<u32>', 'read_write'] },
    uniforms: sourceUniforms,
    header,
    body: `
  let pairs = u.stored / 2u;
  let row = threadIndex / pairs;
  let pair = threadIndex % pairs;
  if (row >= u.rows) { return; }
  w[(u.firstRow + row) * pairs + pair] = pack2x16float(vec2f(value(row, pair * 2u), value(row, pair * 2u + 1u)));`,
  }));
}

/** A thread codes 64 columns of two rows, whose scales share a u32. */
function codedKernel(format: 'int8' | 'nf4'): Kernel {
  const perWord = format === 'nf4' ? 8 : 4;
  const words = quantBlock / perWord;
  const bits = 32 / perWord;
  return kernel(`quantise ${format}`, () => ({
    bindings: { ...source, w: ['array<u32>', 'read_write'], scales: ['array<u32>', 'read_write'] },
    uniforms: { ...sourceUniforms, scaleStride: 'u32' },
    header: `${header}
fn codeOf(x: f32) -> u32 {
${
  format === 'nf4'
    ? `  return ${nf4Borders.map((border) => `u32(x > ${Math.fround(border)})`).join(' + ')};`
    : '  return u32(i32(clamp(round(x), -127.0, 127.0))) & 255u;'
}
}
fn codeRow(row: u32, block: u32) -> f32 {
  var top = 0.0;
  for (var i = 0u; i < ${quantBlock}u; i++) { top = max(top, abs(value(row, block * ${quantBlock}u + i))); }
  let wanted = min(top${format === 'nf4' ? '' : ' / 127.0'}, 65504.0);
  let scale = unpack2x16float(pack2x16float(vec2f(wanted, 0.0))).x;
  let inverse = select(0.0, 1.0 / scale, scale > 0.0);
  for (var i = 0u; i < ${words}u; i++) {
    let first = block * ${quantBlock}u + i * ${perWord}u;
    var word = 0u;
${unroll(perWord, (j) => `    word |= codeOf(value(row, first + ${j}u) * inverse) << ${j * bits}u;`)}
    if (row < u.rows) { w[(u.firstRow + row) * (u.stored / ${perWord}u) + block * ${words}u + i] = word; }
  }
  return scale;
}`,
    body: `
  let blocks = u.stored / ${quantBlock}u;
  let row = (threadIndex / blocks) * 2u;
  let block = threadIndex % blocks;
  if (row >= u.rows) { return; }
  let first = codeRow(row, block);
  let second = codeRow(row + 1u, block);
  scales[(block * u.scaleStride + u.firstRow + row) / 2u] = pack2x16float(vec2f(first, second));`,
  }));
}

/** Fills rows firstRow … of the matrix from `from` [rows, columns], unpadded. firstRow is even, rows too but at the end. */
export function quantise(
  recorder: Recorder,
  from: GpuTensor,
  size: { readonly rows: number; readonly columns: number },
  matrix: WeightMatrix,
  firstRow: number,
): void {
  const { rows, columns } = size;
  const stored = storedColumns(matrix.format, matrix.columns);
  for (const block of matrix.blocks) {
    const first = Math.max(firstRow, block.firstRow);
    const count = Math.min(firstRow + rows, block.firstRow + block.rows) - first;
    if (count <= 0) continue;
    if (first !== firstRow || count !== rows)
      throw new RangeError('a chunk of rows may not cross the blocks of a matrix');
    const uniforms = { rows, columns, firstRow: first - block.firstRow, stored };
    dispatchQuantise(recorder, matrix.format, from, block, uniforms);
  }
}

function dispatchQuantise(
  recorder: Recorder,
  format: WeightFormat,
  from: GpuTensor,
  block: WeightMatrix['blocks'][number],
  uniforms: {
    readonly rows: number;
    readonly columns: number;
    readonly firstRow: number;
    readonly stored: number;
  },
): void {
  const { rows, stored } = uniforms;
  switch (format) {
    case 'f32':
      return recorder.dispatch(copyKernel(), [from, block.data], uniforms, rows * stored);
    case 'f16':
      return recorder.dispatch(halfKernel(), [from, block.data], uniforms, (rows * stored) / 2);
    case 'int8':
    case 'nf4': {
      if (block.scales === null) throw new RangeError(`a ${format} matrix without scales`);
      return recorder.dispatch(
        codedKernel(format),
        [from, block.data, block.scales],
        { ...uniforms, scaleStride: scaleRows(block.rows) },
        Math.ceil(rows / 2) * (stored / quantBlock),
        rows * stored * 40,
      );
    }
    default:
      return format satisfies never;
  }
}
