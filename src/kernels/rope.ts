/**
 * Rotary position embedding, half-split layout as in Llama and Qwen (arXiv 2104.09864):
 *
 *   (a, b) = (x[i], x[i + D/2]) → (a·cos − b·sin, b·cos + a·sin),  angle = position · frequency[i]
 *
 * The gradient is the rotation by the opposite angle. cos and sin come from a table made in float64:
 * the shader functions are only good to about 2e-4.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

/** [positions, D/2, 2] as cos, sin pairs, from the D/2 frequencies of a head. */
export function ropeTable(positions: number, frequencies: readonly number[]): Float32Array {
  const half = frequencies.length;
  const table = new Float32Array(positions * half * 2);
  for (const [i, exact] of frequencies.entries()) {
    const frequency = Math.fround(exact); // transformers keeps them in float32
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(position * frequency);
      table[(position * half + i) * 2] = Math.cos(angle);
      table[(position * half + i) * 2 + 1] = Math.sin(angle);
    }
  }
  return table;
}

/** Rotates the first `heads` heads of every row of qkv in place (queries, then keys). */
export function rope(
  recorder: Recorder,
  qkv: GpuTensor, // [M, stride]
  table: GpuTensor, // [positions, D/2, 2]
  positions: GpuTensor, // [M]
  size: { readonly m: number; readonly heads: number; readonly headSize: number; readonly stride: number },
  direction: 'forward' | 'backward',
): void {
  const program = kernel('rope', () => ({
    bindings: {
      qkv: ['array<vec2f>', 'read_write'],
      table: ['array<vec4f>', 'read'],
      positions: ['array<u32>', 'read'],
    },
    uniforms: { m: 'u32', heads: 'u32', quarter: 'u32', stride2: 'u32', sign: 'f32' },
    // two neighbouring pairs a thread: headSize is a multiple of 4
    body: `
  let index = threadIndex;
  let i = index % u.quarter;
  let head = (index / u.quarter) % u.heads;
  let m = index / (u.quarter * u.heads);
  if (m >= u.m) { return; }
  let cosSin = table[positions[m] * u.quarter + i];
  let at = m * u.stride2 + head * u.quarter * 2u + i;
  let a = qkv[at];
  let b = qkv[at + u.quarter];
  let sin = cosSin.yw * u.sign;
  qkv[at] = a * cosSin.xz - b * sin;
  qkv[at + u.quarter] = b * cosSin.xz + a * sin;`,
  }));
  const { m, heads, headSize, stride } = size;
  recorder.dispatch(
    program,
    [qkv, table, positions],
    { m, heads, quarter: headSize / 4, stride2: stride / 2, sign: direction === 'forward' ? 1 : -1 },
    m * heads * (headSize / 4),
  );
}
