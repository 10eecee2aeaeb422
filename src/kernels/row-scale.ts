/**
 * A power of two for each row that brings its largest value to 256 … 512: what half precision needs of gradients, whose
 * size depends on the number of tokens and the depth. Powers of two change no digit; a row of zeros gets 1.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

const threads = 64;

/** scales[m] for rows m of `source`, which begin `stride` elements apart at `column`. */
export function rowScales(
  recorder: Recorder,
  source: GpuTensor,
  scales: GpuTensor,
  {
    m,
    width,
    stride,
    column,
  }: { readonly m: number; readonly width: number; readonly stride: number; readonly column: number },
): void {
  const program = kernel('rowScales', () => ({
    header: `var<workgroup> largest: array<f32, ${threads}>;`,
    workgroupSize: threads,
    bindings: { source: ['array<vec4f>', 'read'], scales: ['array<f32>', 'read_write'] },
    uniforms: { m: 'u32', width4: 'u32', stride4: 'u32', column4: 'u32' },
    body: `
  var found = vec4f();
  for (var i = lid.x; i < u.width4; i += ${threads}u) {
    found = max(found, abs(source[groupIndex * u.stride4 + u.column4 + i]));
  }
  largest[lid.x] = max(max(found.x, found.y), max(found.z, found.w));
  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half /= 2u) {
    if (lid.x < half) { largest[lid.x] = max(largest[lid.x], largest[lid.x + half]); }
    workgroupBarrier();
  }
  if (lid.x == 0u) {
    let exponent = clamp(bitcast<u32>(largest[0]) >> 23u, 27u, 227u);
    scales[groupIndex] = select(bitcast<f32>((127u + 127u + 8u - exponent) << 23u), 1.0, largest[0] == 0.0);
  }`,
  }));
  const uniforms = { m, width4: width / 4, stride4: stride / 4, column4: column / 4 };
  recorder.dispatch(program, [source, scales], uniforms, m * threads, m * width);
}
