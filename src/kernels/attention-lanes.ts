/**
 * The attention kernels for graphics cards: `lanes` neighbouring threads of a subgroup share a row of a head, each holds
 * every lanes-th vec4 of it, and dot products are summed among them by shuffles. A thread that held a whole row (as in
 * attention.ts, right for adapters with few threads) would spill its registers, and too few threads would run: on an H100
 * the gradient of keys took 80 ms a layer at 512 tokens and heads of 128 that way.
 */
import type { Recorder } from '../device/recorder.ts';
import { kernel, matrixOf, unroll, type Kernel } from '../device/kernel.ts';
import {
  forwardBindings,
  forwardUniforms,
  gradientUniforms,
  keyBindings,
  queryBindings,
} from './attention-tile.ts';

export interface LaneTile {
  readonly d4: number; // vec4s of a head
  readonly lanes: number; // a power of two, at most the smallest subgroup
}

/** null: a thread holds a row by itself. */
export function laneTile({ lanes }: Recorder, headSize: number): LaneTile | null {
  if (lanes === 1) return null;
  const d4 = headSize / 4;
  return { d4, lanes: Math.min(lanes, 2 ** Math.ceil(Math.log2(d4))) };
}

/** Rows of keys or queries walked at a time. */
const walked = 4;
const workgroupSize = 64;
const setup = { workgroupSize, enable: ['subgroups'] };

export const laneThreads = ({ lanes }: LaneTile, rows: number, heads: number): number => rows * heads * lanes;

/** Vec4s of a row that a thread holds, at most. */
const held = ({ d4, lanes }: LaneTile): number => Math.ceil(d4 / lanes);

/** Place `i` of the thread's vec4s in its row: beyond the row it repeats one, whose value counts as zero. */
const placeOf = (tile: LaneTile, i: number): string =>
  isWhole(tile, i) ? `lane + ${i * tile.lanes}u` : `min(lane + ${i * tile.lanes}u, ${tile.d4 - 1}u)`;
const isWhole = ({ d4, lanes }: LaneTile, i: number): boolean => (i + 1) * lanes <= d4;
/** A factor that is 0 where the thread has no vec4 of this number. */
const mask = (tile: LaneTile, i: number): string =>
  isWhole(tile, i) ? '' : ` * f32(lane + ${i * tile.lanes}u < ${tile.d4}u)`;

const own = (tile: LaneTile, name: string, source: string, at: string, factor = ''): string =>
  unroll(
    held(tile),
    (i) => `  let ${name}_${i} = ${source}[${at} + ${placeOf(tile, i)}]${factor}${mask(tile, i)};`,
  );

/** The vec4 `name` summed over the lanes of a row, in all of them. */
const laneSum = ({ lanes }: LaneTile, name: string): string =>
  Array.from(
    { length: Math.log2(lanes) },
    (_, i) => `      ${name} += subgroupShuffleXor(${name}, ${2 ** i}u);`,
  ).join('\n');

const place = ({ lanes }: LaneTile, heads: string): string => `
  let lane = threadIndex % ${lanes}u;
  let team = threadIndex / ${lanes}u;
  let head = team / u.m;
  let row = team % u.m;
  if (head >= ${heads}) { return; }`;

const four = [0, 1, 2, 3];
/** Loads the thread's vec4 `i` of four rows whose starts are `${starts}0` … `${starts}3`. */
const loadFour = (
  tile: LaneTile,
  name: string,
  source: string,
  starts: string,
  column: string,
  i: number,
): string =>
  unroll(walked, (t) => `        let ${name}${t} = ${source}[${starts}${t} + ${column}${placeOf(tile, i)}];`);
const columns = (name: string): string => matrixOf((t) => `${name}${t}`);

export function laneForward(tile: LaneTile): Kernel {
  const count = held(tile);
  return kernel(`attention d=${tile.d4 * 4} lanes=${tile.lanes}`, () => ({
    ...setup,
    bindings: forwardBindings,
    uniforms: forwardUniforms,
    body: `${place(tile, 'u.heads')}
  let kvHead = (head / u.group) * ${tile.d4}u;
  let range = ranges[row];
  let qAt = row * u.qStride4 + head * ${tile.d4}u;
${own(tile, 'q', 'q', 'qAt', ' * u.scale')}
${unroll(count, (i) => `  var o_${i} = vec4f();`)}
  var highest = -3e38;
  var total = 0.0;
  for (var j = range.x; j < range.y; j += ${walked}u) {
${unroll(walked, (t) => `    let key${t} = min(j + ${t}u, range.y - 1u) * u.kvStride4 + kvHead;`)}
    var s = vec4f();
${unroll(count, (i) => `    {\n${loadFour(tile, 'k', 'kv', 'key', 'u.k4 + ', i)}\n        s += q_${i} * ${columns('k')};\n    }`)}
${laneSum(tile, 's')}
    let seen = (vec4u(j) + vec4u(0u, 1u, 2u, 3u)) < vec4u(range.y);
    s = select(vec4f(-3e38), s, seen);
    let top = max(highest, max(max(s.x, s.y), max(s.z, s.w)));
    let shrink = exp(highest - top);
    highest = top;
    let p = exp(s - top);
    total = total * shrink + dot(p, vec4f(1.0));
${unroll(count, (i) => `    {\n${loadFour(tile, 'v', 'kv', 'key', 'u.v4 + ', i)}\n        o_${i} = o_${i} * shrink + ${columns('v')} * p;\n    }`)}
  }
  let at = (row * u.heads + head) * ${tile.d4}u;
${unroll(count, (i) => writing(tile, i, `o[at + lane + ${i * tile.lanes}u] = o_${i} / total;`))}
  if (lane == 0u) { lse[row * u.heads + head] = highest + log(total); }`,
  }));
}

const writing = (tile: LaneTile, i: number, statement: string): string =>
  isWhole(tile, i) ? `  ${statement}` : `  if (lane + ${i * tile.lanes}u < ${tile.d4}u) { ${statement} }`;

export function laneDq(tile: LaneTile): Kernel {
  const count = held(tile);
  return kernel(`attentionDq d=${tile.d4 * 4} lanes=${tile.lanes}`, () => ({
    ...setup,
    bindings: queryBindings,
    uniforms: gradientUniforms,
    body: `${place(tile, 'u.heads')}
  let kvHead = (head / u.group) * ${tile.d4}u;
  let range = ranges[row];
  let qAt = row * u.stride4 + head * ${tile.d4}u;
  let dAt = (row * u.heads + head) * ${tile.d4}u;
  let logTotal = lse[row * u.heads + head];
  let mean = delta[row * u.heads + head];
${own(tile, 'q', 'qkv', 'qAt', ' * u.scale')}
${own(tile, 'd', 'dO', 'dAt')}
${unroll(count, (i) => `  var g_${i} = vec4f();`)}
  for (var j = range.x; j < range.y; j += ${walked}u) {
${unroll(walked, (t) => `    let key${t} = min(j + ${t}u, range.y - 1u) * u.stride4 + kvHead;`)}
    var s = vec4f();
    var dp = vec4f();
${unroll(
  count,
  (i) => `    {
${loadFour(tile, 'k', 'qkv', 'key', 'u.k4 + ', i)}
${loadFour(tile, 'v', 'qkv', 'key', 'u.v4 + ', i)}
        s += q_${i} * ${columns('k')};
        dp += d_${i} * ${columns('v')};
    }`,
)}
${laneSum(tile, 's')}
${laneSum(tile, 'dp')}
    let seen = (vec4u(j) + vec4u(0u, 1u, 2u, 3u)) < vec4u(range.y);
    let ds = select(vec4f(), exp(s - logTotal), seen) * (dp - mean);
${unroll(count, (i) => `    {\n${loadFour(tile, 'k', 'qkv', 'key', 'u.k4 + ', i)}\n        g_${i} = g_${i} + ${columns('k')} * ds;\n    }`)}
  }
${unroll(count, (i) => writing(tile, i, `dQkv[qAt + lane + ${i * tile.lanes}u] = g_${i} * u.scale;`))}`,
  }));
}

export function laneDkv(tile: LaneTile): Kernel {
  const count = held(tile);
  const loads = (name: string, i: number): string =>
    loadFour(tile, name, name === 'q' ? 'qkv' : 'dO', `${name}At`, '', i);
  return kernel(`attentionDkv d=${tile.d4 * 4} lanes=${tile.lanes}`, () => ({
    ...setup,
    bindings: keyBindings,
    uniforms: gradientUniforms,
    body: `${place(tile, 'u.heads / u.group')}
  let end = segmentEnds[row];
  let kAt = row * u.stride4 + u.k4 + head * ${tile.d4}u;
  let vAt = row * u.stride4 + u.v4 + head * ${tile.d4}u;
${own(tile, 'k', 'qkv', 'kAt', ' * u.scale')}
${own(tile, 'v', 'qkv', 'vAt')}
${unroll(count, (i) => `  var dk_${i} = vec4f();\n  var dv_${i} = vec4f();`)}
  for (var g = 0u; g < u.group; g++) {
    let queryHead = head * u.group + g;
    for (var m = row; m < end; m += ${walked}u) {
${unroll(
  walked,
  (t) => `      let m${t} = min(m + ${t}u, end - 1u);
      let qAt${t} = m${t} * u.stride4 + queryHead * ${tile.d4}u;
      let dAt${t} = (m${t} * u.heads + queryHead) * ${tile.d4}u;`,
)}
      let logTotals = vec4f(${four.map((t) => `lse[m${t} * u.heads + queryHead]`).join(', ')});
      let means = vec4f(${four.map((t) => `delta[m${t} * u.heads + queryHead]`).join(', ')});
      var s = vec4f();
      var dp = vec4f();
${unroll(
  count,
  (i) => `      {
${loads('q', i)}
${loads('d', i)}
        s += k_${i} * ${columns('q')};
        dp += v_${i} * ${columns('d')};
      }`,
)}
${laneSum(tile, 's')}
${laneSum(tile, 'dp')}
      let seen = (vec4u(m) + vec4u(0u, 1u, 2u, 3u)) < vec4u(end);
      let p = select(vec4f(), exp(s - logTotals), seen);
      let ds = p * (dp - means);
${unroll(
  count,
  (i) => `      {
${loads('q', i)}
${loads('d', i)}
        dk_${i} = dk_${i} + ${columns('q')} * ds;
        dv_${i} = dv_${i} + ${columns('d')} * p;
      }`,
)}
    }
  }
${unroll(count, (i) => writing(tile, i, `dQkv[kAt + lane + ${i * tile.lanes}u] = dk_${i} * u.scale;`))}
${unroll(count, (i) => writing(tile, i, `dQkv[vAt + lane + ${i * tile.lanes}u] = dv_${i};`))}`,
  }));
}
