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
import { attentionFlops, type AttentionShape } from './attention.ts';
import { laneDkv, laneDq, laneThreads, laneTile } from './attention-lanes.ts';
import {
  attentionTile,
  fourColumns,
  fourStarts,
  fourWithin,
  gradientUniforms,
  keyBindings,
  loadFour,
  queryBindings,
  tileKey,
  tilePlace,
  tileRange,
  tileSetup,
  tileThreads,
  type AttentionTile,
} from './attention-tile.ts';

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
  delta[index] = ${Array.from({ length: d4 }, (_, d) => `dot(dO[at + ${d}u], o[at + ${d}u])`).join(' + ')};`,
  }));
}

function dqKernel(tile: AttentionTile): Kernel {
  const { d4, rows } = tile;
  return kernel(`attentionDq ${tileKey(tile)}`, () => ({
    ...tileSetup(tile),
    bindings: queryBindings,
    uniforms: gradientUniforms,
    body: `${tilePlace(tile, 'u.heads')}
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
${tileRange(
  tile,
  (i) => `range${i}.x`,
  (i) => `range${i}.y`,
)}
  for (var j = first; j < end; j += 4u) {
${fourStarts(tile, 'key', 'j', (row) => `${row} * u.stride4 + kvHead`)}
${unroll(rows, (i) => `    var s${i} = vec4f(); var dp${i} = vec4f();`)}
${unroll(
  d4,
  (d) => `    {
${loadFour(tile, 'k', 'qkv', 'key', `u.k4 + ${d}u`)}
${loadFour(tile, 'v', 'qkv', 'key', `u.v4 + ${d}u`)}
${unroll(rows, (i) => `      s${i} += q${i}_${d} * ${fourColumns('k')};\n      dp${i} += d${i}_${d} * ${fourColumns('v')};`)}
    }`,
)}
${unroll(
  rows,
  (i) => `${fourWithin(`seen${i}`, 'j', `range${i}.x`, `range${i}.y`)}
    let ds${i} = select(vec4f(), exp(s${i} - logTotal${i}), seen${i}) * (dp${i} - mean${i});`,
)}
${unroll(
  d4,
  (d) => `    {
${loadFour(tile, 'k', 'qkv', 'key', `u.k4 + ${d}u`)}
${unroll(rows, (i) => `      g${i}_${d} = g${i}_${d} + ${fourColumns('k')} * ds${i};`)}
    }`,
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

function dkvKernel(tile: AttentionTile): Kernel {
  const { d4, rows } = tile;
  return kernel(`attentionDkv ${tileKey(tile)}`, () => ({
    ...tileSetup(tile),
    bindings: keyBindings,
    uniforms: gradientUniforms,
    body: `${tilePlace(tile, 'u.heads / u.group')}
${unroll(
  rows,
  (i) => `
  let j${i} = min(firstRow + ${i}u, u.m - 1u);
  let end${i} = segmentEnds[j${i}];
  let kAt${i} = j${i} * u.stride4 + u.k4 + head * ${d4}u;
  let vAt${i} = j${i} * u.stride4 + u.v4 + head * ${d4}u;
${unroll(d4, (d) => `  let k${i}_${d} = qkv[kAt${i} + ${d}u] * u.scale;\n  let v${i}_${d} = qkv[vAt${i} + ${d}u];\n  var dk${i}_${d} = vec4f();\n  var dv${i}_${d} = vec4f();`)}`,
)}
${tileRange(
  tile,
  (i) => `j${i}`,
  (i) => `end${i}`,
)}
  for (var g = 0u; g < u.group; g++) {
    let queryHead = head * u.group + g;
    for (var m = first; m < end; m += 4u) {
${fourStarts(tile, 'qAt', 'm', (row) => `${row} * u.stride4 + queryHead * ${d4}u`)}
${fourStarts(tile, 'statAt', 'm', (row) => `${row} * u.heads + queryHead`)}
${fourStarts(tile, 'dAt', 'm', (row) => `(${row} * u.heads + queryHead) * ${d4}u`)}
${loadFour(tile, 'logTotal', 'lse', 'statAt', '0u')}
${loadFour(tile, 'mean', 'delta', 'statAt', '0u')}
      let logTotals = vec4f(logTotal_0, logTotal_1, logTotal_2, logTotal_3);
      let means = vec4f(mean_0, mean_1, mean_2, mean_3);
${unroll(rows, (i) => `      var s${i} = vec4f(); var dp${i} = vec4f();`)}
${unroll(
  d4,
  (d) => `      {
${loadFour(tile, 'q', 'qkv', 'qAt', `${d}u`)}
${loadFour(tile, 'd', 'dO', 'dAt', `${d}u`)}
${unroll(rows, (i) => `        s${i} += k${i}_${d} * ${fourColumns('q')};\n        dp${i} += v${i}_${d} * ${fourColumns('d')};`)}
      }`,
)}
${unroll(
  rows,
  (i) => `${fourWithin(`seen${i}`, 'm', `j${i}`, `end${i}`)}
      let p${i} = select(vec4f(), exp(s${i} - logTotals), seen${i});
      let ds${i} = p${i} * (dp${i} - means);`,
)}
${unroll(
  d4,
  (d) => `      {
${loadFour(tile, 'q', 'qkv', 'qAt', `${d}u`)}
${loadFour(tile, 'd', 'dO', 'dAt', `${d}u`)}
${unroll(rows, (i) => `        dk${i}_${d} = dk${i}_${d} + ${fourColumns('q')} * ds${i};\n        dv${i}_${d} = dv${i}_${d} + ${fourColumns('d')} * p${i};`)}
      }`,
)}
    }
  }
${unroll(
  rows,
  (i) => `  if (firstRow + ${i}u < u.m) {
${unroll(d4, (d) => `    dQkv[kAt${i} + ${d}u] = dk${i}_${d} * u.scale;\n    dQkv[vAt${i} + ${d}u] = dv${i}_${d};`)}
  }`,
)}`,
  }));
}

interface AttentionDxTensors {
  readonly qkv: GpuTensor; // [M, (H + 2K)·D] queries, keys, values side by side
  readonly ranges: GpuTensor; // [M, 2]
  readonly segmentEnds: GpuTensor; // [M] a key of row j is seen by rows j … segmentEnds[j] − 1
  readonly o: GpuTensor; // [M, H·D] of the forward pass
  readonly lse: GpuTensor; // [M, H] of the forward pass
  readonly dO: GpuTensor; // [M, H·D]
  readonly delta: GpuTensor; // [M, H] scratch
  readonly dQkv: GpuTensor; // [M, (H + 2K)·D]
}

/** dQkv from dO and what the forward kept. Overwrites dQkv and delta. */
export function attentionDx(
  recorder: Recorder,
  { qkv, ranges, segmentEnds, o, lse, dO, delta, dQkv }: AttentionDxTensors,
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
  const flops = attentionFlops(m, heads, headSize);
  const lanes = laneTile(recorder, headSize);
  if (lanes !== null) {
    const ofQueries = [qkv, ranges, dO, lse, delta, dQkv];
    recorder.dispatch(laneDq(lanes), ofQueries, uniforms, laneThreads(lanes, m, heads), 3 * flops);
    const ofKeys = [qkv, segmentEnds, dO, lse, delta, dQkv];
    recorder.dispatch(laneDkv(lanes), ofKeys, uniforms, laneThreads(lanes, m, kvHeads), 4 * flops);
    return;
  }
  const dqTile = attentionTile(recorder, headSize, 3);
  recorder.dispatch(
    dqKernel(dqTile),
    [qkv, ranges, dO, lse, delta, dQkv],
    uniforms,
    tileThreads(dqTile, m, heads),
    3 * flops,
  );
  const dkvTile = attentionTile(recorder, headSize, 4);
  recorder.dispatch(
    dkvKernel(dkvTile),
    [qkv, segmentEnds, dO, lse, delta, dQkv],
    uniforms,
    tileThreads(dkvTile, m, kvHeads),
    4 * flops,
  );
}
