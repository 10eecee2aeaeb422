/**
 * The matrix products of matmul-tile.ts for GPUs with fast workgroup memory: 128 threads share tiles of 64 × 16 of
 * both operands; each thread computes 8 × 4 outputs as outer products. Both operands lie in workgroup memory with the inner
 * dimension outermost, so that neighbouring threads read neighbouring words: the other way round all of them hit the same
 * banks, and a slice of 16 took 4,800 cycles on an H100. The next slice is on its way while one is multiplied.
 * Optionally the forward's operands are half precision (shader-f16) with float32 sums; gradients are too small for that.
 */
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import {
  linearBindings,
  linearDxBindings,
  linearDxUniforms,
  linearUniforms,
  maxSlots,
} from './matmul-tile.ts';
import { scaleHelper } from './half-weights.ts';
import { isScaled, weightHeader, type WeightFormat } from './weight-matrix.ts';

export const workgroupTile = 64; // rows and columns of outputs per workgroup
const threads = 128;
const slice = 16; // of the inner dimension
/** Vec4s between steps of the inner dimension: 64 values and a pad, against bank conflicts. */
const stride = workgroupTile / 4 + 1;
const rowsPerThread = 8;

/** Workgroup memory of both operands. */
const operands = (type: string): string => `
var<workgroup> lefts: array<${type}, ${slice * stride}>;
var<workgroup> rights: array<${type}, ${slice * stride}>;`;

/** Where the workgroup's tile begins, and which outputs are the thread's: rows at ty · 8, columns at tx · 4. */
const prologue = (columns: string, group = 'groupIndex'): string => `
  let rowBlocks = (u.m + ${workgroupTile - 1}u) / ${workgroupTile}u;
  let m0 = (${group} % rowBlocks) * ${workgroupTile}u;
  let column0 = (${group} / rowBlocks) * ${workgroupTile}u;
  let ty = lid.x / 16u;
  let tx = lid.x % 16u;
  let column = column0 + tx * 4u;
  let inside = column < ${columns};
${unroll(rowsPerThread, (i) => `  let row${i} = m0 + ty * ${rowsPerThread}u + ${i}u;\n  var c${i} = vec4f();`)}`;

/** Vec4s of an operand's slice that a thread loads. */
const loadsPerThread = (workgroupTile * slice) / 4 / threads;

/** Puts a vec4 along the inner dimension of one row (or column) into an operand. */
const putAcross = (operand: string, index: string, value: string): string =>
  unroll(
    4,
    (c) =>
      `    ${operand}[(${index} % 4u * 4u + ${c}u) * ${stride}u + ${index} / 16u][(${index} / 4u) % 4u] = ${value}[${c}];`,
  );

/** Both operands' slices in workgroup memory → the accumulators. */
const multiply = (half: boolean): string => {
  const read = (at: string): string => (half ? `vec4f(${at})` : at);
  return `
    for (var kk = 0u; kk < ${slice}u; kk++) {
      let low = ${read(`lefts[kk * ${stride}u + ty * 2u]`)};
      let high = ${read(`lefts[kk * ${stride}u + ty * 2u + 1u]`)};
      let right = ${read(`rights[kk * ${stride}u + tx]`)};
${unroll(rowsPerThread, (i) => `      c${i} = fma(vec4f(${i < 4 ? 'low' : 'high'}[${i % 4}]), right, c${i});`)}
    }`;
};

/** Slice after slice; `fetch` loads the one at `at` into registers, `store` puts them into workgroup memory. */
const overSlices = (first: string, end: string, fetch: string, store: string, half: boolean): string => `
${unroll(loadsPerThread, (i) => `  var left${i} = vec4f();\n  var right${i} = vec4f();`)}
  var at = ${first};
  {
${fetch}
  }
  loop {
${store}
    workgroupBarrier();
    at += ${slice / 4}u;
    let isLast = at >= ${end};
    if (!isLast) {
${fetch}
    }
${multiply(half)}
    if (isLast) { break; }
    workgroupBarrier();
  }`;

const index = (i: number): string => `(lid.x + ${i * threads}u)`;

/** As `linearTile`. */
export function linearWorkgroup(format: WeightFormat, f16: boolean): Kernel {
  const type = f16 ? 'vec4<f16>' : 'vec4f';
  const stored = (value: string): string => (f16 ? `vec4<f16>(${value})` : value);
  const weight = (i: number): string =>
    format === 'f32'
      ? `w[min(column0 + ${index(i)} / 4u, u.n - 1u) * u.weightStride + k${i}]`
      : `weightAt(min(column0 + ${index(i)} / 4u, u.n - 1u), k${i})`;
  return kernel(`linear workgroup ${format} f16=${f16}`, () => ({
    enable: f16 ? ['f16'] : [],
    header: `${weightHeader(format)}${scaleHelper(format)}${weightReader(format)}${operands(type)}`,
    workgroupSize: threads,
    bindings: linearBindings(format),
    uniforms: linearUniforms,
    body: `${prologue('u.n')}
  if (inside) {
${unroll(
  rowsPerThread,
  (i) => `    if (row${i} < u.m) {
      let start = row${i} * u.yStride4 + (u.yColumn + column) / 4u;
      if (u.hasAddend != 0u) { c${i} = addend[start]; }
      if (u.hasBias != 0u) { c${i} += bias[(u.yColumn + column) / 4u]; }
    }`,
)}
  }
${overSlices(
  '0u',
  'u.k4',
  unroll(
    loadsPerThread,
    (i) => `      let wanted${i} = at + ${index(i)} % 4u;
      let k${i} = min(wanted${i}, u.k4 - 1u);
      let there${i} = f32(wanted${i} < u.k4);
      left${i} = x[min(m0 + ${index(i)} / 4u, u.m - 1u) * u.k4 + k${i}] * there${i};
      right${i} = ${weight(i)} * there${i};`,
  ),
  unroll(
    loadsPerThread,
    (i) => `    let l${i} = ${stored(`left${i}`)};
    let r${i} = ${stored(`right${i}`)};
${putAcross('lefts', index(i), `l${i}`)}
${putAcross('rights', index(i), `r${i}`)}`,
  ),
  f16,
)}
  if (!inside) { return; }
  let n = u.yColumn + column;
${unroll(
  maxSlots,
  (s) => `  if (${s}u < u.slots && n >= u.slotColumn${s} && n < u.slotEnd${s}) {
    for (var r = 0u; r < u.r4; r++) {
${unroll(4, (j) => `      let b${j} = b[u.slotB4_${s} + (n + ${j}u - u.slotColumn${s}) * u.r4 + r] * u.loraScale;`)}
${unroll(
  rowsPerThread,
  (i) => `      let l${i} = low[min(row${i}, u.m - 1u) * u.lowStride4 + u.lowColumn4 + ${s}u * u.r4 + r];
      c${i} = c${i} + l${i} * mat4x4f(b0, b1, b2, b3);`,
)}
    }
  }`,
)}
${unroll(rowsPerThread, (i) => `  if (row${i} < u.m) { y[row${i} * u.yStride4 + (u.yColumn + column) / 4u] = c${i}; }`)}`,
  }));
}

/** `weightAt(row, k4)`: four weights of a coded row. */
const weightReader = (format: WeightFormat): string =>
  format === 'f32'
    ? ''
    : `
fn weightAt(row: u32, k4: u32) -> vec4f {
  let group = k4 / 2u;
  let g = w[row * u.weightStride + group];
  let scale = ${isScaled(format) ? 'scaleOf((group / 8u) * u.scaleStride4 + row / 4u, row)' : '1.0'};
  if (k4 % 2u == 0u) { return decode0(g) * scale; }
  return decode1(g) * scale;
}`;

/** As `linearDxTile`; the inner dimension may be split into parts of `partN4` vec4s, whose sums are written one below the other. */
export function linearDxWorkgroup(format: WeightFormat): Kernel {
  const weight = (i: number): string =>
    format === 'f32' ? `w[n${i} * u.k4 + k${i}]` : `weightAt(n${i}, k${i})`;
  return kernel(`linearDx workgroup ${format}`, () => ({
    header: `${weightHeader(format)}${scaleHelper(format)}${weightReader(format)}${operands('vec4f')}`,
    workgroupSize: threads,
    bindings: linearDxBindings(format),
    uniforms: linearDxUniforms,
    body: `
  let tiles = ((u.m + ${workgroupTile - 1}u) / ${workgroupTile}u) * ((u.k4 * 4u + ${workgroupTile - 1}u) / ${workgroupTile}u);
  let part = groupIndex / tiles;
  let firstN4 = part * u.partN4;
  let endN4 = min(firstN4 + u.partN4, u.n4);
  let partRow = part * u.m; // parts are written one below the other
${prologue('u.k4 * 4u', '(groupIndex % tiles)')}
${unroll(rowsPerThread, (i) => `  if (u.accumulates != 0u && inside && row${i} < u.m) { c${i} = dx[row${i} * u.dxStride4 + u.dxColumn4 + column / 4u]; }`)}
${overSlices(
  'firstN4',
  'endN4',
  unroll(
    loadsPerThread,
    (i) => `      let wanted${i} = at + ${index(i)} % 4u;
      left${i} = dy[min(m0 + ${index(i)} / 4u, u.m - 1u) * u.dyStride4 + u.dyColumn4 + min(wanted${i}, u.n4 - 1u)] * f32(wanted${i} < endN4);
      let n${i} = min(at * 4u + ${index(i)} / 16u, u.n4 * 4u - 1u);
      let k${i} = min(column0 / 4u + ${index(i)} % 16u, u.k4 - 1u);
      right${i} = ${weight(i)} * f32(at * 4u + ${index(i)} / 16u < endN4 * 4u);`,
  ),
  unroll(
    loadsPerThread,
    (i) => `${putAcross('lefts', index(i), `left${i}`)}
    rights[${index(i)} / 16u * ${stride}u + ${index(i)} % 16u] = right${i};`,
  ),
  false,
)}
  if (!inside) { return; }
  for (var l = 0u; l < u.low4; l++) {
${unroll(4, (r) => `    let a${r} = a[(l * 4u + ${r}u) * u.k4 + column / 4u];`)}
${unroll(
  rowsPerThread,
  (i) => `    let l${i} = du[min(row${i}, u.m - 1u) * u.low4 + l];
    c${i} = c${i} + mat4x4f(a0, a1, a2, a3) * l${i};`,
)}
  }
${unroll(rowsPerThread, (i) => `  if (row${i} < u.m) { dx[(partRow + row${i}) * u.dxStride4 + u.dxColumn4 + column / 4u] = c${i} * u.scale; }`)}`,
  }));
}

/** dx[m, k] (+)= the sum of the parts, [parts · m, k]. */
export const sumParts = (): Kernel =>
  kernel('linearDx sum of parts', () => ({
    bindings: { sums: ['array<vec4f>', 'read'], dx: ['array<vec4f>', 'read_write'] },
    uniforms: {
      m: 'u32',
      k4: 'u32',
      parts: 'u32',
      dxStride4: 'u32',
      dxColumn4: 'u32',
      scale: 'f32',
      accumulates: 'u32',
    },
    body: `
  if (threadIndex >= u.m * u.k4) { return; }
  let at = (threadIndex / u.k4) * u.dxStride4 + u.dxColumn4 + threadIndex % u.k4;
  var sum = vec4f();
  if (u.accumulates != 0u) { sum = dx[at]; }
  for (var p = 0u; p < u.parts; p++) { sum += sums[p * u.m * u.k4 + threadIndex]; }
  dx[at] = sum * u.scale;`,
  }));

/** Workgroups for m rows of so many columns. */
export const workgroupTiles = (m: number, columns: number): number =>
  Math.ceil(m / workgroupTile) * Math.ceil(columns / workgroupTile);

/** Threads for m rows of so many columns. */
export const workgroupWork = (m: number, columns: number): number => workgroupTiles(m, columns) * threads;
