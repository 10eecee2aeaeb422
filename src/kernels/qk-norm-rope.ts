/**
 * Qwen3's norm of queries and keys, one launch with the rotation that follows it. Per head h of a row, with D values:
 *
 *   n = x · inv · w,  inv = 1 / sqrt(mean_D x² + eps),  w of the queries or of the keys;  y = rotate(n)
 *   dx = inv · (g − x · inv² · mean_D(g · x)),  g = rotate⁻¹(dy) · w
 *
 * The rotation is that of rope.ts. The rotated values replace x, so the forward pass sets x aside for the backward:
 * it cannot be had back by dividing by w, which may be zero.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { rowPrologue, rowSum, rowWork, sharedHeader } from './rms-norm.ts';

interface QkNormSize {
  readonly m: number;
  readonly heads: number; // H of the queries
  readonly kvHeads: number; // K
  readonly headSize: number; // D
  readonly stride: number; // of a row of qkv
  readonly rowThreads: 1 | 64; // threads that share a head, as in RowLayout
  readonly eps: number;
}

interface QkNormTensors {
  readonly qkv: GpuTensor; // [M, stride], or its gradient
  readonly raw: GpuTensor; // [M, (H + K)·D] written forward, read backward
  readonly w: GpuTensor; // [2, D]: of queries, of keys
  readonly table: GpuTensor; // [positions, D/2, 2]
  readonly positions: GpuTensor; // [M]
}

const uniforms = {
  rows: 'u32', // M · (H + K)
  heads: 'u32', // H + K
  queryHeads: 'u32',
  half: 'u32',
  stride: 'u32',
  eps: 'f32',
} as const;

/** Of the head of this row: where it lies in qkv and in what was set aside, its weights, and the angles. */
const places = `
  let m = row / u.heads;
  let head = row % u.heads;
  let size = u.half * 2u;
  let at = m * u.stride + head * size;
  let kept = row * size;
  let weight = select(size, 0u, head < u.queryHeads);
  let angle = positions[m] * u.half;`;

const read = {
  w: ['array<f32>', 'read'],
  table: ['array<vec2f>', 'read'],
  positions: ['array<u32>', 'read'],
} as const;

function forwardKernel(rowThreads: number): Kernel {
  return kernel(`qkNormRope threads=${rowThreads}`, () => ({
    bindings: { qkv: ['array<f32>', 'read_write'], raw: ['array<f32>', 'read_write'], ...read },
    uniforms,
    header: sharedHeader(rowThreads),
    body: `
${rowPrologue(rowThreads)}
${places}
  var squares = 0.0;
  for (var i = first; i < u.half; i += ${rowThreads}u) {
    let x = vec2f(qkv[at + i], qkv[at + u.half + i]);
    raw[kept + i] = x.x;
    raw[kept + u.half + i] = x.y;
    squares += dot(x, x);
  }
${rowSum(rowThreads, 'total', 'squares')}
  let inv = inverseSqrt(total / f32(size) + u.eps);
  for (var i = first; i < u.half; i += ${rowThreads}u) {
    let a = qkv[at + i] * inv * w[weight + i];
    let b = qkv[at + u.half + i] * inv * w[weight + u.half + i];
    let cs = table[angle + i];
    qkv[at + i] = a * cs.x - b * cs.y;
    qkv[at + u.half + i] = b * cs.x + a * cs.y;
  }`,
  }));
}

function backwardKernel(rowThreads: number): Kernel {
  return kernel(`qkNormRopeDx threads=${rowThreads}`, () => ({
    bindings: { dQkv: ['array<f32>', 'read_write'], raw: ['array<f32>', 'read'], ...read },
    uniforms,
    header: sharedHeader(rowThreads),
    body: `
${rowPrologue(rowThreads)}
${places}
  var squares = 0.0;
  var products = 0.0;
  for (var i = first; i < u.half; i += ${rowThreads}u) {
    let x = vec2f(raw[kept + i], raw[kept + u.half + i]);
    let a = dQkv[at + i];
    let b = dQkv[at + u.half + i];
    let cs = table[angle + i];
    let g = vec2f(a * cs.x + b * cs.y, b * cs.x - a * cs.y) * vec2f(w[weight + i], w[weight + u.half + i]);
    dQkv[at + i] = g.x;
    dQkv[at + u.half + i] = g.y;
    squares += dot(x, x);
    products += dot(g, x);
  }
${rowSum(rowThreads, 'squareSum', 'squares')}
${rowSum(rowThreads, 'productSum', 'products')}
  let inv = inverseSqrt(squareSum / f32(size) + u.eps);
  let pull = inv * inv * productSum / f32(size);
  for (var i = first; i < u.half; i += ${rowThreads}u) {
    dQkv[at + i] = inv * (dQkv[at + i] - pull * raw[kept + i]);
    dQkv[at + u.half + i] = inv * (dQkv[at + u.half + i] - pull * raw[kept + u.half + i]);
  }`,
  }));
}

function run(
  recorder: Recorder,
  program: Kernel,
  { qkv, raw, w, table, positions }: QkNormTensors,
  { m, heads, kvHeads, headSize, stride, rowThreads, eps }: QkNormSize,
): void {
  const rows = m * (heads + kvHeads);
  recorder.dispatch(
    program,
    [qkv, raw, w, table, positions],
    { rows, heads: heads + kvHeads, queryHeads: heads, half: headSize / 2, stride, eps },
    rowWork({ rows, rowThreads }),
  );
}

/** Norms and rotates the queries and keys of qkv in place; overwrites `raw` with what they were. */
export const qkNormRope = (recorder: Recorder, tensors: QkNormTensors, size: QkNormSize): void =>
  run(recorder, forwardKernel(size.rowThreads), tensors, size);

/** Turns the queries' and keys' columns of a gradient of qkv into the gradient before norm and rotation. In place. */
export const qkNormRopeDx = (recorder: Recorder, tensors: QkNormTensors, size: QkNormSize): void =>
  run(recorder, backwardKernel(size.rowThreads), tensors, size);
