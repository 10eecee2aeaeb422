/**
 * Gradient of attention.ts, recomputing probabilities from the forward's log-sum-exp (arXiv 2205.14135):
 *
 *   delta_i = dO_i · o_i,  p_ij = exp(s_ij − lse_i),  ds_ij = p_ij (dO_i · v_j − delta_i)
 *   dq_i = Σ_j ds_ij k_j / sqrt(D);  dk_j = Σ_i ds_ij q_i / sqrt(D);  dv_j = Σ_i p_ij dO_i
 *
 * One kernel walks the keys of its queries, the other the queries of its keys, so nothing is added atomically.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { attentionFlops, dotSum, minMax, rowsPerThread, type AttentionShape } from './attention.ts';
import { dkvShared, dqShared, rowsOf, sharedWork, sharesLoads } from './attention-shared.ts';

export const dqBindings = {
  qkv: ['array<vec4f>', 'read'],
  ranges: ['array<vec2u>', 'read'],
  dO: ['array<vec4f>', 'read'],
  lse: ['array<f32>', 'read'],
  delta: ['array<f32>', 'read'],
  dQkv: ['array<vec4f>', 'read_write'],
} as const;
export const dkvBindings = {
  qkv: ['array<vec4f>', 'read'],
  segmentEnds: ['array<u32>', 'read'],
  dO: ['array<vec4f>', 'read'],
  lse: ['array<f32>', 'read'],
  delta: ['array<f32>', 'read'],
  dQkv: ['array<vec4f>', 'read_write'],
} as const;
export const gradientUniforms = {
  m: 'u32',
  heads: 'u32',
  group: 'u32',
  stride4: 'u32',
  k4: 'u32',
  v4: 'u32',
  scale: 'f32',
} as const;

function deltaKernel(d4: number): Kernel {
  return kernel(`attentionDelta d=${d4 * 4}`, () => ({
    bindings: {
      dO: ['array<vec4f>', 'read'],
      o: ['array<vec4f>', 'read'],
      delta: ['array<f32>', 'read_write'],
    },
    uniforms: { count: 'u32' },
    body: `
  let index = threadIndex;
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
    bindings: dqBindings,
    uniforms: gradientUniforms,
    body: `
  let index = threadIndex;
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
    bindings: dkvBindings,
    uniforms: gradientUniforms,
    body: `
  let index = threadIndex;
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
  recorder.dispatch(deltaKernel(d4), [dO, o, delta], { count: m * heads }, m * heads);
  const uniforms = {
    m,
    heads,
    group: heads / kvHeads,
    stride4: (heads + 2 * kvHeads) * d4,
    k4: heads * d4,
    v4: (heads + kvHeads) * d4,
    scale: 1 / Math.sqrt(headSize),
  };
  const isShared = sharesLoads(recorder, headSize);
  const dqRows = isShared ? rowsOf(headSize, 3) : rowsPerThread(recorder, headSize, 3);
  const dkvRows = isShared ? rowsOf(headSize, 4) : rowsPerThread(recorder, headSize, 4);
  const flops = attentionFlops(m, heads, headSize);
  recorder.dispatch(
    isShared ? dqShared(d4, dqRows) : dqKernel(d4, dqRows),
    [qkv, ranges, dO, lse, delta, dQkv],
    uniforms,
    isShared ? sharedWork(m, dqRows, heads) : Math.ceil(m / dqRows) * heads,
    3 * flops,
  );
  recorder.dispatch(
    isShared ? dkvShared(d4, dkvRows) : dkvKernel(d4, dkvRows),
    [qkv, segmentEnds, dO, lse, delta, dQkv],
    uniforms,
    isShared ? sharedWork(m, dkvRows, kvHeads) : Math.ceil(m / dkvRows) * kvHeads,
    4 * flops,
  );
}
