/**
 * The matrix products of matmul-tile.ts on subgroup matrices (WGSL `chromium_experimental_subgroup_matrix`): operands in
 * half precision, sums in float32. A workgroup's threads stage a slice of 32 of the inner dimension of both operands in
 * workgroup memory, weights decoded once per tile; each subgroup multiplies its part of the tile with the adapter's
 * matrix units, while the next slice is on its way into registers.
 *
 * Half precision holds 11 bits between 6e-5 and 65,504. Activations are divided by 16, so that outliers up to a million
 * fit; gradients are multiplied row by row with a power of two that brings the row's largest value near 256
 * (row-scale.ts). Both are undone in float32, exactly.
 */
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { MatrixTile } from '../device/recorder.ts';
import {
  linearBindings,
  linearDxBindings,
  linearDxUniforms,
  linearUniforms,
  maxSlots,
} from './matmul-tile.ts';
import { halfHeader, halfPrepare, halfUnits, scaleHelper, unitType } from './half-weights.ts';
import { isScaled, type WeightFormat } from './weight-matrix.ts';

/** Inner dimension of a staged slice: a block of scales is two of them. */
const slice = 32;
/** Elements between staged rows beyond their length: keeps neighbouring rows in other memory banks, and 16-byte aligned. */
const pad = 8;
const activationScale = 1 / 16;
/** Low-rank values are as large as activations or larger, B's smaller than weights: 2⁻⁸ · 2⁴ is the activations' 1/16. */
const lowScale = { low: 1 / 256, b: 16 };

const subgroupsOf = (tile: MatrixTile): number =>
  (tile.rows / tile.subgroupRows) * (tile.columns / tile.subgroupColumns);
export const matrixThreads = (tile: MatrixTile): number => subgroupsOf(tile) * tile.lanes;

/** Of the larger of both products. */
export const matrixWorkgroupBytes = (tile: MatrixTile): number => {
  const right = Math.max(tile.columns * (slice + pad), slice * (tile.columns + pad));
  const book = 256 * 4;
  return 2 * (tile.rows * (slice + pad) + right) + 4 * subgroupsOf(tile) * tile.m * tile.n + book;
};

const keyOf = (t: MatrixTile): string =>
  `${t.rows}x${t.columns} by ${t.subgroupRows}x${t.subgroupColumns} of ${t.m}x${t.n}x${t.k} lanes=${t.lanes}`;

const enable = ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix'];

const eachAccumulator = (tile: MatrixTile, line: (i: number, j: number) => string): string =>
  unroll(tile.subgroupRows / tile.m, (i) => unroll(tile.subgroupColumns / tile.n, (j) => line(i, j)));

/** Workgroup memory and helpers of both products; `right` in f16 elements. */
const header = (tile: MatrixTile, format: WeightFormat, right: number): string => `
var<workgroup> lefts: array<f16, ${tile.rows * (slice + pad)}>;
var<workgroup> rights: array<f16, ${right}>;
var<workgroup> results: array<f32, ${subgroupsOf(tile) * tile.m * tile.n}>;
${halfHeader(format)}${scaleHelper(format)}
fn narrowed(v: vec4f) -> vec4<f16> { return vec4<f16>(clamp(v, vec4f(-65504.0), vec4f(65504.0))); }
fn putLeft(at: u32, v: vec4<f16>) { lefts[at] = v.x; lefts[at + 1u] = v.y; lefts[at + 2u] = v.z; lefts[at + 3u] = v.w; }
fn putRight(at: u32, v: vec4<f16>) { rights[at] = v.x; rights[at + 1u] = v.y; rights[at + 2u] = v.z; rights[at + 3u] = v.w; }`;

/** Where the workgroup's tile and the subgroup's part of it begin, and the accumulators. */
const prologue = (tile: MatrixTile, format: WeightFormat): string => `
  let rowBlocks = (u.m + ${tile.rows - 1}u) / ${tile.rows}u;
  let m0 = (groupIndex % rowBlocks) * ${tile.rows}u;
  let column0 = (groupIndex / rowBlocks) * ${tile.columns}u;
  let subgroup = lid.x / ${tile.lanes}u;
  let partRow = (subgroup / ${tile.columns / tile.subgroupColumns}u) * ${tile.subgroupRows}u;
  let partColumn = (subgroup % ${tile.columns / tile.subgroupColumns}u) * ${tile.subgroupColumns}u;
${eachAccumulator(tile, (i, j) => `  var c${i}_${j} = subgroup_matrix_result<f32, ${tile.n}, ${tile.m}>();`)}
${halfPrepare(format, matrixThreads(tile))}`;

/** Multiplies the staged slice into the accumulators. `right(column)`: where a matrix begins, at `k` of the slice. */
const multiply = (
  tile: MatrixTile,
  order: 'row_major' | 'col_major',
  stride: number,
  right: (column: string) => string,
): string => `    for (var k = 0u; k < ${slice}u; k += ${tile.k}u) {
${unroll(tile.subgroupRows / tile.m, (i) => `      let a${i} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${tile.k}, ${tile.m}>, row_major>(&lefts, (partRow + ${i * tile.m}u) * ${slice + pad}u + k, ${slice + pad}u);`)}
${unroll(
  tile.subgroupColumns / tile.n,
  (
    j,
  ) => `      let b${j} = subgroupMatrixLoad<subgroup_matrix_right<f16, ${tile.n}, ${tile.k}>, ${order}>(&rights, ${right(`partColumn + ${j * tile.n}u`)}, ${stride}u);
${unroll(tile.subgroupRows / tile.m, (i) => `      c${i}_${j} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, c${i}_${j});`)}`,
)}
    }`;

/** `write` sees `row` and `column` of the vec4 `value`; columns are the tile's own. */
const writeResults = (tile: MatrixTile, columns: string, write: string): string =>
  eachAccumulator(
    tile,
    (
      i,
      j,
    ) => `  subgroupMatrixStore<row_major>(&results, subgroup * ${tile.m * tile.n}u, c${i}_${j}, ${tile.n}u);
  workgroupBarrier();
  for (var e = lid.x % ${tile.lanes}u; e < ${(tile.m * tile.n) / 4}u; e += ${tile.lanes}u) {
    let at = subgroup * ${tile.m * tile.n}u + e * 4u;
    let row = m0 + partRow + ${i * tile.m}u + (e * 4u) / ${tile.n}u;
    let column = column0 + partColumn + ${j * tile.n}u + (e * 4u) % ${tile.n}u;
    if (row < u.m && column < ${columns}) {
      var value = vec4f(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
${write}
    }
  }
  workgroupBarrier();`,
  );

/** Loads of a slice in turns of all threads: thread lid.x takes element `e` of turn i. */
const turns = (elements: number, tile: MatrixTile, line: (i: number, e: string) => string): string => {
  const threads = matrixThreads(tile);
  if (elements % threads !== 0) throw new RangeError(`${elements} loads for ${threads} threads`);
  return unroll(elements / threads, (i) => line(i, `(lid.x + ${i * threads}u)`));
};

/** Slice after slice: fetch the next into registers while this one is multiplied. */
const overSlices = (
  count: string,
  declare: string,
  fetch: string,
  store: string,
  multiplied: string,
): string => `
${declare}
  var k0 = 0u;
  {
${fetch}
  }
  loop {
    workgroupBarrier();
${store}
    workgroupBarrier();
    k0 += ${slice}u;
    let more = k0 < ${count};
    if (more) {
${fetch}
    }
${multiplied}
    if (!more) { break; }
  }`;

/** As `linearTile`. */
export function linearMatrix(format: WeightFormat, tile: MatrixTile): Kernel {
  const rowUnits = slice / halfUnits(format); // of a row of weights in a slice
  const stride = slice + pad;
  const multiplied = (): string =>
    multiply(tile, 'col_major', stride, (column) => `(${column}) * ${stride}u + k`);
  const lefts = tile.rows * (slice / 4);
  const rights = tile.columns * rowUnits;
  return kernel(`linear matrix ${format} ${keyOf(tile)}`, () => ({
    enable,
    header: header(tile, format, tile.columns * stride),
    workgroupSize: matrixThreads(tile),
    bindings: linearBindings(format),
    uniforms: linearUniforms,
    body: `${prologue(tile, format)}
${overSlices(
  'u.k4 * 4u',
  `${turns(lefts, tile, (i) => `  var left${i} = vec4f();`)}
${turns(rights, tile, (i) => `  var right${i} = ${unitType(format)}();\n  var scale${i} = 1.0;`)}`,
  `${turns(
    lefts,
    tile,
    (i, e) => `      let lk${i} = k0 / 4u + ${e} % ${slice / 4}u;
      left${i} = select(vec4f(), x[min(m0 + ${e} / ${slice / 4}u, u.m - 1u) * u.k4 + min(lk${i}, u.k4 - 1u)], lk${i} < u.k4);`,
  )}
${turns(
  rights,
  tile,
  (i, e) => `      let row${i} = min(column0 + ${e} / ${rowUnits}u, u.n - 1u);
      let unit${i} = k0 / ${halfUnits(format)}u + ${e} % ${rowUnits}u;
      right${i} = select(${unitType(format)}(), w[row${i} * u.weightStride + min(unit${i}, u.weightStride - 1u)], unit${i} < u.weightStride);
${isScaled(format) ? `      scale${i} = scaleOf((min(unit${i}, u.weightStride - 1u) / 8u) * u.scaleStride4 + row${i} / 4u, row${i});` : ''}`,
)}`,
  `${turns(lefts, tile, (i, e) => `    putLeft(${e} / ${slice / 4}u * ${stride}u + ${e} % ${slice / 4}u * 4u, narrowed(left${i} * ${activationScale}));`)}
${turns(rights, tile, (i, e) => putUnit(format, i, `${e} / ${rowUnits}u * ${stride}u + ${e} % ${rowUnits}u * ${halfUnits(format)}u`))}`,
  multiplied(),
)}
  for (var s = 0u; s < u.slots; s++) {
    let slotColumn = ${bySlot('slotColumn')};
    let slotEnd = ${bySlot('slotEnd')};
    let slotB4 = ${bySlot('slotB4_')};
    let first = u.yColumn + column0;
    if (first >= slotEnd || first + ${tile.columns}u <= slotColumn) { continue; }
    for (var r0 = 0u; r0 < u.r4; r0 += ${slice / 4}u) {
      workgroupBarrier();
      for (var e = lid.x; e < ${lefts}u; e += ${matrixThreads(tile)}u) {
        let r = r0 + e % ${slice / 4}u;
        let value = low[min(m0 + e / ${slice / 4}u, u.m - 1u) * u.lowStride4 + u.lowColumn4 + s * u.r4 + min(r, u.r4 - 1u)];
        putLeft(e / ${slice / 4}u * ${stride}u + e % ${slice / 4}u * 4u, narrowed(select(vec4f(), value * ${lowScale.low}, r < u.r4)));
      }
      for (var e = lid.x; e < ${tile.columns * (slice / 4)}u; e += ${matrixThreads(tile)}u) {
        let r = r0 + e % ${slice / 4}u;
        let n = first + e / ${slice / 4}u;
        let isIn = r < u.r4 && n >= slotColumn && n < slotEnd;
        let value = b[slotB4 + select(0u, (n - slotColumn) * u.r4 + r, isIn)];
        putRight(e / ${slice / 4}u * ${stride}u + e % ${slice / 4}u * 4u, narrowed(select(vec4f(), value * (u.loraScale * ${lowScale.b}.0), isIn)));
      }
      workgroupBarrier();
${multiplied()}
    }
  }
  workgroupBarrier();
${writeResults(
  tile,
  'u.n',
  `      value *= ${1 / activationScale}.0;
      let to = row * u.yStride4 + (u.yColumn + column) / 4u;
      if (u.hasAddend != 0u) { value += addend[to]; }
      if (u.hasBias != 0u) { value += bias[(u.yColumn + column) / 4u]; }
      y[to] = value;`,
)}`,
  }));
}

const bySlot = (name: string): string =>
  Array.from({ length: maxSlots }, (_, s) => `u.${name}${s}`).reduceRight(
    (others, own, s) => `select(${others}, ${own}, s == ${s}u)`,
  );

/** Decodes the fetched unit i of weights into the right operand. */
const putUnit = (format: WeightFormat, i: number, at: string): string =>
  format === 'f32'
    ? `    putRight(${at}, narrowed(right${i}));`
    : `    let at${i} = ${at};
    putRight(at${i}, half0(right${i}, f16(scale${i})));
    putRight(at${i} + 4u, half1(right${i}, f16(scale${i})));`;

/** As `linearDxTile`, with the rows' scales of dy beside it. */
export function linearDxMatrix(format: WeightFormat, tile: MatrixTile): Kernel {
  const rowUnits = tile.columns / halfUnits(format); // of a row of weights in the tile
  const stride = tile.columns + pad;
  const leftStride = slice + pad;
  const multiplied = (): string =>
    multiply(tile, 'row_major', stride, (column) => `k * ${stride}u + ${column}`);
  const lefts = tile.rows * (slice / 4);
  const rights = slice * rowUnits;
  return kernel(`linearDx matrix ${format} ${keyOf(tile)}`, () => ({
    enable,
    header: header(tile, format, slice * stride),
    workgroupSize: matrixThreads(tile),
    bindings: { rowScales: ['array<f32>', 'read'], ...linearDxBindings(format) },
    uniforms: linearDxUniforms,
    body: `${prologue(tile, format)}
${overSlices(
  'u.n4 * 4u',
  `${turns(lefts, tile, (i, e) => `  var left${i} = vec4f();\n  let power${i} = rowScales[min(m0 + ${e} / ${slice / 4}u, u.m - 1u)];`)}
${turns(rights, tile, (i) => `  var right${i} = ${unitType(format)}();\n  var scale${i} = 1.0;`)}`,
  `${turns(
    lefts,
    tile,
    (i, e) => `      let ln${i} = k0 / 4u + ${e} % ${slice / 4}u;
      left${i} = select(vec4f(), dy[min(m0 + ${e} / ${slice / 4}u, u.m - 1u) * u.dyStride4 + u.dyColumn4 + min(ln${i}, u.n4 - 1u)], ln${i} < u.n4);`,
  )}
${turns(
  rights,
  tile,
  (i, e) => `      let row${i} = k0 + ${e} / ${rowUnits}u;
      let inRow${i} = min(row${i}, u.n4 * 4u - 1u);
      let unit${i} = column0 / ${halfUnits(format)}u + ${e} % ${rowUnits}u;
      right${i} = select(${unitType(format)}(), w[inRow${i} * u.weightStride + min(unit${i}, u.weightStride - 1u)], row${i} < u.n4 * 4u && unit${i} < u.weightStride);
${isScaled(format) ? `      scale${i} = scaleOf((min(unit${i}, u.weightStride - 1u) / 8u) * u.scaleStride4 + inRow${i} / 4u, inRow${i});` : ''}`,
)}`,
  `${turns(lefts, tile, (i, e) => `    putLeft(${e} / ${slice / 4}u * ${leftStride}u + ${e} % ${slice / 4}u * 4u, narrowed(left${i} * power${i}));`)}
${turns(rights, tile, (i, e) => putUnit(format, i, `${e} / ${rowUnits}u * ${stride}u + ${e} % ${rowUnits}u * ${halfUnits(format)}u`))}`,
  multiplied(),
)}
  for (var l0 = 0u; l0 < u.low4; l0 += ${slice / 4}u) {
    workgroupBarrier();
    for (var e = lid.x; e < ${lefts}u; e += ${matrixThreads(tile)}u) {
      let l = l0 + e % ${slice / 4}u;
      let row = min(m0 + e / ${slice / 4}u, u.m - 1u);
      let value = du[row * u.low4 + min(l, u.low4 - 1u)] * rowScales[row];
      putLeft(e / ${slice / 4}u * ${leftStride}u + e % ${slice / 4}u * 4u, narrowed(select(vec4f(), value, l < u.low4)));
    }
    for (var e = lid.x; e < ${slice * (tile.columns / 4)}u; e += ${matrixThreads(tile)}u) {
      let l = l0 * 4u + e / ${tile.columns / 4}u;
      let at = column0 / 4u + e % ${tile.columns / 4}u;
      let value = a[min(l, u.low4 * 4u - 1u) * u.k4 + min(at, u.k4 - 1u)];
      putRight(e / ${tile.columns / 4}u * ${stride}u + e % ${tile.columns / 4}u * 4u, narrowed(select(vec4f(), value, l < u.low4 * 4u && at < u.k4)));
    }
    workgroupBarrier();
${multiplied()}
  }
  workgroupBarrier();
${writeResults(
  tile,
  '(u.k4 * 4u)',
  `      value = value / rowScales[row];
      let to = row * u.dxStride4 + u.dxColumn4 + column / 4u;
      if (u.accumulates != 0u) { value += dx[to]; }
      dx[to] = value * u.scale;`,
)}`,
  }));
}
