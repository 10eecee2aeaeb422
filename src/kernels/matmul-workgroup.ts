/**
 * The matrix products of matmul-tile.ts for GPUs with fast workgroup memory: 256 threads share tiles of 64 × 16
 * of both operands, weights decoded once per tile; each thread computes 4 × 4 outputs. Optionally the forward's tiles
 * are half precision (shader-f16) with float32 sums; gradients are too small for that and stay float32.
 */
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import {
  linearBindings,
  linearDxBindings,
  linearDxUniforms,
  linearUniforms,
  maxSlots,
} from './matmul-tile.ts';
import { isScaled, weightHeader, type WeightFormat } from './weight-matrix.ts';

export const workgroupTile = 64; // rows and columns of outputs per workgroup
const threads = 256;

/** One scale out of the pair of u32 that holds four rows'. */
const scaleHelper = (format: WeightFormat): string =>
  isScaled(format)
    ? `
fn scaleOf(index: u32, row: u32) -> f32 {
  let pair = scales[index];
  let half = select(pair.x, pair.y, (row & 2u) != 0u);
  let two = unpack2x16float(half);
  return select(two.x, two.y, (row & 1u) != 0u);
}`
    : '';

/** As `linearTile`. */
export function linearWorkgroup(format: WeightFormat, f16: boolean): Kernel {
  const key = `linear workgroup ${format} f16=${f16}`;
  const type = f16 ? 'vec4<f16>' : 'vec4f';
  const loadWeights =
    format === 'f32'
      ? `    if (k + loadK < u.k4) { ws[lid.x] = ${type}(w[min(n0 + loadRow, u.n - 1u) * u.weightStride + k + loadK]); } else { ws[lid.x] = ${type}(); }`
      : `    if (lid.x < 128u) {
      let row = min(n0 + lid.x / 2u, u.n - 1u);
      let group = k / 2u + lid.x % 2u;
      if (group < u.weightStride) {
        let g = w[row * u.weightStride + group];
        let s = ${isScaled(format) ? `scaleOf((group / 8u) * u.scaleStride4 + row / 4u, row)` : '1.0'};
        ws[(lid.x / 2u) * 4u + (lid.x % 2u) * 2u] = ${type}(decode0(g) * s);
        ws[(lid.x / 2u) * 4u + (lid.x % 2u) * 2u + 1u] = ${type}(decode1(g) * s);
      } else {
        ws[(lid.x / 2u) * 4u + (lid.x % 2u) * 2u] = ${type}();
        ws[(lid.x / 2u) * 4u + (lid.x % 2u) * 2u + 1u] = ${type}();
      }
    }`;
  return kernel(key, () => ({
    enable: f16 ? ['f16'] : [],
    header: `${weightHeader(format)}${scaleHelper(format)}
var<workgroup> xs: array<${type}, 256>;
var<workgroup> ws: array<${type}, 256>;`,
    workgroupSize: threads,
    bindings: linearBindings(format),
    uniforms: linearUniforms,
    body: `
  let rowBlocks = (u.m + 63u) / 64u;
  let m0 = (groupIndex % rowBlocks) * 64u;
  let n0 = (groupIndex / rowBlocks) * 64u;
  let loadRow = lid.x / 4u;
  let loadK = lid.x % 4u;
  let ty = lid.x / 16u;
  let tx = lid.x % 16u;
  let column = n0 + tx * 4u;
  let inside = column < u.n;
${unroll(4, (i) => `  var c${i} = vec4f();`)}
${unroll(
  4,
  (i) => `  if (inside && m0 + ty * 4u + ${i}u < u.m) {
    let at = (m0 + ty * 4u + ${i}u) * u.yStride4 + (u.yColumn + column) / 4u;
    if (u.hasAddend != 0u) { c${i} = addend[at]; }
    if (u.hasBias != 0u) { c${i} += bias[(u.yColumn + column) / 4u]; }
  }`,
)}
  for (var k = 0u; k < u.k4; k += 4u) {
    if (k + loadK < u.k4) { xs[lid.x] = ${type}(x[min(m0 + loadRow, u.m - 1u) * u.k4 + k + loadK]); } else { xs[lid.x] = ${type}(); }
${loadWeights}
    workgroupBarrier();
${unroll(
  4,
  (q) => `    {
${unroll(4, (j) => `      let w${j} = ws[(tx * 4u + ${j}u) * 4u + ${q}u];`)}
${unroll(
  4,
  (i) => `      let x${i} = xs[(ty * 4u + ${i}u) * 4u + ${q}u];
      c${i} = c${i} + vec4f(${Array.from({ length: 4 }, (_, j) => (f16 ? `f32(dot(x${i}, w${j}))` : `dot(x${i}, w${j})`)).join(', ')});`,
)}
    }`,
)}
    workgroupBarrier();
  }
  if (!inside) { return; }
  let n = u.yColumn + column;
${unroll(
  maxSlots,
  (s) => `  if (${s}u < u.slots && n >= u.slotColumn${s} && n < u.slotEnd${s}) {
    for (var r = 0u; r < u.r4; r++) {
${unroll(4, (j) => `      let b${j} = b[u.slotB4_${s} + (n + ${j}u - u.slotColumn${s}) * u.r4 + r] * u.loraScale;`)}
${unroll(
  4,
  (
    i,
  ) => `      let l${i} = low[min(m0 + ty * 4u + ${i}u, u.m - 1u) * u.lowStride4 + u.lowColumn4 + ${s}u * u.r4 + r];
      c${i} = c${i} + l${i} * mat4x4f(b0, b1, b2, b3);`,
)}
    }
  }`,
)}
${unroll(4, (i) => `  if (m0 + ty * 4u + ${i}u < u.m) { y[(m0 + ty * 4u + ${i}u) * u.yStride4 + (u.yColumn + column) / 4u] = c${i}; }`)}`,
  }));
}

/** As `linearDxTile`. */
export function linearDxWorkgroup(format: WeightFormat): Kernel {
  const loadWeights =
    format === 'f32'
      ? `      if (n * 4u + lid.x / 16u < u.n4 * 4u) { ws[lid.x] = w[(n * 4u + lid.x / 16u) * u.k4 + min(k0 / 4u + lid.x % 16u, u.k4 - 1u)]; } else { ws[lid.x] = vec4f(); }`
      : `      if (lid.x < 128u) {
        let row = n * 4u + lid.x / 8u;
        let group = min(k0 / 8u + lid.x % 8u, u.weightStride - 1u);
        if (row < u.n4 * 4u) {
          let g = w[row * u.weightStride + group];
          let s = ${isScaled(format) ? `scaleOf((group / 8u) * u.scaleStride4 + row / 4u, row)` : '1.0'};
          ws[(lid.x / 8u) * 16u + (lid.x % 8u) * 2u] = decode0(g) * s;
          ws[(lid.x / 8u) * 16u + (lid.x % 8u) * 2u + 1u] = decode1(g) * s;
        } else {
          ws[(lid.x / 8u) * 16u + (lid.x % 8u) * 2u] = vec4f();
          ws[(lid.x / 8u) * 16u + (lid.x % 8u) * 2u + 1u] = vec4f();
        }
      }`;
  return kernel(`linearDx workgroup ${format}`, () => ({
    header: `${weightHeader(format)}${scaleHelper(format)}
var<workgroup> ds: array<vec4f, 256>;
var<workgroup> ws: array<vec4f, 256>;`,
    workgroupSize: threads,
    bindings: linearDxBindings(format),
    uniforms: linearDxUniforms,
    body: `
  let rowBlocks = (u.m + 63u) / 64u;
  let m0 = (groupIndex % rowBlocks) * 64u;
  let k0 = (groupIndex / rowBlocks) * 64u;
  let ty = lid.x / 16u;
  let tx = lid.x % 16u;
  let inside = k0 / 4u + tx < u.k4;
${unroll(4, (i) => `  var c${i} = vec4f();`)}
${unroll(4, (i) => `  if (u.accumulates != 0u && inside && m0 + ty * 4u + ${i}u < u.m) { c${i} = dx[(m0 + ty * 4u + ${i}u) * u.dxStride4 + u.dxColumn4 + k0 / 4u + tx]; }`)}
  for (var n = 0u; n < u.n4; n += 4u) {
    let dn = n + lid.x % 4u;
    if (dn < u.n4) { ds[lid.x] = dy[min(m0 + lid.x / 4u, u.m - 1u) * u.dyStride4 + u.dyColumn4 + dn]; } else { ds[lid.x] = vec4f(); }
${loadWeights}
    workgroupBarrier();
${unroll(
  4,
  (q) => `    {
${unroll(4, (r) => `      let w${r} = ws[${(q * 4 + r) * 16}u + tx];`)}
${unroll(
  4,
  (i) => `      let d${i} = ds[(ty * 4u + ${i}u) * 4u + ${q}u];
      c${i} = c${i} + mat4x4f(w0, w1, w2, w3) * d${i};`,
)}
    }`,
)}
    workgroupBarrier();
  }
  if (!inside) { return; }
  for (var l = 0u; l < u.low4; l++) {
${unroll(4, (r) => `    let a${r} = a[(l * 4u + ${r}u) * u.k4 + k0 / 4u + tx];`)}
${unroll(
  4,
  (i) => `    let l${i} = du[min(m0 + ty * 4u + ${i}u, u.m - 1u) * u.low4 + l];
    c${i} = c${i} + mat4x4f(a0, a1, a2, a3) * l${i};`,
)}
  }
${unroll(4, (i) => `  if (m0 + ty * 4u + ${i}u < u.m) { dx[(m0 + ty * 4u + ${i}u) * u.dxStride4 + u.dxColumn4 + k0 / 4u + tx] = c${i} * u.scale; }`)}`,
  }));
}
