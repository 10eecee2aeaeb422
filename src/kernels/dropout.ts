/**
 * Inverted dropout on a LoRA adapter's input: out = x · mask / (1 − p), mask from a counter-based hash
 * (PCG, Jarzynski & Olano, JCGT 2020), so that the backward pass rebuilds the same mask from the same seed.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

export const hashWgsl = `
fn pcg(v: u32) -> u32 {
  let state = v * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn hashUniform(seed: u32, index: u32) -> f32 { return f32(pcg(pcg(index) ^ seed) >> 8u) / 16777216.0; }`;

/**
 * out[i] = (accumulate ? out[i] : 0) + x[i] · mask(seed, i) / (1 − p).
 * Forward: x → out. Backward: the gradient goes through the same call, added into dx.
 */
export function dropout(
  recorder: Recorder,
  x: GpuTensor,
  out: GpuTensor,
  count: number,
  p: number,
  seed: number,
  accumulate: boolean,
): void {
  const program = kernel(`dropout accumulate=${accumulate}`, () => ({
    bindings: { x: ['array<f32>', 'read'], result: ['array<f32>', 'read_write'] },
    uniforms: { count: 'u32', seed: 'u32', p: 'f32' },
    header: hashWgsl,
    body: `
  let i = threadIndex;
  if (i >= u.count) { return; }
  let kept = select(0.0, x[i] / (1.0 - u.p), hashUniform(u.seed, i) >= u.p);
  result[i] = ${accumulate ? 'result[i] + kept' : 'kept'};`,
  }));
  recorder.dispatch(program, [x, out], { count, seed, p }, count);
}
