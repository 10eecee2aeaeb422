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
 * A thread owns its rows of one head: no atomics, so the result is the same in every run.
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

/**
 * Neighbouring rows per thread. A key or value that is loaded serves all of them, which is what counts where loads
 * are dear (software adapters); elsewhere one row a thread keeps more threads busy.
 */
function rowsPerThread(recorder: Recorder, headSize: number, floatsPerRow: number): number {
  if (!recorder.isSoftware) return 1;
  return headSize * floatsPerRow <= 120 ? 4 : headSize * floatsPerRow <= 160 ? 2 : 1;
}

function forwardKernel(d4: number, rows: number): Kernel {
  return kernel(`attention d=${d4 * 4} rows=${rows}`, () => ({
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
  let rowGroups = (u.m + ${rows - 1}u) / ${rows}u;
  let firstRow = (index % rowGroups) * ${rows}u;
  let head = index / rowGroups;
  if (head >= u.heads) { return; }
  let kvHead = (head / u.group) * ${d4}u;
${unroll(
  rows,
  (i) => `
  let m${i} = min(firstRow + ${i}u, u.m - 1u);
  let range${i} = ranges[m${i}];
  let qAt${i} = m${i} * u.qStride4 + head * ${d4}u;
  var highest${i} = -3e38;
  var total${i} = 0.0;
${unroll(d4, (d) => `  let q${i}_${d} = q[qAt${i} + ${d}u] * u.scale;\n  var o${i}_${d} = vec4f();`)}`,
)}
  let first = ${minMax('min', rows, (i) => `range${i}.x`)};
  let end = ${minMax('max', rows, (i) => `range${i}.y`)};
  for (var j = first; j < end; j++) {
    let kAt = j * u.kvStride4 + u.k4 + kvHead;
    let vAt = j * u.kvStride4 + u.v4 + kvHead;
${rows === 1 ? '' : unroll(d4, (d) => `    let k${d} = kv[kAt + ${d}u];`)}
${unroll(
  rows,
  (i) => `
    var s${i} = ${dotSum(
      d4,
      (d) => `q${i}_${d}`,
      (d) => (rows === 1 ? `kv[kAt + ${d}u]` : `k${d}`),
    )};
    ${rows === 1 ? '' : `s${i} = select(-3e38, s${i}, j >= range${i}.x && j < range${i}.y);`}
    if (s${i} > highest${i}) {
      let shrink = exp(highest${i} - s${i});
      total${i} *= shrink;
${unroll(d4, (d) => `      o${i}_${d} *= shrink;`)}
      highest${i} = s${i};
    }
    // before the first visible key s is -3e38 as well: what this adds is wiped by the shrink that follows
    let p${i} = exp(s${i} - highest${i});
    total${i} += p${i};`,
)}
${unroll(d4, (d) => `    let v${d} = kv[vAt + ${d}u];\n${unroll(rows, (i) => `    o${i}_${d} += p${i} * v${d};`)}`)}
  }
${unroll(
  rows,
  (i) => `  if (firstRow + ${i}u < u.m) {
    let at = (m${i} * u.heads + head) * ${d4}u;
${unroll(d4, (d) => `    o[at + ${d}u] = o${i}_${d} / total${i};`)}
    lse[m${i} * u.heads + head] = highest${i} + log(total${i});
  }`,
)}`,
  }));
}

const minMax = (name: 'min' | 'max', count: number, value: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => value(i)).reduce((a, b) => `${name}(${a}, ${b})`);

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
  /** Neighbouring rows see mostly the same keys: true for a stream, false for one row each of many sequences. */
  sharesKeys = true,
): void {
  const rows = sharesKeys ? rowsPerThread(recorder, headSize, 2) : 1;
  recorder.dispatch(
    forwardKernel(headSize / 4, rows),
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
    grid(Math.ceil(m / rows) * heads),
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

function dqKernel(d4: number, rows: number): Kernel {
  return kernel(`attentionDq d=${d4 * 4} rows=${rows}`, () => ({
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
  let rowGroups = (u.m + ${rows - 1}u) / ${rows}u;
  let firstRow = (index % rowGroups) * ${rows}u;
  let head = index / rowGroups;
  if (head >= u.heads) { return; }
  let kvHead = (head / u.group) * ${d4}u;
${unroll(
  rows,
  (i) => `
  let m${i} = min(firstRow + ${i}u, u.m - 1u);
  let range${i} = ranges[m${i}];
  let qAt${i} = m${i} * u.stride4 + head * ${d4}u;
  let dAt${i} = (m${i} * u.heads + head) * ${d4}u;
  let logTotal${i} = lse[m${i} * u.heads + head];
  let mean${i} = delta[m${i} * u.heads + head];
${unroll(d4, (d) => `  let q${i}_${d} = qkv[qAt${i} + ${d}u] * u.scale;\n  let d${i}_${d} = dO[dAt${i} + ${d}u];\n  var g${i}_${d} = vec4f();`)}`,
)}
  let first = ${minMax('min', rows, (i) => `range${i}.x`)};
  let end = ${minMax('max', rows, (i) => `range${i}.y`)};
  for (var j = first; j < end; j++) {
    let kAt = j * u.stride4 + u.k4 + kvHead;
    let vAt = j * u.stride4 + u.v4 + kvHead;
${unroll(d4, (d) => `    let k${d} = qkv[kAt + ${d}u];${rows === 1 ? '' : `\n    let v${d} = qkv[vAt + ${d}u];`}`)}
${unroll(
  rows,
  (i) => `
    var p${i} = exp(${dotSum(
      d4,
      (d) => `q${i}_${d}`,
      (d) => `k${d}`,
    )} - logTotal${i});
    ${rows === 1 ? '' : `p${i} = select(0.0, p${i}, j >= range${i}.x && j < range${i}.y);`}
    let ds${i} = p${i} * (${dotSum(
      d4,
      (d) => `d${i}_${d}`,
      (d) => (rows === 1 ? `qkv[vAt + ${d}u]` : `v${d}`),
    )} - mean${i});
${unroll(d4, (d) => `    g${i}_${d} += ds${i} * k${d};`)}`,
)}
  }
${unroll(
  rows,
  (i) => `  if (firstRow + ${i}u < u.m) {
${unroll(d4, (d) => `    dQkv[qAt${i} + ${d}u] = g${i}_${d} * u.scale;`)}
  }`,
)}`,
  }));
}

function dkvKernel(d4: number, rows: number): Kernel {
  return kernel(`attentionDkv d=${d4 * 4} rows=${rows}`, () => ({
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
  let rowGroups = (u.m + ${rows - 1}u) / ${rows}u;
  let firstKey = (index % rowGroups) * ${rows}u;
  let kvHead = index / rowGroups;
  if (kvHead >= u.heads / u.group) { return; }
${unroll(
  rows,
  (i) => `
  let j${i} = min(firstKey + ${i}u, u.m - 1u);
  let end${i} = segmentEnds[j${i}];
  let kAt${i} = j${i} * u.stride4 + u.k4 + kvHead * ${d4}u;
  let vAt${i} = j${i} * u.stride4 + u.v4 + kvHead * ${d4}u;
${unroll(d4, (d) => `  let k${i}_${d} = qkv[kAt${i} + ${d}u] * u.scale;\n  let v${i}_${d} = qkv[vAt${i} + ${d}u];\n  var dk${i}_${d} = vec4f();\n  var dv${i}_${d} = vec4f();`)}`,
)}
  let end = ${minMax('max', rows, (i) => `end${i}`)};
  for (var g = 0u; g < u.group; g++) {
    let head = kvHead * u.group + g;
    for (var m = firstKey; m < end; m++) {
      let qAt = m * u.stride4 + head * ${d4}u;
      let dAt = (m * u.heads + head) * ${d4}u;
      let logTotal = lse[m * u.heads + head];
      let mean = delta[m * u.heads + head];
${unroll(d4, (d) => `      let q${d} = qkv[qAt + ${d}u];\n      let d${d} = dO[dAt + ${d}u];`)}
${unroll(
  rows,
  (i) => `
      var p${i} = exp(${dotSum(
        d4,
        (d) => `q${d}`,
        (d) => `k${i}_${d}`,
      )} - logTotal);
      ${rows === 1 ? '' : `p${i} = select(0.0, p${i}, m >= j${i} && m < end${i});`}
      let ds${i} = p${i} * (${dotSum(
        d4,
        (d) => `d${d}`,
        (d) => `v${i}_${d}`,
      )} - mean);
${unroll(d4, (d) => `      dv${i}_${d} += p${i} * d${d};\n      dk${i}_${d} += ds${i} * q${d};`)}`,
)}
    }
  }
${unroll(
  rows,
  (i) => `  if (firstKey + ${i}u < u.m) {
${unroll(d4, (d) => `    dQkv[kAt${i} + ${d}u] = dk${i}_${d} * u.scale;\n    dQkv[vAt${i} + ${d}u] = dv${i}_${d};`)}
  }`,
)}`,
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
  const dqRows = rowsPerThread(recorder, headSize, 3);
  const dkvRows = rowsPerThread(recorder, headSize, 4);
  recorder.dispatch(
    dqKernel(d4, dqRows),
    [qkv, ranges, dO, lse, delta, dQkv],
    uniforms,
    grid(Math.ceil(m / dqRows) * heads),
  );
  recorder.dispatch(
    dkvKernel(d4, dkvRows),
    [qkv, segmentEnds, dO, lse, delta, dQkv],
    uniforms,
    grid(Math.ceil(m / dkvRows) * kvHeads),
  );
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
