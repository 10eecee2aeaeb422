/**
 * Causal grouped-query attention over a flat stream of rows, without a T×T matrix: online softmax forward
 * (arXiv 2112.05682, 2205.14135). The backward pass is attention-backward.ts.
 *
 *   s_ij = (q_i · k_j) / sqrt(D),  p = softmax_j(s),  o_i = Σ_j p_ij v_j,   j ∈ range_i = [start_i, end_i)
 *
 * A query's range is the segment mask: rows of one document never see another, and batches need no padding.
 * The same kernel reads keys and values from the stream itself (training) or from a cache (generation).
 * A thread owns its rows of one head: no atomics, so the result is the same in every run.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { laneForward, laneThreads, laneTile } from './attention-lanes.ts';
import {
  attentionTile,
  forwardBindings,
  forwardUniforms,
  fourColumns,
  fourStarts,
  fourWithin,
  loadFour,
  singleRow,
  tileKey,
  tilePlace,
  tileRange,
  tileSetup,
  tileThreads,
  type AttentionTile,
} from './attention-tile.ts';

export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number; // a multiple of 4
}

/** Where keys and values are: rows of `stride` elements, keys from column k, values from column v. */
interface KvLayout {
  readonly stride: number;
  readonly k: number;
  readonly v: number;
}

function forwardKernel(tile: AttentionTile): Kernel {
  const { d4, rows } = tile;
  return kernel(`attention ${tileKey(tile)}`, () => ({
    ...tileSetup(tile),
    bindings: forwardBindings,
    uniforms: forwardUniforms,
    body: `${tilePlace(tile, 'u.heads')}
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
${tileRange(
  tile,
  (i) => `range${i}.x`,
  (i) => `range${i}.y`,
)}
  for (var j = first; j < end; j += 4u) {
${fourStarts(tile, 'key', 'j', (row) => `${row} * u.kvStride4 + kvHead`)}
${unroll(rows, (i) => `    var s${i} = vec4f();`)}
${unroll(
  d4,
  (d) => `    {
${loadFour(tile, 'k', 'kv', 'key', `u.k4 + ${d}u`)}
${unroll(rows, (i) => `      s${i} += q${i}_${d} * ${fourColumns('k')};`)}
    }`,
)}
${unroll(
  rows,
  (i) => `
${fourWithin(`seen${i}`, 'j', `range${i}.x`, `range${i}.y`)}
    s${i} = select(vec4f(-3e38), s${i}, seen${i});
    let top${i} = max(highest${i}, max(max(s${i}.x, s${i}.y), max(s${i}.z, s${i}.w)));
    // before the first visible key all is -3e38: what this adds is wiped by the shrink that follows
    let shrink${i} = exp(highest${i} - top${i});
    highest${i} = top${i};
    let p${i} = exp(s${i} - top${i});
    total${i} = total${i} * shrink${i} + dot(p${i}, vec4f(1.0));`,
)}
${unroll(
  d4,
  (d) => `    {
${loadFour(tile, 'v', 'kv', 'key', `u.v4 + ${d}u`)}
${unroll(rows, (i) => `      o${i}_${d} = o${i}_${d} * shrink${i} + ${fourColumns('v')} * p${i};`)}
    }`,
)}
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

/** Of one product of two [m, headSize] matrices under a causal mask, at most: rows may be segmented. */
export const attentionFlops = (m: number, heads: number, headSize: number): number =>
  m * m * heads * headSize;

interface AttentionTensors {
  readonly q: GpuTensor; // [M, qStride], queries in the first H·D columns
  readonly qStride: number;
  readonly kv: GpuTensor;
  readonly layout: KvLayout; // of kv
  readonly ranges: GpuTensor; // [M, 2] first and past-the-last key row
  readonly o: GpuTensor; // [M, H·D]
  readonly lse: GpuTensor; // [M, H]
}

/** o and lse from q and kv. Overwrites both. */
export function attention(
  recorder: Recorder,
  { q, qStride, kv, layout, ranges, o, lse }: AttentionTensors,
  m: number,
  { heads, kvHeads, headSize }: AttentionShape,
  /** Neighbouring rows see mostly the same keys: true for a stream, false for one row each of many sequences. */
  sharesKeys = true,
): void {
  const lanes = laneTile(recorder, headSize);
  const tile = sharesKeys ? attentionTile(recorder, headSize, 2) : singleRow(headSize);
  recorder.dispatch(
    lanes === null ? forwardKernel(tile) : laneForward(lanes),
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
    lanes === null ? tileThreads(tile, m, heads) : laneThreads(lanes, m, heads),
    attentionFlops(m, heads, headSize) * 2,
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
    body: `
  let i = threadIndex;
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
    m * width4,
  );
}
