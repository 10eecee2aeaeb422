/**
 * The matrix products of matmul.ts for devices with small subgroups of fixed size S (software adapters: 4 or 8).
 *
 * The lanes of a subgroup share 16 rows and own neighbouring columns: each lane loads 16 / S of the rows' vec4s and
 * broadcasts them, so a step of 4 along the inner dimension costs 16 / S + 8 vector loads for 512 multiply-adds.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { grid, threadIndex } from './grid.ts';

/** What is added to the product: nothing, y itself, or another tensor of y's layout. */
export type Addend = 'none' | 'self' | 'other';

const tileRows = 16;
const laneColumns = 8; // columns per lane, S apart

/** Sizes whose 16-row tile can be loaded evenly. */
export const subgroupSizes: readonly number[] = [4, 8, 16];

/** With fewer rows most of a tile would be computed in vain. */
export const suitsSubgroup = (recorder: Recorder, rows: number): boolean =>
  recorder.subgroupSize !== null && rows >= 12;

/** m0, firstColumn and the rows this lane loads. No early return: broadcasts need every lane. */
function prologue(size: number, columns: string, rowStart: (row: string) => string): string {
  return `
  let lane = lid.x % ${size}u;
  let columnBlocks = (${columns} + ${laneColumns * size - 1}u) / ${laneColumns * size}u;
  let tile = (${threadIndex()}) / ${size}u;
  let m0 = (tile / columnBlocks) * ${tileRows}u;
  let firstColumn = (tile % columnBlocks) * ${laneColumns * size}u + lane;
${unroll(tileRows / size, (i) => `  let row${i} = ${rowStart(`min(m0 + ${i * size}u + lane, u.m - 1u)`)};`)}
${unroll(tileRows, (i) => unroll(laneColumns, (j) => `  var c${i}_${j} = 0.0;`))}`;
}

const broadcast = (size: number, i: number): string =>
  `subgroupBroadcast(mine${Math.floor(i / size)}, ${i % size}u)`;

function linearKernel(size: number, hasBias: boolean, addend: Addend): Kernel {
  const added = { none: '', self: 'y[at] + ', other: 'addend[at] + ' }[addend];
  return kernel(`linear subgroup=${size} bias=${hasBias} addend=${addend}`, () => ({
    enable: ['subgroups'],
    bindings: {
      x: ['array<vec4f>', 'read'],
      w: ['array<vec4f>', 'read'],
      ...(hasBias ? { bias: ['array<f32>', 'read'] as const } : {}),
      ...(addend === 'other' ? { addend: ['array<f32>', 'read'] as const } : {}),
      y: ['array<f32>', 'read_write'],
    },
    uniforms: { m: 'u32', n: 'u32', k4: 'u32', yStride: 'u32', yColumn: 'u32' },
    workgroup: [64, 1, 1],
    body: `${prologue(size, 'u.n', (row) => `${row} * u.k4`)}
${unroll(laneColumns, (j) => `  let wRow${j} = min(firstColumn + ${j * size}u, u.n - 1u) * u.k4;`)}
  for (var k = 0u; k < u.k4; k++) {
${unroll(laneColumns, (j) => `    let w${j} = w[wRow${j} + k];`)}
${unroll(tileRows / size, (i) => `    let mine${i} = x[row${i} + k];`)}
${unroll(
  tileRows,
  (i) => `    let x${i} = ${broadcast(size, i)};
${unroll(laneColumns, (j) => `    c${i}_${j} += dot(x${i}, w${j});`)}`,
)}
  }
${unroll(
  tileRows,
  (i) => `  if (m0 + ${i}u < u.m) {
${unroll(laneColumns, (j) => {
  const bias = hasBias ? ` + bias[firstColumn + ${j * size}u]` : '';
  return `    if (firstColumn + ${j * size}u < u.n) { let at = (m0 + ${i}u) * u.yStride + u.yColumn + firstColumn + ${j * size}u; y[at] = ${added}c${i}_${j}${bias}; }`;
})}
  }`,
)}`,
  }));
}

/** As `linear` of matmul.ts; `optional`: bias and addend, in this order, where there are any. */
export function linearSubgroup(
  recorder: Recorder,
  x: GpuTensor,
  w: GpuTensor,
  y: GpuTensor,
  size: {
    readonly m: number;
    readonly n: number;
    readonly k: number;
    readonly yStride: number;
    readonly yColumn: number;
  },
  bias: GpuTensor | null,
  addend: Addend,
  optional: readonly GpuTensor[],
): void {
  const { m, n, k, yStride, yColumn } = size;
  const lanes = recorder.subgroupSize ?? 1;
  recorder.dispatch(
    linearKernel(lanes, bias !== null, addend),
    [x, w, ...optional, y],
    { m, n, k4: k / 4, yStride, yColumn },
    tileGrid(m, n, lanes),
  );
}

function linearDxKernel(size: number, accumulate: boolean): Kernel {
  return kernel(`linearDx subgroup=${size} accumulate=${accumulate}`, () => ({
    enable: ['subgroups'],
    bindings: {
      dy: ['array<vec4f>', 'read'],
      w: ['array<f32>', 'read'],
      dx: ['array<f32>', 'read_write'],
    },
    uniforms: { m: 'u32', n4: 'u32', k: 'u32', dyStride4: 'u32', dyColumn4: 'u32' },
    workgroup: [64, 1, 1],
    body: `${prologue(size, 'u.k', (row) => `${row} * u.dyStride4 + u.dyColumn4`)}
${unroll(laneColumns, (j) => `  let column${j} = min(firstColumn + ${j * size}u, u.k - 1u);`)}
  for (var n = 0u; n < u.n4; n++) {
${unroll(tileRows / size, (i) => `    let mine${i} = dy[row${i} + n];`)}
${unroll(tileRows, (i) => `    let d${i} = ${broadcast(size, i)};`)}
${unroll(
  4,
  (q) => `    {
      let wRow = (n * 4u + ${q}u) * u.k;
${unroll(
  laneColumns,
  (j) => `      let w${j} = w[wRow + column${j}];
${unroll(tileRows, (i) => `      c${i}_${j} += d${i}[${q}] * w${j};`)}`,
)}
    }`,
)}
  }
${unroll(
  tileRows,
  (i) => `  if (m0 + ${i}u < u.m) {
${unroll(laneColumns, (j) => `    if (firstColumn + ${j * size}u < u.k) { let at = (m0 + ${i}u) * u.k + firstColumn + ${j * size}u; dx[at] = ${accumulate ? 'dx[at] + ' : ''}c${i}_${j}; }`)}
  }`,
)}`,
  }));
}

/** As `linearDx` of matmul.ts. */
export function linearDxSubgroup(
  recorder: Recorder,
  dy: GpuTensor,
  w: GpuTensor,
  dx: GpuTensor,
  size: {
    readonly m: number;
    readonly n: number;
    readonly k: number;
    readonly dyStride: number;
    readonly dyColumn: number;
  },
  accumulate: boolean,
): void {
  const { m, n, k, dyStride, dyColumn } = size;
  const lanes = recorder.subgroupSize ?? 1;
  recorder.dispatch(
    linearDxKernel(lanes, accumulate),
    [dy, w, dx],
    { m, n4: n / 4, k, dyStride4: dyStride / 4, dyColumn4: dyColumn / 4 },
    tileGrid(m, k, lanes),
  );
}

const tileGrid = (rows: number, columns: number, lanes: number): [number, number, number] =>
  grid(Math.ceil(rows / tileRows) * Math.ceil(columns / (laneColumns * lanes)) * lanes);
