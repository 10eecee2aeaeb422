/**
 * Matrix products over row-major f32: each thread computes a rows × columns block in named registers, without
 * workgroup memory or barriers. Where the device has subgroups of a known small size, the variants of
 * matmul-subgroup.ts take over for larger row counts; both mean the same.
 *
 * Three layouts cover a frozen linear layer and its LoRA gradients:
 *   linear      y[M, N]  = x[M, K] · W[N, K]ᵀ (+ bias[N]) (+ addend)     forward
 *   linearDx    dx[M, K] = dy[M, N] · W[N, K] (+ dx)                     gradient of the input
 *   outerSum    dW[P, Q] += scale · a[M, P]ᵀ · b[M, Q]                   gradient of a LoRA factor
 *
 * K, N, P and Q are multiples of 4 (padded with zeros where the model's sizes are not), M is anything.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { grid, threadIndex } from './grid.ts';
import { linearDxSubgroup, linearSubgroup, suitsSubgroup, type Addend } from './matmul-subgroup.ts';

const threads = 64;

/** Rows per thread: small batches (decoding) must not pay for a block of eight. */
function blockRows(rows: number): number {
  if (rows >= 5) return 8;
  return rows >= 3 ? 4 : rows;
}

export interface LinearOptions {
  readonly bias?: GpuTensor | null;
  /** Added to the product: y itself to accumulate, or a tensor of y's layout (the residual stream). */
  readonly addend?: GpuTensor | null;
  /** Distance between rows of y in elements, and the first column written; for row blocks of a large W. */
  readonly yStride?: number;
  readonly yColumn?: number;
}

function linearKernel(tm: number, hasBias: boolean, addend: Addend): Kernel {
  const tn = 8;
  const added = { none: '', self: 'y[at] + ', other: 'addend[at] + ' }[addend];
  return kernel(`linear ${tm}x${tn} bias=${hasBias} addend=${addend}`, () => ({
    bindings: {
      x: ['array<vec4f>', 'read'],
      w: ['array<vec4f>', 'read'],
      ...(hasBias ? { bias: ['array<vec4f>', 'read'] as const } : {}),
      ...(addend === 'other' ? { addend: ['array<vec4f>', 'read'] as const } : {}),
      y: ['array<vec4f>', 'read_write'],
    },
    uniforms: { m: 'u32', n: 'u32', k4: 'u32', yStride4: 'u32', yColumn4: 'u32' },
    workgroup: [threads, 1, 1],
    body: `
  let columnBlocks = (u.n + ${tn - 1}u) / ${tn}u;
  let index = ${threadIndex()};
  let m0 = (index / columnBlocks) * ${tm}u;
  let n0 = (index % columnBlocks) * ${tn}u;
  if (m0 >= u.m) { return; }
${unroll(tm, (i) => `  let xRow${i} = min(m0 + ${i}u, u.m - 1u) * u.k4;`)}
${unroll(tn, (j) => `  let wRow${j} = min(n0 + ${j}u, u.n - 1u) * u.k4;`)}
${unroll(tm, (i) => unroll(tn, (j) => `  var c${i}_${j} = 0.0;`))}
  for (var k = 0u; k < u.k4; k++) {
${unroll(tm, (i) => `    let x${i} = x[xRow${i} + k];`)}
${unroll(
  tn,
  (j) => `    let w${j} = w[wRow${j} + k];
${unroll(tm, (i) => `    c${i}_${j} += dot(x${i}, w${j});`)}`,
)}
  }
${unroll(
  tm,
  (i) => `  if (m0 + ${i}u < u.m) {
    let row = (m0 + ${i}u) * u.yStride4 + u.yColumn4 + n0 / 4u;
${unroll(tn / 4, (q) => {
  const value = `vec4f(c${i}_${q * 4}, c${i}_${q * 4 + 1}, c${i}_${q * 4 + 2}, c${i}_${q * 4 + 3})`;
  const bias = hasBias ? ` + bias[n0 / 4u + ${q}u]` : '';
  return `    if (n0 + ${q * 4}u < u.n) { let at = row + ${q}u; y[at] = ${added}${value}${bias}; }`;
})}
  }`,
)}`,
  }));
}

/** y[m, n] = x[m, k] · w[n, k]ᵀ (+ bias) (+ addend). Overwrites y. */
export function linear(
  recorder: Recorder,
  x: GpuTensor,
  w: GpuTensor,
  y: GpuTensor,
  size: { readonly m: number; readonly n: number; readonly k: number },
  options: LinearOptions = {},
): void {
  const { m, n, k } = size;
  const { bias = null, addend = null, yStride = n, yColumn = 0 } = options;
  if (m === 0) return;
  const mode: Addend = addend === null ? 'none' : addend === y ? 'self' : 'other';
  const optional = [bias, mode === 'other' ? addend : null].filter((tensor) => tensor !== null);
  if (suitsSubgroup(recorder, m)) {
    linearSubgroup(recorder, x, w, y, { m, n, k, yStride, yColumn }, bias, mode, optional);
    return;
  }
  const tm = blockRows(m);
  recorder.dispatch(
    linearKernel(tm, bias !== null, mode),
    [x, w, ...optional, y],
    { m, n, k4: k / 4, yStride4: yStride / 4, yColumn4: yColumn / 4 },
    grid(Math.ceil(m / tm) * Math.ceil(n / 8)),
  );
}

function linearDxKernel(tm: number, accumulate: boolean): Kernel {
  const tk4 = 2; // eight columns of dx
  return kernel(`linearDx ${tm}x${tk4 * 4} accumulate=${accumulate}`, () => ({
    bindings: {
      dy: ['array<vec4f>', 'read'],
      w: ['array<vec4f>', 'read'],
      dx: ['array<vec4f>', 'read_write'],
    },
    uniforms: { m: 'u32', n4: 'u32', k4: 'u32', dyStride4: 'u32', dyColumn4: 'u32' },
    workgroup: [threads, 1, 1],
    body: `
  let columnBlocks = (u.k4 + ${tk4 - 1}u) / ${tk4}u;
  let index = ${threadIndex()};
  let m0 = (index / columnBlocks) * ${tm}u;
  let k0 = (index % columnBlocks) * ${tk4}u;
  if (m0 >= u.m) { return; }
${unroll(tm, (i) => `  let dyRow${i} = min(m0 + ${i}u, u.m - 1u) * u.dyStride4 + u.dyColumn4;`)}
${unroll(tk4, (q) => `  let column${q} = min(k0 + ${q}u, u.k4 - 1u);`)}
${unroll(tm, (i) => unroll(tk4, (q) => `  var c${i}_${q} = vec4f();`))}
  for (var n = 0u; n < u.n4; n++) {
${unroll(tm, (i) => `    let d${i} = dy[dyRow${i} + n];`)}
    let wRow = n * 4u * u.k4;
${unroll(4, (j) => unroll(tk4, (q) => `    let w${j}_${q} = w[wRow + ${j}u * u.k4 + column${q}];`))}
${unroll(tm, (i) => unroll(tk4, (q) => `    c${i}_${q} += d${i}.x * w0_${q} + d${i}.y * w1_${q} + d${i}.z * w2_${q} + d${i}.w * w3_${q};`))}
  }
${unroll(
  tm,
  (i) => `  if (m0 + ${i}u < u.m) {
    let row = (m0 + ${i}u) * u.k4 + k0;
${unroll(tk4, (q) => `    if (k0 + ${q}u < u.k4) { dx[row + ${q}u] = ${accumulate ? `dx[row + ${q}u] + ` : ''}c${i}_${q}; }`)}
  }`,
)}`,
  }));
}

/** dx[m, k] = dy[m, n] · w[n, k] ; overwrites dx, or adds into it. */
export function linearDx(
  recorder: Recorder,
  dy: GpuTensor,
  w: GpuTensor,
  dx: GpuTensor,
  size: { readonly m: number; readonly n: number; readonly k: number },
  options: { readonly accumulate?: boolean; readonly dyStride?: number; readonly dyColumn?: number } = {},
): void {
  const { m, n, k } = size;
  const { accumulate = false, dyStride = n, dyColumn = 0 } = options;
  if (m === 0) return;
  if (suitsSubgroup(recorder, m)) {
    linearDxSubgroup(recorder, dy, w, dx, { m, n, k, dyStride, dyColumn }, accumulate);
    return;
  }
  const tm = blockRows(m);
  recorder.dispatch(
    linearDxKernel(tm, accumulate),
    [dy, w, dx],
    { m, n4: n / 4, k4: k / 4, dyStride4: dyStride / 4, dyColumn4: dyColumn / 4 },
    grid(Math.ceil(m / tm) * Math.ceil(k / 8)),
  );
}

function outerSumKernel(): Kernel {
  return kernel('outerSum 4x8', () => ({
    bindings: {
      a: ['array<vec4f>', 'read'],
      b: ['array<vec4f>', 'read'],
      dw: ['array<vec4f>', 'read_write'],
    },
    uniforms: {
      m: 'u32',
      p4: 'u32',
      q4: 'u32',
      aStride4: 'u32',
      aColumn4: 'u32',
      bStride4: 'u32',
      bColumn4: 'u32',
      scale: 'f32',
    },
    workgroup: [threads, 1, 1],
    body: `
  let columnBlocks = (u.q4 + 1u) / 2u;
  let index = ${threadIndex()};
  let p = index / columnBlocks;
  let q0 = (index % columnBlocks) * 2u;
  if (p >= u.p4) { return; }
  let q1 = min(q0 + 1u, u.q4 - 1u);
${unroll(4, (i) => unroll(2, (j) => `  var c${i}_${j} = vec4f();`))}
  for (var m = 0u; m < u.m; m++) {
    let av = a[m * u.aStride4 + u.aColumn4 + p];
    let b0 = b[m * u.bStride4 + u.bColumn4 + q0];
    let b1 = b[m * u.bStride4 + u.bColumn4 + q1];
${unroll(4, (i) => unroll(2, (j) => `    c${i}_${j} += av[${i}] * b${j};`))}
  }
${unroll(4, (i) => unroll(2, (j) => `  if (q0 + ${j}u < u.q4) { let at${i}_${j} = (p * 4u + ${i}u) * u.q4 + q0 + ${j}u; dw[at${i}_${j}] = dw[at${i}_${j}] + u.scale * c${i}_${j}; }`))}`,
  }));
}

/** dw[p, q] += scale · Σ_m a[m, p] · b[m, q]; a and b may be column ranges of wider matrices. Adds into dw. */
export function outerSum(
  recorder: Recorder,
  a: GpuTensor,
  b: GpuTensor,
  dw: GpuTensor,
  size: { readonly m: number; readonly p: number; readonly q: number },
  options: {
    readonly scale?: number;
    readonly aStride?: number;
    readonly aColumn?: number;
    readonly bStride?: number;
    readonly bColumn?: number;
  } = {},
): void {
  const { m, p, q } = size;
  const { scale = 1, aStride = p, aColumn = 0, bStride = q, bColumn = 0 } = options;
  recorder.dispatch(
    outerSumKernel(),
    [a, b, dw],
    {
      m,
      p4: p / 4,
      q4: q / 4,
      aStride4: aStride / 4,
      aColumn4: aColumn / 4,
      bStride4: bStride / 4,
      bColumn4: bColumn / 4,
      scale,
    },
    grid((p / 4) * Math.ceil(q / 8)),
  );
}
