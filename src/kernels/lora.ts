/**
 * The low-rank update of linear layers that share an input (q, k, v; gate, up): arXiv 2106.09685.
 *
 *   u[M, S·R]  = x · A_sᵀ                       (one `linear` for all S adapters of the group)
 *   y[:, seg s] += scale · u_s · B_sᵀ           loraUp
 *   du_s       = scale · dy[:, seg s] · B_s     loraDu
 *   dB_s      += scale · dy[:, seg s]ᵀ · u_s    outerSum on column ranges
 *   dA        += duᵀ · x                        outerSum
 *   dx        += du · A                         linearDx
 *
 * Segment s is the column range of y that adapter s adds to; R and every range are multiples of 4.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, unroll, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { grid, threadIndex } from './grid.ts';

export interface Segment {
  readonly column: number; // first column of y
  readonly width: number;
}

function loraUpKernel(tm: number): Kernel {
  return kernel(`loraUp ${tm}x4`, () => ({
    bindings: {
      low: ['array<vec4f>', 'read'],
      b: ['array<vec4f>', 'read'],
      y: ['array<vec4f>', 'read_write'],
    },
    uniforms: {
      m: 'u32',
      width4: 'u32',
      r4: 'u32',
      lowStride4: 'u32',
      lowColumn4: 'u32',
      yStride4: 'u32',
      yColumn4: 'u32',
      scale: 'f32',
    },
    workgroup: [64, 1, 1],
    body: `
  let index = ${threadIndex()};
  let m0 = (index / u.width4) * ${tm}u;
  let n = index % u.width4;
  if (m0 >= u.m) { return; }
${unroll(
  tm,
  (i) => `  let row${i} = min(m0 + ${i}u, u.m - 1u) * u.lowStride4 + u.lowColumn4;
  var c${i} = vec4f();`,
)}
  for (var r = 0u; r < u.r4; r++) {
${unroll(4, (j) => `    let b${j} = b[(n * 4u + ${j}u) * u.r4 + r];`)}
${unroll(
  tm,
  (i) => `    let l${i} = low[row${i} + r];
    c${i} += vec4f(dot(l${i}, b0), dot(l${i}, b1), dot(l${i}, b2), dot(l${i}, b3));`,
)}
  }
${unroll(
  tm,
  (i) => `  if (m0 + ${i}u < u.m) {
    let at${i} = (m0 + ${i}u) * u.yStride4 + u.yColumn4 + n;
    y[at${i}] = y[at${i}] + u.scale * c${i};
  }`,
)}`,
  }));
}

/** y[:, segment] += scale · low[:, lowColumn…+r] · b[width, r]ᵀ. Adds into y. */
export function loraUp(
  recorder: Recorder,
  low: GpuTensor, // [M, lowStride]
  b: GpuTensor, // [width, r]
  y: GpuTensor, // [M, yStride]
  size: {
    readonly m: number;
    readonly r: number;
    readonly lowStride: number;
    readonly lowColumn: number;
    readonly yStride: number;
  },
  segment: Segment,
  scale: number,
): void {
  const { m, r, lowStride, lowColumn, yStride } = size;
  const tm = m >= 8 ? 8 : 1;
  recorder.dispatch(
    loraUpKernel(tm),
    [low, b, y],
    {
      m,
      width4: segment.width / 4,
      r4: r / 4,
      lowStride4: lowStride / 4,
      lowColumn4: lowColumn / 4,
      yStride4: yStride / 4,
      yColumn4: segment.column / 4,
      scale,
    },
    grid(Math.ceil(m / tm) * (segment.width / 4)),
  );
}

function loraDuKernel(): Kernel {
  const tm = 4;
  return kernel(`loraDu ${tm}x4`, () => ({
    bindings: {
      dy: ['array<vec4f>', 'read'],
      b: ['array<vec4f>', 'read'],
      du: ['array<vec4f>', 'read_write'],
    },
    uniforms: {
      m: 'u32',
      width4: 'u32',
      r4: 'u32',
      duStride4: 'u32',
      duColumn4: 'u32',
      dyStride4: 'u32',
      dyColumn4: 'u32',
      scale: 'f32',
    },
    workgroup: [64, 1, 1],
    body: `
  let index = ${threadIndex()};
  let m0 = (index / u.r4) * ${tm}u;
  let r = index % u.r4;
  if (m0 >= u.m) { return; }
${unroll(
  tm,
  (i) => `  let row${i} = min(m0 + ${i}u, u.m - 1u) * u.dyStride4 + u.dyColumn4;
  var c${i} = vec4f();`,
)}
  for (var n = 0u; n < u.width4; n++) {
${unroll(4, (j) => `    let b${j} = b[(n * 4u + ${j}u) * u.r4 + r];`)}
${unroll(
  tm,
  (i) => `    let d${i} = dy[row${i} + n];
    c${i} += d${i}.x * b0 + d${i}.y * b1 + d${i}.z * b2 + d${i}.w * b3;`,
)}
  }
${unroll(tm, (i) => `  if (m0 + ${i}u < u.m) { du[(m0 + ${i}u) * u.duStride4 + u.duColumn4 + r] = u.scale * c${i}; }`)}`,
  }));
}

/** du[:, duColumn…+r] = scale · dy[:, segment] · b[width, r]. Overwrites its columns of du. */
export function loraDu(
  recorder: Recorder,
  dy: GpuTensor, // [M, dyStride]
  b: GpuTensor, // [width, r]
  du: GpuTensor, // [M, duStride]
  size: {
    readonly m: number;
    readonly r: number;
    readonly duStride: number;
    readonly duColumn: number;
    readonly dyStride: number;
  },
  segment: Segment,
  scale: number,
): void {
  const { m, r, duStride, duColumn, dyStride } = size;
  recorder.dispatch(
    loraDuKernel(),
    [dy, b, du],
    {
      m,
      width4: segment.width / 4,
      r4: r / 4,
      duStride4: duStride / 4,
      duColumn4: duColumn / 4,
      dyStride4: dyStride / 4,
      dyColumn4: segment.column / 4,
      scale,
    },
    grid(Math.ceil(m / 4) * (r / 4)),
  );
}
