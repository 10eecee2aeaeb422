/**
 * Weights decoded into half precision, for kernels that multiply halves. `half0` and `half1` give weights 0–3 and 4–7 of
 * a stored group of eight, scaled: codes and scales are halves by themselves, so a product of both is rounded once
 * (nf4 twice, as its book is rounded too). f32 weights are read as vec4s and narrowed by the kernel.
 */
import { nf4Book, isScaled, type WeightFormat } from './weight-matrix.ts';

/** Weights of one load. */
export const halfUnits = (format: WeightFormat): number => (format === 'f32' ? 4 : 8);

/** WGSL type of one load. */
export const unitType = (format: WeightFormat): string =>
  ({ f32: 'vec4f', f16: 'vec4u', int8: 'vec2u', nf4: 'u32' })[format];

/** `scaleOf`: one scale out of the pair of u32 that holds four rows'. */
export const scaleHelper = (format: WeightFormat): string =>
  isScaled(format)
    ? `
fn scaleOf(index: u32, row: u32) -> f32 {
  let pair = scales[index];
  let half = select(pair.x, pair.y, (row & 2u) != 0u);
  let two = unpack2x16float(half);
  return select(two.x, two.y, (row & 1u) != 0u);
}`
    : '';

/** Module-scope WGSL. */
export function halfHeader(format: WeightFormat): string {
  switch (format) {
    case 'f32':
      return '';
    case 'f16':
      return `
fn half0(g: vec4u, s: f16) -> vec4<f16> { return bitcast<vec4<f16>>(g.xy); }
fn half1(g: vec4u, s: f16) -> vec4<f16> { return bitcast<vec4<f16>>(g.zw); }`;
    case 'int8':
      return `
fn signedHalf(v: u32) -> vec4<f16> { return vec4<f16>(bitcast<vec4i>(vec4u(v) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)); }
fn half0(g: vec2u, s: f16) -> vec4<f16> { return signedHalf(g.x) * s; }
fn half1(g: vec2u, s: f16) -> vec4<f16> { return signedHalf(g.y) * s; }`;
    case 'nf4':
      // two codes at a time from a table in workgroup memory: a tree of selects costs more than the product
      return `
const nf4Values = array<f16, 16>(${nf4Book.map((value) => `f16(${value})`).join(', ')});
var<workgroup> pairs: array<vec2<f16>, 256>;
fn half0(g: u32, s: f16) -> vec4<f16> { return vec4<f16>(pairs[g & 255u], pairs[(g >> 8u) & 255u]) * s; }
fn half1(g: u32, s: f16) -> vec4<f16> { return vec4<f16>(pairs[(g >> 16u) & 255u], pairs[g >> 24u]) * s; }`;
    default:
      return format satisfies never;
  }
}

/** Statements that must run before the first decode, with a workgroup barrier between. */
export const halfPrepare = (format: WeightFormat, threads: number): string =>
  format === 'nf4'
    ? `
  var values = nf4Values;
  for (var i = lid.x; i < 256u; i += ${threads}u) { pairs[i] = vec2<f16>(values[i & 15u], values[i >> 4u]); }`
    : '';
