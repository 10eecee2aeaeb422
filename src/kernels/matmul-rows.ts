/**
 * The matrix products of matmul.ts for graphics cards where a tile would be mostly empty: few stream rows (decoding), or few
 * columns (a LoRA factor). A workgroup computes four columns of up to eight rows; its threads walk the inner dimension side
 * by side, so that loads are coalesced, and add up in workgroup memory. With one thread per column, as on adapters with few
 * threads, an H100 took 84 ms to decode a token with a model of 1.5 B parameters.
 */
import { kernel, matrixOf, unroll, type Kernel } from '../device/kernel.ts';
import {
  linearBindings,
  linearDxBindings,
  linearDxUniforms,
  linearUniforms,
  maxSlots,
} from './matmul-tile.ts';
import { isScaled, loadScales, weightHeader, type WeightFormat } from './weight-matrix.ts';

const threads = 64;

/** Rows of a workgroup to choose from. */
const rowChoices = [1, 2, 4, 8] as const;

/** Rows per workgroup for m rows. */
export const rowsPerGroup = (m: number): number => rowChoices.find((rows) => rows >= m) ?? 8;

/** Threads for m rows and `width` columns. */
export const rowsWork = (m: number, width: number): number =>
  Math.ceil(m / rowsPerGroup(m)) * (width / 4) * threads;

/** Sums `sums` of every thread into those of the first: `c0` … `c{rows−1}`. */
const gather = (rows: number): string => `
${unroll(rows, (i) => `  sums[${i * threads}u + lid.x] = c${i};`)}
  workgroupBarrier();
  for (var width = ${threads / 2}u; width > 0u; width /= 2u) {
    if (lid.x < width) {
${unroll(rows, (i) => `      sums[${i * threads}u + lid.x] += sums[${i * threads}u + lid.x + width];`)}
    }
    workgroupBarrier();
  }
  if (lid.x >= ${rows}u || m0 + lid.x >= u.m) { return; }
  let row = m0 + lid.x;
  var sum = sums[lid.x * ${threads}u];`;

const sumsOf = (rows: number): string => `var<workgroup> sums: array<vec4f, ${rows * threads}>;`;

/** As `linearTile`. */
export function linearRows(format: WeightFormat, rows: number): Kernel {
  const columns = (part: string): string => matrixOf((c) => (part === '' ? `w${c}` : `${part}(w${c})`));
  const walk = (): string =>
    format === 'f32'
      ? `
  for (var k = lid.x; k < u.k4; k += ${threads}u) {
${unroll(4, (c) => `    let w${c} = w[(n0 + ${c}u) * u.weightStride + k];`)}
${unroll(rows, (i) => `    c${i} += x[min(m0 + ${i}u, u.m - 1u) * u.k4 + k] * ${columns('')};`)}
  }`
      : `
  for (var g = lid.x; g < (u.k4 + 1u) / 2u; g += ${threads}u) {
${unroll(4, (c) => `    let w${c} = w[(n0 + ${c}u) * u.weightStride + g];`)}
${isScaled(format) ? `${loadScales('s', '(g / 8u) * u.scaleStride4 + n0 / 4u')}\n    let scale = vec4f(s0, s1, s2, s3);` : '    let scale = vec4f(1.0);'}
    let low = ${columns('decode0')};
    let high = ${columns('decode1')};
    let second = min(g * 2u + 1u, u.k4 - 1u);
    let counts = f32(g * 2u + 1u < u.k4);
${unroll(
  rows,
  (i) => `    {
      let at = min(m0 + ${i}u, u.m - 1u) * u.k4;
      c${i} += (x[at + g * 2u] * low + (x[at + second] * counts) * high) * scale;
    }`,
)}
  }`;
  return kernel(`linear rows ${format} ${rows}`, () => ({
    header: `${weightHeader(format)}\n${sumsOf(rows)}`,
    workgroupSize: threads,
    bindings: linearBindings(format),
    uniforms: linearUniforms,
    body: `
  let rowBlocks = (u.m + ${rows - 1}u) / ${rows}u;
  let m0 = (groupIndex % rowBlocks) * ${rows}u;
  let n0 = (groupIndex / rowBlocks) * 4u;
${unroll(rows, (i) => `  var c${i} = vec4f();`)}
${walk()}
${gather(rows)}
  let column = u.yColumn + n0;
  let at = row * u.yStride4 + column / 4u;
  if (u.hasAddend != 0u) { sum += addend[at]; }
  if (u.hasBias != 0u) { sum += bias[column / 4u]; }
${unroll(
  maxSlots,
  (s) => `  if (${s}u < u.slots && column >= u.slotColumn${s} && column < u.slotEnd${s}) {
    for (var r = 0u; r < u.r4; r++) {
${unroll(4, (j) => `      let b${j} = b[u.slotB4_${s} + (column + ${j}u - u.slotColumn${s}) * u.r4 + r] * u.loraScale;`)}
      sum += low[row * u.lowStride4 + u.lowColumn4 + ${s}u * u.r4 + r] * mat4x4f(b0, b1, b2, b3);
    }
  }`,
)}
  y[at] = sum;`,
  }));
}

/** As `linearDxTile`, for float32 weights. */
export function linearDxRows(rows: number): Kernel {
  return kernel(`linearDx rows ${rows}`, () => ({
    header: sumsOf(rows),
    workgroupSize: threads,
    bindings: linearDxBindings('f32'),
    uniforms: linearDxUniforms,
    body: `
  let rowBlocks = (u.m + ${rows - 1}u) / ${rows}u;
  let m0 = (groupIndex % rowBlocks) * ${rows}u;
  let column = groupIndex / rowBlocks;
${unroll(rows, (i) => `  var c${i} = vec4f();`)}
  for (var n = lid.x; n < u.n4; n += ${threads}u) {
    let w0 = w[(n * 4u) * u.k4 + column];
    let w1 = w[(n * 4u + 1u) * u.k4 + column];
    let w2 = w[(n * 4u + 2u) * u.k4 + column];
    let w3 = w[(n * 4u + 3u) * u.k4 + column];
    let four = mat4x4f(w0, w1, w2, w3);
${unroll(rows, (i) => `    c${i} += four * dy[min(m0 + ${i}u, u.m - 1u) * u.dyStride4 + u.dyColumn4 + n];`)}
  }
${gather(rows)}
  let at = row * u.dxStride4 + u.dxColumn4 + column;
  if (u.accumulates != 0u) { sum += dx[at]; }
  for (var l = 0u; l < u.low4; l++) {
${unroll(4, (r) => `    let a${r} = a[(l * 4u + ${r}u) * u.k4 + column];`)}
    sum += mat4x4f(a0, a1, a2, a3) * du[row * u.low4 + l];
  }
  dx[at] = sum * u.scale;`,
  }));
}
