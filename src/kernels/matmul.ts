/**
 * The two products of a frozen linear layer and its low-rank update (arXiv 2106.09685):
 *
 *   linear    y[M, N]  = x[M, K] · W[N, K]ᵀ (+ bias[N]) (+ addend) (+ scale · low · Bᵀ)     forward
 *   linearDx  dx[M, K] = dy[M, N] · W[N, K] (+ dx) (+ du · A)                              gradient of the input
 *
 * W may be f32, f16, int8 or nf4 and may be split by rows; this file picks the kernel and walks the blocks.
 * N and K are multiples of 4 (padded with zeros where the model's sizes are not), M is anything.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import type { MatrixTile, Recorder } from '../device/recorder.ts';
import {
  linearDxTile,
  linearTile,
  maxSlots,
  sharedColumns,
  threadsOf,
  type TileShape,
} from './matmul-tile.ts';
import { linearDxMatrix, linearMatrix, matrixThreads } from './matmul-matrix.ts';
import { linearDxRows, linearRows, rowsPerGroup, rowsWork } from './matmul-rows.ts';
import {
  linearDxWorkgroup,
  linearWorkgroup,
  sumParts,
  workgroupTiles,
  workgroupWork,
} from './matmul-workgroup.ts';
import { quadSize } from './quad.ts';
import { rowScales } from './row-scale.ts';
import {
  asMatrix,
  blockTensors,
  weightUniforms,
  type WeightFormat,
  type WeightMatrix,
} from './weight-matrix.ts';
import { eachPanel } from './weight-panel.ts';

/** Adapters that share an input (q, k, v; gate, up), each for a range of y's columns. */
export interface LoraForward {
  readonly low: GpuTensor; // [M, lowStride], x · Aᵀ
  readonly lowStride: number;
  readonly lowColumn: number; // of the first slot; slot s follows at + s · rank
  readonly b: GpuTensor; // holds every B [width, rank]
  /** Columns and widths are multiples of 4, in ascending order. */
  readonly slots: readonly { readonly column: number; readonly width: number; readonly bOffset: number }[];
  readonly rank: number; // a multiple of 4
  readonly scale: number;
}

interface LinearOptions {
  readonly bias?: GpuTensor | null;
  /** Added to the product: another tensor of y's layout (the residual stream). */
  readonly addend?: GpuTensor | null;
  /** Distance between rows of y in elements, and the first column written. */
  readonly yStride?: number;
  readonly yColumn?: number;
  readonly lora?: LoraForward | null;
}

interface Size {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** y[m, n] = x[m, k] · w[n, k]ᵀ (+ bias) (+ addend) (+ low-rank update). Overwrites its columns of y. */
export function linear(
  recorder: Recorder,
  x: GpuTensor,
  w: GpuTensor | WeightMatrix,
  y: GpuTensor,
  { m, n, k }: Size,
  options: LinearOptions = {},
): void {
  const { bias = null, addend = null, yStride = n, yColumn = 0, lora = null } = options;
  if (m === 0) return;
  const matrix = 'blocks' in w ? w : asMatrix(w, n, k);
  eachPanel(recorder, matrix, m, (part, firstRow) => {
    const block = part.blocks[0];
    // x stands in for what this launch does without
    const tensors = [x, ...blockTensors(block), bias ?? x, addend ?? x, lora?.low ?? x, lora?.b ?? x, y];
    const uniforms = {
      m,
      n: block.rows,
      k4: k / 4,
      ...weightUniforms(part, block),
      yStride4: yStride / 4,
      yColumn: yColumn + firstRow,
      hasBias: Number(bias !== null),
      hasAddend: Number(addend !== null),
      ...loraUniforms(lora),
    };
    const flops = 2 * m * block.rows * k;
    const tile = matrixTileFor(recorder, m);
    if (isThin(recorder, m, n)) {
      const program = linearRows(part.format, rowsPerGroup(m));
      recorder.dispatch(program, tensors, uniforms, rowsWork(m, block.rows), flops);
    } else if (tile !== null) {
      const program = linearMatrix(part.format, tile);
      recorder.dispatch(program, tensors, uniforms, matrixWork(tile, m, block.rows), flops);
    } else if (usesWorkgroups(recorder, m)) {
      const program = linearWorkgroup(part.format, recorder.matmul.f16);
      recorder.dispatch(program, tensors, uniforms, workgroupWork(m, block.rows), flops);
    } else {
      const shape = tileShape(recorder, m, block.rows, part.format, 4);
      const program = linearTile({ format: part.format, ...shape });
      recorder.dispatch(program, tensors, uniforms, tileWork(shape, m, block.rows), flops);
    }
  });
}

function loraUniforms(lora: LoraForward | null): Record<string, number> {
  const uniforms: Record<string, number> = {
    slots: lora?.slots.length ?? 0,
    r4: (lora?.rank ?? 4) / 4,
    lowStride4: (lora?.lowStride ?? 0) / 4,
    lowColumn4: (lora?.lowColumn ?? 0) / 4,
    loraScale: lora?.scale ?? 0,
  };
  for (let s = 0; s < maxSlots; s++) {
    const slot = lora?.slots[s] ?? { column: 0, width: 0, bOffset: 0 };
    uniforms[`slotColumn${s}`] = slot.column;
    uniforms[`slotEnd${s}`] = slot.column + slot.width;
    uniforms[`slotB4_${s}`] = slot.bOffset / 4;
  }
  return uniforms;
}

export interface LoraBackward {
  readonly du: GpuTensor; // [M, width], scaled
  readonly a: GpuTensor; // [width, K]
  readonly width: number;
}

interface LinearDxOptions {
  readonly accumulate?: boolean;
  /** Distance between rows of dy in elements, and its first column; likewise of dx. */
  readonly dyStride?: number;
  readonly dyColumn?: number;
  readonly dxStride?: number;
  readonly dxColumn?: number;
  /** Of the result; not with `accumulate` or `lora`. */
  readonly scale?: number;
  readonly lora?: LoraBackward | null;
}

/** dx[m, k] = dy[m, n] · w[n, k] (+ du · A); overwrites dx, or adds into it. */
export function linearDx(
  recorder: Recorder,
  dy: GpuTensor,
  w: GpuTensor | WeightMatrix,
  dx: GpuTensor,
  { m, n, k }: Size,
  options: LinearDxOptions = {},
): void {
  const {
    accumulate = false,
    dyStride = n,
    dyColumn = 0,
    dxStride = k,
    dxColumn = 0,
    scale = 1,
    lora = null,
  } = options;
  if (scale !== 1 && (accumulate || lora !== null)) throw new RangeError('scale is of the whole result');
  if (m === 0) return;
  const matrix = 'blocks' in w ? w : asMatrix(w, n, k);
  eachPanel(recorder, matrix, m, (part, firstRow, isFirst, isLast) => {
    const block = part.blocks[0];
    const update = isLast ? lora : null;
    const tensors = [dy, ...blockTensors(block), update?.du ?? dy, update?.a ?? dy, dx];
    const uniforms = {
      m,
      n4: block.rows / 4,
      k4: k / 4,
      ...weightUniforms(part, block),
      dyStride4: dyStride / 4,
      dyColumn4: (dyColumn + firstRow) / 4,
      dxStride4: dxStride / 4,
      dxColumn4: dxColumn / 4,
      scale: isLast ? scale : 1,
      accumulates: Number(accumulate || !isFirst),
      low4: (update?.width ?? 0) / 4,
      partN4: block.rows / 4,
    };
    const flops = 2 * m * block.rows * k;
    const tile = matrixTileFor(recorder, m);
    if (part.format === 'f32' && isThin(recorder, m, k)) {
      const program = linearDxRows(rowsPerGroup(m));
      recorder.dispatch(program, tensors, uniforms, rowsWork(m, k), flops);
    } else if (tile !== null && recorder.rowScales !== null && block.rows < manyInner) {
      const rows = { m, width: block.rows, stride: dyStride, column: dyColumn + firstRow };
      rowScales(recorder, dy, recorder.rowScales, rows);
      const program = linearDxMatrix(part.format, tile);
      const all = [recorder.rowScales, ...tensors];
      recorder.dispatch(program, all, uniforms, matrixWork(tile, m, k), flops);
    } else if (usesWorkgroups(recorder, m)) {
      const program = linearDxWorkgroup(part.format);
      const split = update === null ? splitOf(recorder, part.format, { m, n: block.rows, k }) : null;
      if (split === null) return recorder.dispatch(program, tensors, uniforms, workgroupWork(m, k), flops);
      const { sums, parts, partN4 } = split;
      const partial = { ...uniforms, partN4, dxStride4: k / 4, dxColumn4: 0, accumulates: 0, scale: 1 };
      const work = parts * workgroupWork(m, k);
      recorder.dispatch(program, [...tensors.slice(0, -1), sums], partial, work, flops);
      recorder.dispatch(sumParts(), [sums, dx], { ...uniforms, parts }, (m * k) / 4, parts * m * k);
    } else {
      const shape = tileShape(recorder, m, k, part.format, part.format === 'f32' ? 4 : 8);
      const program = linearDxTile({ format: part.format, ...shape });
      recorder.dispatch(program, tensors, uniforms, tileWork(shape, m, k), flops);
    }
  });
}

/** Workgroups that fill a large graphics card, and vec4s of the inner dimension that are worth a part of their own. */
const filled = { workgroups: 256, leastN4: 256 };

/**
 * A gradient of few tiles over many columns, as the LM head's is, in parts that are summed afterwards: 24 workgroups took 25 ms
 * on an H100 for what 240 do in 3. The parts lie in the panel, where it is not in use; null: not split.
 */
function splitOf(
  { panel }: Recorder,
  format: WeightFormat,
  { m, n, k }: Size,
): { readonly sums: GpuTensor; readonly parts: number; readonly partN4: number } | null {
  if (panel === null || format === 'f32') return null;
  const fitting = Math.floor(panel.byteSize / (4 * m * k));
  const wanted = Math.floor(filled.workgroups / workgroupTiles(m, k));
  const parts = Math.min(fitting, wanted, Math.floor(n / 4 / filled.leastN4));
  if (parts < 2) return null;
  const partN4 = Math.ceil(n / 4 / parts / 4) * 4; // whole slices
  return { sums: panel, parts: Math.ceil(n / 4 / partN4), partN4 };
}

/** With fewer rows most of a tile would be computed in vain. */
const usesWorkgroups = (recorder: Recorder, m: number): boolean => recorder.matmul.workgroup && m >= 32;

/** Most columns of a LoRA factor, and rows of a decoded batch, that are computed without tiles. */
const thin = { rows: 16, columns: 64 };

/** So narrow, or so few rows, that a tile would be mostly empty and one thread per column far too few. */
const isThin = (recorder: Recorder, m: number, columns: number): boolean =>
  recorder.matmul.workgroup && (m < thin.rows || columns <= thin.columns);

/** Inner dimension of an LM head's gradient: its few tiles leave most of a card idle, parts of it do not (`splitOf`). */
const manyInner = 32_768;

/** The tile of matrix units for a product of so many rows, or null. */
function matrixTileFor({ matmul, rowScales: scales }: Recorder, m: number): MatrixTile | null {
  if (matmul.matrix === null || scales === null || m < 32) return null;
  return m * 4 <= scales.byteSize ? matmul.matrix : null;
}

const matrixWork = (tile: MatrixTile, m: number, columns: number): number =>
  Math.ceil(m / tile.rows) * Math.ceil(columns / tile.columns) * matrixThreads(tile);

const tileWork = (shape: TileShape, m: number, width: number): number =>
  Math.ceil(m / shape.rows) * Math.ceil(width / sharedColumns(shape)) * threadsOf(shape);

/** What a load costs in multiply-adds of four, roughly: in software it is dear. */
const loadCost = { software: 14, hardware: 3 };

/** Coded weights meet many rows as decoded panels; the fused kernels are for few, and shorter code compiles sooner. */
const mostCodedRows = 4;

/** Rows of a tile to choose from: few in software, where each takes a second or more to compile. */
const rowChoices = (isSoftware: boolean, most: number): readonly number[] =>
  isSoftware ? [1, 4, 8, most] : [1, 2, 4, 8, 16];

/** The tile that wastes least for so many rows and columns. */
function tileShape(
  recorder: Recorder,
  m: number,
  width: number,
  format: WeightFormat,
  leastColumns: 4 | 8,
): TileShape {
  const { rows: mostRows } = recorder.matmul;
  const load = recorder.isSoftware ? loadCost.software : loadCost.hardware;
  let best: TileShape | null = null;
  let bestCost = Infinity;
  const limit = format === 'f32' ? mostRows : Math.min(mostRows, mostCodedRows);
  for (const rows of rowChoices(recorder.isSoftware, mostRows)) {
    if (rows > limit) break;
    const quads = recorder.matmul.quads && rows >= quadSize;
    const columns = !quads || width > 4 * quadSize ? 8 : leastColumns;
    const shape: TileShape = { quads, rows, columns, workgroupSize: recorder.isSoftware ? 8 : 64 };
    const loads = (quads ? rows / quadSize : rows) + columns;
    const cost = tileWork(shape, m, width) * (rows * columns + load * loads);
    if (cost < bestCost) {
      bestCost = cost;
      best = shape;
    }
  }
  if (best === null) throw new RangeError('the matmul variant allows no rows');
  return best;
}
