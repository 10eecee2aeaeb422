/**
 * Root-mean-square layer norm (arXiv 1910.07467), as in Llama and Qwen:
 *
 *   inv = 1 / sqrt(mean_c x² + eps),  y = x · inv · w
 *   dx += inv · (g − x · inv² · mean_c(g · x)),  g = dy · w
 *
 * `width` is the true C; rows are stored with a stride padded to a multiple of 4, pads zero.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

export interface RowLayout {
  readonly rows: number;
  readonly width: number; // true C
  readonly stride: number; // padded to a multiple of 4
  /** Threads that share one row: 1 has no barrier (software), 64 reads coalesced. */
  readonly rowThreads: 1 | 64;
}

/** A sum over the row's threads, into `name`. One thread a row needs no barrier. */
export function rowSum(rowThreads: number, name: string, value: string): string {
  if (rowThreads === 1) return `  let ${name} = ${value};`;
  return `
  shared_[lid.x] = ${value};
  workgroupBarrier();
  for (var step = ${rowThreads / 2}u; step > 0u; step /= 2u) {
    if (lid.x < step) { shared_[lid.x] += shared_[lid.x + step]; }
    workgroupBarrier();
  }
  let ${name} = shared_[0];
  workgroupBarrier();`;
}
export const sharedHeader = (rowThreads: number): string =>
  rowThreads === 1 ? '' : `var<workgroup> shared_: array<f32, ${rowThreads}>;`;

/** `row` and `first`, the thread's first column group; with one thread a row, rows are spread over lanes. */
export function rowPrologue(rowThreads: number): string {
  return rowThreads === 1
    ? `  let row = threadIndex;\n  let first = 0u;\n  if (row >= u.rows) { return; }`
    : `  let row = groupIndex;\n  let first = lid.x;\n  if (row >= u.rows) { return; }`;
}
/** Threads that a row-wise kernel runs. */
export function rowWork({ rows, rowThreads }: Pick<RowLayout, 'rows' | 'rowThreads'>): number {
  return rows * rowThreads;
}

function forwardKernel(rowThreads: number): Kernel {
  return kernel(`rmsNorm threads=${rowThreads}`, () => ({
    bindings: { x: ['array<vec4f>', 'read'], w: ['array<vec4f>', 'read'], y: ['array<vec4f>', 'read_write'] },
    uniforms: { rows: 'u32', width: 'f32', stride4: 'u32', eps: 'f32' },
    header: sharedHeader(rowThreads),
    body: `
${rowPrologue(rowThreads)}
  let base = row * u.stride4;
  var squares = 0.0;
  for (var c = first; c < u.stride4; c += ${rowThreads}u) { squares += dot(x[base + c], x[base + c]); }
${rowSum(rowThreads, 'total', 'squares')}
  let inv = inverseSqrt(total / u.width + u.eps);
  for (var c = first; c < u.stride4; c += ${rowThreads}u) { y[base + c] = x[base + c] * inv * w[c]; }`,
  }));
}

/** y = rmsNorm(x) · w. Overwrites y. */
export function rmsNorm(
  recorder: Recorder,
  x: GpuTensor,
  w: GpuTensor,
  y: GpuTensor,
  layout: RowLayout,
  eps: number,
): void {
  recorder.dispatch(
    forwardKernel(layout.rowThreads),
    [x, w, y],
    { rows: layout.rows, width: layout.width, stride4: layout.stride / 4, eps },
    rowWork(layout),
  );
}

function backwardKernel(rowThreads: number): Kernel {
  return kernel(`rmsNormDx threads=${rowThreads}`, () => ({
    bindings: {
      dy: ['array<vec4f>', 'read'],
      x: ['array<vec4f>', 'read'],
      w: ['array<vec4f>', 'read'],
      dx: ['array<vec4f>', 'read_write'],
    },
    uniforms: { rows: 'u32', width: 'f32', stride4: 'u32', eps: 'f32' },
    header: sharedHeader(rowThreads),
    body: `
${rowPrologue(rowThreads)}
  let base = row * u.stride4;
  var squares = 0.0;
  var products = 0.0;
  for (var c = first; c < u.stride4; c += ${rowThreads}u) {
    let xv = x[base + c];
    squares += dot(xv, xv);
    products += dot(dy[base + c] * w[c], xv);
  }
${rowSum(rowThreads, 'squareSum', 'squares')}
${rowSum(rowThreads, 'productSum', 'products')}
  let inv = inverseSqrt(squareSum / u.width + u.eps);
  let pull = inv * inv * productSum / u.width;
  for (var c = first; c < u.stride4; c += ${rowThreads}u) {
    dx[base + c] += inv * (dy[base + c] * w[c] - pull * x[base + c]);
  }`,
  }));
}

/** Adds the gradient of the input into dx. */
export function rmsNormDx(
  recorder: Recorder,
  dy: GpuTensor,
  x: GpuTensor,
  w: GpuTensor,
  dx: GpuTensor,
  layout: RowLayout,
  eps: number,
): void {
  recorder.dispatch(
    backwardKernel(layout.rowThreads),
    [dy, x, w, dx],
    { rows: layout.rows, width: layout.width, stride4: layout.stride / 4, eps },
    rowWork(layout),
  );
}
