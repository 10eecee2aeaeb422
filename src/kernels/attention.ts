/**
 * Causal grouped-query attention over a flat stream of rows, without a T×T matrix: online softmax forward
 * (arXiv 2112.05682, 2205.14135), recomputation from the log-sum-exp backward.
 *
 *   s_ij = (q_i · k_j) / sqrt(D),  p = softmax_j(s),  o_i = Σ_j p_ij v_j,   j ∈ range_i = [start_i, end_i)
 *   delta_i = dO_i · o_i,  ds_ij = p_ij (dO_i · v_j − delta_i)
 *   dq_i = Σ_j ds_ij k_j / sqrt(D);  dk_j = Σ_i ds_ij q_i / sqrt(D);  dv_j = Σ_i p_ij dO_i
 *
 * A query's range is the segment mask: rows of one document never see another, and batches need no padding.
 * The same kernel reads keys and values from the stream itself (training) or from a cache (generation).
 * One thread owns one (row, head): no atomics, so the result is the same in every run.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { grid, threadIndex } from './grid.ts';

export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number; // a multiple of 4
}

/** Where keys and values are: rows of `stride` elements, keys from column k, values from column v. */
export interface KvLayout {
  readonly stride: number;
  readonly k: number;
  readonly v: number;
}

const dotSum = (d4: number, a: (i: number) => string, b: (i: number) => string): string =>
  Array.from({ length: d4 }, (_, i) => `dot(${a(i)}, ${b(i)})`).join(' + ');

function forwardKernel(d4: number): Kernel {
  return kernel(`attention d=${d4 * 4}`, () => ({
    bindings: {
      q: ['array<vec4f>', 'read'],
      kv: ['array<vec4f>', 'read'],
      ranges: ['array<vec2u>', 'read'],
      o: ['array<vec4f>', 'read_write'],
      lse: ['array<f32>', 'read_write'],
    },
    uniforms: {
      m: 'u32',
      heads: 'u32',
      group: 'u32',
      qStride4: 'u32',
      kvStride4: 'u32',
      k4: 'u32',
      v4: 'u32',
      scale: 'f32',
    },
    workgroup: [64, 1, 1],
    body: `
  let index = ${threadIndex()};
  let m = index % u.m;
  let head = index / u.m;
  if (head >= u.heads) { return; }
  let qAt = m * u.qStride4 + head * ${d4}u;
  let kvHead = (head / u.group) * ${d4}u;
  let range = ranges[m];
${unroll(d4, (i) => `  let q${i} = q[qAt + ${i}u] * u.scale;\n  var o${i} = vec4f();`)}
  var highest = -3.4e38;
  var total = 0.0;
  for (var j = range.x; j < range.y; j++) {
    let kAt = j * u.kvStride4 + u.k4 + kvHead;
    let vAt = j * u.kvStride4 + u.v4 + kvHead;
    let s = ${dotSum(
      d4,
      (i) => `q${i}`,
      (i) => `kv[kAt + ${i}u]`,
    )};
    if (s > highest) {
      let shrink = exp(highest - s);
      total *= shrink;
${unroll(d4, (i) => `      o${i} *= shrink;`)}
      highest = s;
    }
    let p = exp(s - highest);
    total += p;
${unroll(d4, (i) => `    o${i} += p * kv[vAt + ${i}u];`)}
  }
  let at = (m * u.heads + head) * ${d4}u;
${unroll(d4, (i) => `  o[at + ${i}u] = o${i} / total;`)}
  lse[m * u.heads + head] = highest + log(total);`,
  }));
}

/** o[M, H·D] and lse[M, H] from q (first H·D columns of its rows) and kv. Overwrites both. */
export function attention(
  recorder: Recorder,
  q: GpuTensor,
  qStride: number,
  kv: GpuTensor,
  layout: KvLayout,
  ranges: GpuTensor, // [M, 2] first and past-the-last key row
  o: GpuTensor,
  lse: GpuTensor,
  m: number,
  { heads, kvHeads, headSize }: AttentionShape,
): void {
  recorder.dispatch(
    forwardKernel(headSize / 4),
    [q, kv, ranges, o, lse],
    {
      m,
      heads,
      group: heads / kvHeads,
      qStride4: qStride / 4,
      kvStride4: layout.stride / 4,
      k4: layout.k / 4,
      v4: layout.v / 4,
      scale: 1 / Math.sqrt(headSize),
    },
    grid(m * heads),
  );
}

function deltaKernel(d4: number): Kernel {
  return kernel(`attentionDelta d=${d4 * 4}`, () => ({
    bindings: {
      dO: ['array<vec4f>', 'read'],
      o: ['array<vec4f>', 'read'],
      delta: ['array<f32>', 'read_write'],
    },
    uniforms: { count: 'u32' },
    workgroup: [64, 1, 1],
    body: `
  let index = ${threadIndex()};
  if (index >= u.count) { return; }
  let at = index * ${d4}u;
  delta[index] = ${dotSum(
    d4,
    (i) => `dO[at + ${i}u]`,
    (i) => `o[at + ${i}u]`,
  )};`,
  }));
}

function dqKernel(d4: number): Kernel {
  return kernel(`attentionDq d=${d4 * 4}`, () => ({
    bindings: {
      qkv: ['array<vec4f>', 'read'],
      ranges: ['array<vec2u>', 'read'],
      dO: ['array<vec4f>', 'read'],
      lse: ['array<f32>', 'read'],
      delta: ['array<f32>', 'read'],
      dQkv: ['array<vec4f>', 'read_write'],
    },
    uniforms: { m: 'u32', heads: 'u32', group: 'u32', stride4: 'u32', k4: 'u32', v4: 'u32', scale: 'f32' },
    workgroup: [64, 1, 1],
    body: `
  let index = ${threadIndex()};
  let m = index % u.m;
  let head = index / u.m;
  if (head >= u.heads) { return; }
  let qAt = m * u.stride4 + head * ${d4}u;
  let dAt = (m * u.heads + head) * ${d4}u;
  let kvHead = (head / u.group) * ${d4}u;
  let range = ranges[m];
  let logTotal = lse[m * u.heads + head];
  let mean = delta[m * u.heads + head];
${unroll(d4, (i) => `  let q${i} = qkv[qAt + ${i}u] * u.scale;\n  let d${i} = dO[dAt + ${i}u];\n  var g${i} = vec4f();`)}
  for (var j = range.x; j < range.y; j++) {
    let kAt = j * u.stride4 + u.k4 + kvHead;
    let vAt = j * u.stride4 + u.v4 + kvHead;
${unroll(d4, (i) => `    let k${i} = qkv[kAt + ${i}u];`)}
    let p = exp(${dotSum(
      d4,
      (i) => `q${i}`,
      (i) => `k${i}`,
    )} - logTotal);
    let ds = p * (${dotSum(
      d4,
      (i) => `d${i}`,
      (i) => `qkv[vAt + ${i}u]`,
    )} - mean);
${unroll(d4, (i) => `    g${i} += ds * k${i};`)}
  }
${unroll(d4, (i) => `  dQkv[qAt + ${i}u] = g${i} * u.scale;`)}`,
  }));
}

function dkvKernel(d4: number): Kernel {
  return kernel(`attentionDkv d=${d4 * 4}`, () => ({
    bindings: {
      qkv: ['array<vec4f>', 'read'],
      segmentEnds: ['array<u32>', 'read'],
      dO: ['array<vec4f>', 'read'],
      lse: ['array<f32>', 'read'],
      delta: ['array<f32>', 'read'],
      dQkv: ['array<vec4f>', 'read_write'],
    },
    uniforms: { m: 'u32', heads: 'u32', group: 'u32', stride4: 'u32', k4: 'u32', v4: 'u32', scale: 'f32' },
    workgroup: [64, 1, 1],
    body: `
  let index = ${threadIndex()};
  let j = index % u.m;
  let kvHead = index / u.m;
  if (kvHead >= u.heads / u.group) { return; }
  let kAt = j * u.stride4 + u.k4 + kvHead * ${d4}u;
  let vAt = j * u.stride4 + u.v4 + kvHead * ${d4}u;
  let end = segmentEnds[j];
${unroll(d4, (i) => `  let k${i} = qkv[kAt + ${i}u] * u.scale;\n  let v${i} = qkv[vAt + ${i}u];\n  var dk${i} = vec4f();\n  var dv${i} = vec4f();`)}
  for (var g = 0u; g < u.group; g++) {
    let head = kvHead * u.group + g;
    for (var m = j; m < end; m++) {
      let qAt = m * u.stride4 + head * ${d4}u;
      let dAt = (m * u.heads + head) * ${d4}u;
${unroll(d4, (i) => `      let q${i} = qkv[qAt + ${i}u];\n      let d${i} = dO[dAt + ${i}u];`)}
      let p = exp(${dotSum(
        d4,
        (i) => `q${i}`,
        (i) => `k${i}`,
      )} - lse[m * u.heads + head]);
      let ds = p * (${dotSum(
        d4,
        (i) => `d${i}`,
        (i) => `v${i}`,
      )} - delta[m * u.heads + head]);
${unroll(d4, (i) => `      dv${i} += p * d${i};\n      dk${i} += ds * q${i};`)}
    }
  }
${unroll(d4, (i) => `  dQkv[kAt + ${i}u] = dk${i} * u.scale;\n  dQkv[vAt + ${i}u] = dv${i};`)}`,
  }));
}

/**
 * dQkv[M, (H + 2K)·D] from dO[M, H·D] and what the forward kept. Overwrites dQkv and delta[M, H].
 * Rows hold queries, keys, values side by side; a key of row j is seen by rows j … segmentEnds[j] − 1.
 */
export function attentionDx(
  recorder: Recorder,
  qkv: GpuTensor,
  ranges: GpuTensor,
  segmentEnds: GpuTensor,
  o: GpuTensor,
  lse: GpuTensor,
  dO: GpuTensor,
  delta: GpuTensor,
  dQkv: GpuTensor,
  m: number,
  { heads, kvHeads, headSize }: AttentionShape,
): void {
  const d4 = headSize / 4;
  recorder.dispatch(deltaKernel(d4), [dO, o, delta], { count: m * heads }, grid(m * heads));
  const uniforms = {
    m,
    heads,
    group: heads / kvHeads,
    stride4: (heads + 2 * kvHeads) * d4,
    k4: heads * d4,
    v4: (heads + kvHeads) * d4,
    scale: 1 / Math.sqrt(headSize),
  };
  recorder.dispatch(dqKernel(d4), [qkv, ranges, dO, lse, delta, dQkv], uniforms, grid(m * heads));
  recorder.dispatch(dkvKernel(d4), [qkv, segmentEnds, dO, lse, delta, dQkv], uniforms, grid(m * kvHeads));
}

/** Copies keys and values of each row of qkv to row cacheRow[m] of cache[*, 2·K·D]. */
export function storeKv(
  recorder: Recorder,
  qkv: GpuTensor,
  cacheRow: GpuTensor, // u32 [M]
  cache: GpuTensor,
  m: number,
  { heads, kvHeads, headSize }: AttentionShape,
): void {
  const width4 = (2 * kvHeads * headSize) / 4;
  const program = kernel('storeKv', () => ({
    bindings: {
      qkv: ['array<vec4f>', 'read'],
      cacheRow: ['array<u32>', 'read'],
      cache: ['array<vec4f>', 'read_write'],
    },
    uniforms: { count: 'u32', width4: 'u32', stride4: 'u32', k4: 'u32' },
    workgroup: [64, 1, 1],
    body: `
  let i = ${threadIndex()};
  if (i >= u.count) { return; }
  let m = i / u.width4;
  cache[cacheRow[m] * u.width4 + i % u.width4] = qkv[m * u.stride4 + u.k4 + i % u.width4];`,
  }));
  recorder.dispatch(
    program,
    [qkv, cacheRow, cache],
    {
      count: m * width4,
      width4,
      stride4: ((heads + 2 * kvHeads) * headSize) / 4,
      k4: (heads * headSize) / 4,
    },
    grid(m * width4),
  );
}
