/** Row gathers and scatters: embedding lookup, picking the target rows for the loss, and their way back. */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel, type Kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import {
  blockTensors,
  isScaled,
  loadScales,
  weightBindings,
  weightHeader,
  weightUniforms,
  type WeightMatrix,
} from './weight-matrix.ts';

/** out[i] = row index[i] of the matrix, as f32, with rows of `matrix.columns`. Overwrites out. */
export function gatherWeights(
  recorder: Recorder,
  matrix: WeightMatrix, // [*, columns]
  index: GpuTensor, // u32 [rows]
  out: GpuTensor, // [rows, columns]
  rows: number,
): void {
  const { format, columns } = matrix;
  const scaled = isScaled(format);
  const program = kernel(`gatherWeights ${format}`, () => ({
    header: weightHeader(format),
    bindings: {
      ...weightBindings(format),
      index: ['array<u32>', 'read'],
      result: ['array<vec4f>', 'read_write'],
    },
    uniforms: {
      rows: 'u32',
      stride4: 'u32',
      firstRow: 'u32',
      blockRows: 'u32',
      weightStride: 'u32',
      scaleStride4: 'u32',
    },
    // a thread per eight columns; of rows in other blocks another dispatch takes care
    body: `
  let groups = (u.stride4 + 1u) / 2u;
  let m = threadIndex / groups;
  let g = threadIndex % groups;
  if (m >= u.rows) { return; }
  let row = index[m] - u.firstRow;
  if (index[m] < u.firstRow || row >= u.blockRows) { return; }
  let at = m * u.stride4 + g * 2u;
${
  format === 'f32'
    ? `  result[at] = w[row * u.weightStride + g * 2u];
  if (g * 2u + 1u < u.stride4) { result[at + 1u] = w[row * u.weightStride + g * 2u + 1u]; }`
    : `
${
  scaled
    ? `${loadScales('s', '(g / 8u) * u.scaleStride4 + row / 4u')}
  let scale = select(select(s0, s1, (row & 1u) != 0u), select(s2, s3, (row & 1u) != 0u), (row & 2u) != 0u);`
    : '  let scale = 1.0;'
}
  let coded = w[row * u.weightStride + g];
  result[at] = decode0(coded) * scale;
  if (g * 2u + 1u < u.stride4) { result[at + 1u] = decode1(coded) * scale; }`
}`,
  }));
  for (const block of matrix.blocks) {
    recorder.dispatch(
      program,
      [...blockTensors(block), index, out],
      {
        rows,
        stride4: columns / 4,
        firstRow: block.firstRow,
        blockRows: block.rows,
        ...weightUniforms(matrix, block),
      },
      rows * Math.ceil(columns / 8),
    );
  }
}

/** out[i] = source[index[first + i]] for `rows` rows of `stride` elements (a multiple of 4). Overwrites out. */
export function gatherRows(
  recorder: Recorder,
  source: GpuTensor, // [*, stride]
  index: GpuTensor, // u32
  out: GpuTensor, // [rows, stride]
  { rows, stride, first = 0 }: RowMove,
): void {
  const program = kernel('gatherRows', () => ({
    bindings: {
      source: ['array<vec4f>', 'read'],
      index: ['array<u32>', 'read'],
      result: ['array<vec4f>', 'read_write'],
    },
    uniforms: { count: 'u32', stride4: 'u32', first: 'u32' },
    body: `
  if (threadIndex >= u.count) { return; }
  result[threadIndex] = source[index[u.first + threadIndex / u.stride4] * u.stride4 + threadIndex % u.stride4];`,
  }));
  moveRows(recorder, program, [source, index, out], { rows, stride, first });
}

/** out[index[first + i]] = source[i]: the way back of gatherRows. Indices are distinct; other rows stay as they are. */
export function scatterRows(
  recorder: Recorder,
  source: GpuTensor, // [rows, stride]
  index: GpuTensor, // u32
  out: GpuTensor, // [*, stride]
  { rows, stride, first = 0 }: RowMove,
): void {
  const program = kernel('scatterRows', () => ({
    bindings: {
      source: ['array<vec4f>', 'read'],
      index: ['array<u32>', 'read'],
      result: ['array<vec4f>', 'read_write'],
    },
    uniforms: { count: 'u32', stride4: 'u32', first: 'u32' },
    body: `
  if (threadIndex >= u.count) { return; }
  result[index[u.first + threadIndex / u.stride4] * u.stride4 + threadIndex % u.stride4] = source[threadIndex];`,
  }));
  moveRows(recorder, program, [source, index, out], { rows, stride, first });
}

interface RowMove {
  readonly rows: number;
  readonly stride: number;
  readonly first?: number;
}

function moveRows(
  recorder: Recorder,
  program: Kernel,
  tensors: readonly GpuTensor[],
  { rows, stride, first }: Required<RowMove>,
): void {
  const count = (rows * stride) / 4;
  recorder.dispatch(program, tensors, { count, stride4: stride / 4, first }, count);
}
