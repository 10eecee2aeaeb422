/**
 * Gradients of the LoRA factors: sums of outer products over the rows of a stream.
 *
 *   d[p, q] += scale · Σ_m a[m, p] · b[m, q]
 *
 * The narrow side a (R columns per adapter) is shared by the threads of a quad, the wide side b belongs to them: a
 * thread computes up to 16 × 8 sums, four stream rows a step; in a quad each thread has the four in its own order. dA = duᵀ·x is written row by row; dB = dyᵀ·low has the
 * wide side as its rows, so it is written transposed.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, matrixOf, unroll, type Kernel, type KernelSpec } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { laneOf, quadFeatures, swapped } from './quad.ts';

const outerSumBindings = (isTransposed: boolean): KernelSpec['bindings'] => ({
  a: ['array<vec4f>', 'read'],
  b: ['array<vec4f>', 'read'],
  d: [isTransposed ? 'array<f32>' : 'array<vec4f>', 'read_write'],
});
const outerSumUniforms = {
  m: 'u32',
  aStride4: 'u32',
  aColumn4: 'u32',
  bStride4: 'u32',
  bColumn4: 'u32',
  q4: 'u32',
  dStride: 'u32',
  dOffset: 'u32',
  scale: 'f32',
} as const;

function outerSumKernel(p4: number, quads: boolean, isTransposed: boolean, workgroupSize: number): Kernel {
  const p = p4 * 4;
  return kernel(`outerSum ${p}x8 quads=${quads} transposed=${isTransposed} wg=${workgroupSize}`, () => ({
    enable: quadFeatures(quads),
    workgroupSize,
    bindings: outerSumBindings(isTransposed),
    uniforms: outerSumUniforms,
    body: `
  let q0 = min(threadIndex * 2u, u.q4 - 1u);
  let q1 = min(threadIndex * 2u + 1u, u.q4 - 1u);
${unroll(p, (i) => `  var c${i}_0 = vec4f(); var c${i}_1 = vec4f();`)}
${laneOf(quads)}
  for (var m = 0u; m < u.m; m += 4u) {
${unroll(
  4,
  (t) => `    let row${t} = m + (lane ^ ${t}u);
    let bRow${t} = min(row${t}, u.m - 1u) * u.bStride4 + u.bColumn4;
    let b${t}_0 = b[bRow${t} + q0];
    let b${t}_1 = b[bRow${t} + q1];`,
)}
${unroll(
  p4,
  (i) => `    {
${unroll(4, (t) =>
  quads && t > 0
    ? `      let a${t} = ${swapped('a0', t)};`
    : `      let a${t} = a[min(row${t}, u.m - 1u) * u.aStride4 + u.aColumn4 + ${i}u] * f32(row${t} < u.m);`,
)}
${unroll(4, (j) => unroll(2, (q) => `      c${i * 4 + j}_${q} = c${i * 4 + j}_${q} + ${matrixOf((t) => `b${t}_${q}`)} * vec4f(a0[${j}], a1[${j}], a2[${j}], a3[${j}]);`))}
    }`,
)}
  }
${unroll(2, (q) =>
  isTransposed
    ? `  if (threadIndex * 2u + ${q}u < u.q4) {
${unroll(4, (w) => unroll(p, (i) => `    d[u.dOffset + ((threadIndex * 2u + ${q}u) * 4u + ${w}u) * u.dStride + ${i}u] += u.scale * c${i}_${q}[${w}];`))}
  }`
    : `  if (threadIndex * 2u + ${q}u < u.q4) {
${unroll(p, (i) => `    d[u.dOffset / 4u + ${i}u * (u.dStride / 4u) + threadIndex * 2u + ${q}u] += u.scale * c${i}_${q};`)}
  }`,
)}`,
  }));
}

const across = 8; // vec4s of the wide side that a workgroup sums, and threads that share each of them

/**
 * The same for graphics cards: eight threads share a vec4 of the wide side, each takes every eighth stream row, and workgroup
 * memory adds them up. With one thread per pair of vec4s a few hundred would run.
 */
function sharedOuterSumKernel(p4: number, isTransposed: boolean): Kernel {
  const p = p4 * 4;
  return kernel(`outerSum shared ${p} transposed=${isTransposed}`, () => ({
    workgroupSize: across * across,
    header: `var<workgroup> sums: array<vec4f, ${across * across * p}>;`,
    bindings: outerSumBindings(isTransposed),
    uniforms: outerSumUniforms,
    body: `
  let mine = lid.x / ${across}u;
  let q = groupIndex * ${across}u + lid.x % ${across}u;
  let column = min(q, u.q4 - 1u);
${unroll(p, (i) => `  var c${i} = vec4f();`)}
  for (var m = mine; m < u.m; m += ${across}u) {
    let wide = b[m * u.bStride4 + u.bColumn4 + column];
${unroll(
  p4,
  (i) => `    let a${i} = a[m * u.aStride4 + u.aColumn4 + ${i}u];
${unroll(4, (j) => `    c${i * 4 + j} += a${i}[${j}] * wide;`)}`,
)}
  }
${unroll(p, (i) => `  sums[${i * across * across}u + lid.x] = c${i};`)}
  workgroupBarrier();
  if (q >= u.q4) { return; }
  for (var i = mine; i < ${p}u; i += ${across}u) {
    var sum = vec4f();
    for (var t = 0u; t < ${across}u; t++) { sum += sums[i * ${across * across}u + t * ${across}u + lid.x % ${across}u]; }
${
  isTransposed
    ? unroll(4, (w) => `    d[u.dOffset + (q * 4u + ${w}u) * u.dStride + i] += u.scale * sum[${w}];`)
    : '    d[u.dOffset / 4u + i * (u.dStride / 4u) + q] += u.scale * sum;'
}
  }`,
  }));
}

interface OuterSumSide {
  readonly tensor: GpuTensor; // [M, stride]
  readonly stride: number;
  readonly column: number;
}

/**
 * d[dOffset + p · dStride + q] += scale · Σ_m a[m, p] · b[m, q] for p < narrow, q < wide (multiples of 4); with
 * `transposed`, d[dOffset + q · dStride + p].
 */
export function outerSum(
  recorder: Recorder,
  a: OuterSumSide,
  b: OuterSumSide,
  d: GpuTensor,
  size: {
    readonly m: number;
    readonly narrow: number;
    readonly wide: number;
    readonly dStride: number;
    readonly dOffset?: number;
    readonly transposed?: boolean;
  },
  scale = 1,
): void {
  const { m, narrow, wide, dStride, dOffset = 0, transposed = false } = size;
  if (m === 0) return;
  const { workgroup, quads } = recorder.matmul;
  for (let first = 0; first < narrow; first += 16) {
    const p = Math.min(16, narrow - first);
    recorder.dispatch(
      workgroup
        ? sharedOuterSumKernel(p / 4, transposed)
        : outerSumKernel(p / 4, quads, transposed, recorder.isSoftware ? 8 : 64),
      [a.tensor, b.tensor, d],
      {
        m,
        aStride4: a.stride / 4,
        aColumn4: (a.column + first) / 4,
        bStride4: b.stride / 4,
        bColumn4: b.column / 4,
        q4: wide / 4,
        dStride,
        dOffset: dOffset + first * (transposed ? 1 : dStride),
        scale,
      },
      workgroup ? Math.ceil(wide / 4 / across) * across * across : Math.ceil(wide / 8),
      2 * m * p * wide,
    );
  }
}
