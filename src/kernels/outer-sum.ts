/**
 * Gradients of the LoRA factors: sums of outer products over the rows of a stream.
 *
 *   d[p, q] += scale · Σ_m a[m, p] · b[m, q]
 *
 * The narrow side a (R columns per adapter) is shared by the lanes of a subgroup, the wide side b belongs to them:
 * a thread computes up to 16 × 8 sums, four stream rows a step. dA = duᵀ·x is written row by row; dB = dyᵀ·low has the
 * wide side as its rows, so it is written transposed.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';

const lanesFor = (recorder: Recorder): number => (recorder.matmul.quads ? 4 : 1);

function outerSumKernel(p4: number, lanes: number, isTransposed: boolean, workgroupSize: number): Kernel {
  const p = p4 * 4;
  return kernel(`outerSum ${p}x8 lanes=${lanes} transposed=${isTransposed} wg=${workgroupSize}`, () => ({
    enable: lanes > 1 ? ['subgroups'] : [],
    workgroupSize,
    bindings: {
      a: ['array<vec4f>', 'read'],
      b: ['array<vec4f>', 'read'],
      d: [isTransposed ? 'array<f32>' : 'array<vec4f>', 'read_write'],
    },
    uniforms: {
      m: 'u32',
      aStride4: 'u32',
      aColumn4: 'u32',
      bStride4: 'u32',
      bColumn4: 'u32',
      q4: 'u32',
      dStride: 'u32',
      dOffset: 'u32',
      scale: 'f32',
    },
    body: `
  let q0 = min(threadIndex * 2u, u.q4 - 1u);
  let q1 = min(threadIndex * 2u + 1u, u.q4 - 1u);
${unroll(p, (i) => `  var c${i}_0 = vec4f(); var c${i}_1 = vec4f();`)}
  for (var m = 0u; m < u.m; m += 4u) {
${
  lanes > 1
    ? `    let aRow = min(m + subgroupLane % 4u, u.m - 1u) * u.aStride4 + u.aColumn4;
    let isRow = f32(m + subgroupLane % 4u < u.m);
${unroll(p4, (i) => `    let mine${i} = a[aRow + ${i}u] * isRow;`)}`
    : ''
}
${unroll(
  4,
  (s) => `    let bRow${s} = min(m + ${s}u, u.m - 1u) * u.bStride4 + u.bColumn4;
    let b${s}_0 = b[bRow${s} + q0];
    let b${s}_1 = b[bRow${s} + q1];`,
)}
${unroll(
  p4,
  (i) => `    {
${unroll(4, (s) =>
  lanes > 1
    ? `      let a${s} = subgroupBroadcast(mine${i}, ${s}u);`
    : `      let a${s} = a[min(m + ${s}u, u.m - 1u) * u.aStride4 + u.aColumn4 + ${i}u] * f32(m + ${s}u < u.m);`,
)}
${unroll(4, (j) => unroll(2, (q) => `      c${i * 4 + j}_${q} = c${i * 4 + j}_${q} + a0[${j}] * b0_${q} + a1[${j}] * b1_${q} + a2[${j}] * b2_${q} + a3[${j}] * b3_${q};`))}
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

export interface OuterSumSide {
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
  for (let first = 0; first < narrow; first += 16) {
    const p = Math.min(16, narrow - first);
    recorder.dispatch(
      outerSumKernel(p / 4, lanesFor(recorder), transposed, recorder.isSoftware ? 8 : 64),
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
      Math.ceil(wide / 8),
      2 * m * p * wide,
    );
  }
}
