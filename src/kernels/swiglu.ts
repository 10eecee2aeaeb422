/**
 * SwiGLU (arXiv 2002.05202): h = silu(g) · p with [g | p] side by side in one row.
 *
 *   silu(g) = g · σ(g);  dg = dh · p · σ(g) · (1 + g · (1 − σ(g)));  dp = dh · silu(g)
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

interface Size {
  readonly m: number;
  readonly f: number; // a multiple of 4
}

/** h[m, f] from gateUp[m, 2f]. Overwrites h. */
export function swiglu(recorder: Recorder, gateUp: GpuTensor, h: GpuTensor, { m, f }: Size): void {
  const program = kernel('swiglu', () => ({
    bindings: { gateUp: ['array<vec4f>', 'read'], h: ['array<vec4f>', 'read_write'] },
    uniforms: { count: 'u32', f4: 'u32' },
    body: `
  let index = threadIndex;
  if (index >= u.count) { return; }
  let at = (index / u.f4) * u.f4 * 2u + index % u.f4;
  let g = gateUp[at];
  h[index] = g / (1.0 + exp(-g)) * gateUp[at + u.f4];`,
  }));
  recorder.dispatch(program, [gateUp, h], { count: (m * f) / 4, f4: f / 4 }, (m * f) / 4);
}

/** Turns gateUp[m, 2f] into its gradient, from dh[m, f]. In place. */
export function swigluDx(recorder: Recorder, dh: GpuTensor, gateUp: GpuTensor, { m, f }: Size): void {
  const program = kernel('swigluDx', () => ({
    bindings: { dh: ['array<vec4f>', 'read'], gateUp: ['array<vec4f>', 'read_write'] },
    uniforms: { count: 'u32', f4: 'u32' },
    body: `
  let index = threadIndex;
  if (index >= u.count) { return; }
  let at = (index / u.f4) * u.f4 * 2u + index % u.f4;
  let g = gateUp[at];
  let p = gateUp[at + u.f4];
  let d = dh[index];
  let s = 1.0 / (1.0 + exp(-g));
  gateUp[at] = d * p * s * (1.0 + g * (1.0 - s));
  gateUp[at + u.f4] = d * g * s;`,
  }));
  recorder.dispatch(program, [dh, gateUp], { count: (m * f) / 4, f4: f / 4 }, (m * f) / 4);
}
