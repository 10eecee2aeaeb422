/** Row gathers and scatters: embedding lookup, picking the target rows for the loss, and their way back. */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { grid, threadIndex } from './grid.ts';

/** out[i] = source[index[i]] for `rows` rows of `stride` elements (a multiple of 4). Overwrites out. */
export function gatherRows(
  recorder: Recorder,
  source: GpuTensor, // [*, stride]
  index: GpuTensor, // u32 [rows]
  out: GpuTensor, // [rows, stride]
  rows: number,
  stride: number,
): void {
  const program = kernel('gatherRows', () => ({
    bindings: {
      source: ['array<vec4f>', 'read'],
      index: ['array<u32>', 'read'],
      result: ['array<vec4f>', 'read_write'],
    },
    uniforms: { count: 'u32', stride4: 'u32' },
    workgroup: [64, 1, 1],
    body: `
  let i = ${threadIndex()};
  if (i >= u.count) { return; }
  result[i] = source[index[i / u.stride4] * u.stride4 + i % u.stride4];`,
  }));
  recorder.dispatch(
    program,
    [source, index, out],
    { count: (rows * stride) / 4, stride4: stride / 4 },
    grid((rows * stride) / 4),
  );
}

/** out[i] = slot[i] < 0 ? 0 : source[slot[i]]: the gradient of gatherRows for distinct indices. Overwrites out. */
export function scatterRows(
  recorder: Recorder,
  source: GpuTensor, // [*, stride]
  slot: GpuTensor, // i32 [rows]
  out: GpuTensor, // [rows, stride]
  rows: number,
  stride: number,
): void {
  const program = kernel('scatterRows', () => ({
    bindings: {
      source: ['array<vec4f>', 'read'],
      slot: ['array<i32>', 'read'],
      result: ['array<vec4f>', 'read_write'],
    },
    uniforms: { count: 'u32', stride4: 'u32' },
    workgroup: [64, 1, 1],
    body: `
  let i = ${threadIndex()};
  if (i >= u.count) { return; }
  let from_ = slot[i / u.stride4];
  if (from_ < 0) { result[i] = vec4f(); return; }
  result[i] = source[u32(from_) * u.stride4 + i % u.stride4];`,
  }));
  recorder.dispatch(
    program,
    [source, slot, out],
    { count: (rows * stride) / 4, stride4: stride / 4 },
    grid((rows * stride) / 4),
  );
}
