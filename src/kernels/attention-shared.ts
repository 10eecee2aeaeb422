/**
 * The attention kernels of attention.ts and attention-backward.ts for adapters where loads are dear: the lanes of a
 * subgroup hold different rows of one head and walk the same keys, four at a time; each lane loads one of the four
 * and broadcasts it. Same bindings, uniforms and results as the plain kernels.
 *
 * Lanes of a subgroup have one loop: it runs over the union of what their rows may see, and masks the rest.
 */
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { attentionBindings, attentionUniforms, minMax } from './attention.ts';
import { dkvBindings, dqBindings, gradientUniforms } from './attention-backward.ts';

const step = 4; // keys (or queries) per turn of the loop, one for each of four lanes
const workgroupSize = 8;

/** Larger heads would take tens of seconds to compile unrolled. */
const largestHead = 128;

export const sharesLoads = (recorder: Recorder, headSize: number): boolean =>
  recorder.isSoftware && recorder.matmul.quads && headSize <= largestHead;

/** Rows a thread owns: as many as named registers allow. */
export const rowsOf = (headSize: number, tensorsPerRow: number): number =>
  Math.max(
    1,
    Math.min(4, 2 ** Math.floor(Math.log2((headSize > 64 ? 256 : 512) / (headSize * tensorsPerRow)))),
  );

/** Threads such that no workgroup spans two heads. */
export const sharedWork = (m: number, rows: number, heads: number): number =>
  Math.ceil(Math.ceil(m / rows) / workgroupSize) * workgroupSize * heads;

const place = (rows: number, heads: string): string => `
  let perHead = ((u.m + ${rows - 1}u) / ${rows}u + ${workgroupSize - 1}u) / ${workgroupSize}u * ${workgroupSize}u;
  let head = threadIndex / perHead;
  let firstRow = (threadIndex % perHead) * ${rows}u;
  if (head >= ${heads}) { return; }
  let lane = subgroupLane % ${step}u;`;

const each = (d4: number, line: (d: number) => string): string => unroll(d4, line);

/** p0*v0 + p1*v1 + p2*v2 + p3*v3 */
const weighted = (p: (t: number) => string, v: (t: number) => string): string =>
  Array.from({ length: step }, (_, t) => `${p(t)} * ${v(t)}`).join(' + ');

const shared = { workgroupSize, enable: ['subgroups'] };

export function forwardShared(d4: number, rows: number): Kernel {
  return kernel(`attention shared d=${d4 * 4} rows=${rows}`, () => ({
    ...shared,
    bindings: attentionBindings,
    uniforms: attentionUniforms,
    body: `${place(rows, 'u.heads')}
  let kvHead = (head / u.group) * ${d4}u;
${unroll(
  rows,
  (i) => `
  let m${i} = min(firstRow + ${i}u, u.m - 1u);
  let range${i} = ranges[m${i}];
  let qAt${i} = m${i} * u.qStride4 + head * ${d4}u;
  var highest${i} = -3e38;
  var total${i} = 0.0;
${each(d4, (d) => `  let q${i}_${d} = q[qAt${i} + ${d}u] * u.scale;\n  var o${i}_${d} = vec4f();`)}`,
)}
  let first = subgroupMin(${minMax('min', rows, (i) => `range${i}.x`)});
  let end = subgroupMax(${minMax('max', rows, (i) => `range${i}.y`)});
  for (var j = first; j < end; j += ${step}u) {
    let key = min(j + lane, end - 1u) * u.kvStride4 + kvHead;
${each(d4, (d) => `    let k${d} = kv[key + u.k4 + ${d}u];\n    let v${d} = kv[key + u.v4 + ${d}u];`)}
${unroll(step, (t) => unroll(rows, (i) => `    var s${i}_${t} = 0.0;`))}
${unroll(step, (t) =>
  each(
    d4,
    (d) => `    {
      let kt = subgroupBroadcast(k${d}, ${t}u);
${unroll(rows, (i) => `      s${i}_${t} += dot(q${i}_${d}, kt);`)}
    }`,
  ),
)}
${unroll(
  rows,
  (i) => `
${unroll(step, (t) => `    s${i}_${t} = select(-3e38, s${i}_${t}, j + ${t}u >= range${i}.x && j + ${t}u < range${i}.y);`)}
    let top${i} = max(highest${i}, max(max(s${i}_0, s${i}_1), max(s${i}_2, s${i}_3)));
    // before the first visible key all is -3e38: what this adds is wiped by the shrink that follows
    let shrink${i} = exp(highest${i} - top${i});
    highest${i} = top${i};
${unroll(step, (t) => `    let p${i}_${t} = exp(s${i}_${t} - top${i});`)}
    total${i} = total${i} * shrink${i} + p${i}_0 + p${i}_1 + p${i}_2 + p${i}_3;`,
)}
${each(
  d4,
  (d) => `    {
${unroll(step, (t) => `      let v_${t} = subgroupBroadcast(v${d}, ${t}u);`)}
${unroll(
  rows,
  (i) =>
    `      o${i}_${d} = o${i}_${d} * shrink${i} + ${weighted(
      (t) => `p${i}_${t}`,
      (t) => `v_${t}`,
    )};`,
)}
    }`,
)}
  }
${unroll(
  rows,
  (i) => `  if (firstRow + ${i}u < u.m) {
    let at = (m${i} * u.heads + head) * ${d4}u;
${each(d4, (d) => `    o[at + ${d}u] = o${i}_${d} / total${i};`)}
    lse[m${i} * u.heads + head] = highest${i} + log(total${i});
  }`,
)}`,
  }));
}

export function dqShared(d4: number, rows: number): Kernel {
  return kernel(`attentionDq shared d=${d4 * 4} rows=${rows}`, () => ({
    ...shared,
    bindings: dqBindings,
    uniforms: gradientUniforms,
    body: `${place(rows, 'u.heads')}
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
${each(d4, (d) => `  let q${i}_${d} = qkv[qAt${i} + ${d}u] * u.scale;\n  let d${i}_${d} = dO[dAt${i} + ${d}u];\n  var g${i}_${d} = vec4f();`)}`,
)}
  let first = subgroupMin(${minMax('min', rows, (i) => `range${i}.x`)});
  let end = subgroupMax(${minMax('max', rows, (i) => `range${i}.y`)});
  for (var j = first; j < end; j += ${step}u) {
    let key = min(j + lane, end - 1u) * u.stride4 + kvHead;
${each(d4, (d) => `    let k${d} = qkv[key + u.k4 + ${d}u];\n    let v${d} = qkv[key + u.v4 + ${d}u];`)}
${unroll(step, (t) => unroll(rows, (i) => `    var s${i}_${t} = 0.0; var dp${i}_${t} = 0.0;`))}
${unroll(step, (t) =>
  each(
    d4,
    (d) => `    {
      let kt = subgroupBroadcast(k${d}, ${t}u);
      let vt = subgroupBroadcast(v${d}, ${t}u);
${unroll(rows, (i) => `      s${i}_${t} += dot(q${i}_${d}, kt);\n      dp${i}_${t} += dot(d${i}_${d}, vt);`)}
    }`,
  ),
)}
${unroll(step, (t) =>
  unroll(
    rows,
    (
      i,
    ) => `    let p${i}_${t} = select(0.0, exp(s${i}_${t} - logTotal${i}), j + ${t}u >= range${i}.x && j + ${t}u < range${i}.y);
    let ds${i}_${t} = p${i}_${t} * (dp${i}_${t} - mean${i});`,
  ),
)}
${each(
  d4,
  (d) => `    {
${unroll(step, (t) => `      let k_${t} = subgroupBroadcast(k${d}, ${t}u);`)}
${unroll(
  rows,
  (i) =>
    `      g${i}_${d} = g${i}_${d} + ${weighted(
      (t) => `ds${i}_${t}`,
      (t) => `k_${t}`,
    )};`,
)}
    }`,
)}
  }
${unroll(
  rows,
  (i) => `  if (firstRow + ${i}u < u.m) {
${each(d4, (d) => `    dQkv[qAt${i} + ${d}u] = g${i}_${d} * u.scale;`)}
  }`,
)}`,
  }));
}

export function dkvShared(d4: number, rows: number): Kernel {
  return kernel(`attentionDkv shared d=${d4 * 4} rows=${rows}`, () => ({
    ...shared,
    bindings: dkvBindings,
    uniforms: gradientUniforms,
    body: `${place(rows, 'u.heads / u.group')}
${unroll(
  rows,
  (i) => `
  let j${i} = min(firstRow + ${i}u, u.m - 1u);
  let end${i} = segmentEnds[j${i}];
  let kAt${i} = j${i} * u.stride4 + u.k4 + head * ${d4}u;
  let vAt${i} = j${i} * u.stride4 + u.v4 + head * ${d4}u;
${each(d4, (d) => `  let k${i}_${d} = qkv[kAt${i} + ${d}u] * u.scale;\n  let v${i}_${d} = qkv[vAt${i} + ${d}u];\n  var dk${i}_${d} = vec4f();\n  var dv${i}_${d} = vec4f();`)}`,
)}
  let first = subgroupMin(j0);
  let end = subgroupMax(${minMax('max', rows, (i) => `end${i}`)});
  for (var g = 0u; g < u.group; g++) {
    let queryHead = head * u.group + g;
    for (var m = first; m < end; m += ${step}u) {
      let row = min(m + lane, end - 1u);
      let qAt = row * u.stride4 + queryHead * ${d4}u;
      let dAt = (row * u.heads + queryHead) * ${d4}u;
      let logTotal = lse[row * u.heads + queryHead];
      let mean = delta[row * u.heads + queryHead];
${each(d4, (d) => `      let q${d} = qkv[qAt + ${d}u];\n      let d${d} = dO[dAt + ${d}u];`)}
${unroll(step, (t) => unroll(rows, (i) => `      var s${i}_${t} = 0.0; var dp${i}_${t} = 0.0;`))}
${unroll(step, (t) =>
  each(
    d4,
    (d) => `      {
        let qt = subgroupBroadcast(q${d}, ${t}u);
        let dt = subgroupBroadcast(d${d}, ${t}u);
${unroll(rows, (i) => `        s${i}_${t} += dot(qt, k${i}_${d});\n        dp${i}_${t} += dot(dt, v${i}_${d});`)}
      }`,
  ),
)}
${unroll(
  step,
  (t) => `      let logTotal_${t} = subgroupBroadcast(logTotal, ${t}u);
      let mean_${t} = subgroupBroadcast(mean, ${t}u);
${unroll(
  rows,
  (
    i,
  ) => `      let p${i}_${t} = select(0.0, exp(s${i}_${t} - logTotal_${t}), m + ${t}u >= j${i} && m + ${t}u < end${i});
      let ds${i}_${t} = p${i}_${t} * (dp${i}_${t} - mean_${t});`,
)}`,
)}
${each(
  d4,
  (d) => `      {
${unroll(step, (t) => `        let q_${t} = subgroupBroadcast(q${d}, ${t}u);\n        let d_${t} = subgroupBroadcast(d${d}, ${t}u);`)}
${unroll(
  rows,
  (i) => `        dk${i}_${d} = dk${i}_${d} + ${weighted(
    (t) => `ds${i}_${t}`,
    (t) => `q_${t}`,
  )};
        dv${i}_${d} = dv${i}_${d} + ${weighted(
          (t) => `p${i}_${t}`,
          (t) => `d_${t}`,
        )};`,
)}
      }`,
)}
    }
  }
${unroll(
  rows,
  (i) => `  if (firstRow + ${i}u < u.m) {
${each(d4, (d) => `    dQkv[kAt${i} + ${d}u] = dk${i}_${d} * u.scale;\n    dQkv[vAt${i} + ${d}u] = dv${i}_${d};`)}
  }`,
)}`,
  }));
}
