/**
 * Decoding a coded weight matrix once per product, a panel of rows at a time, instead of once per tile of rows:
 * with hundreds of stream rows the decoded panel serves all of them. The panel holds what the fused decoders would
 * compute, bit for bit, so using it does not change results.
 */
import type { GpuTensor } from '../device/gpu-memory.ts';
import { kernel } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import {
  asMatrix,
  blockTensors,
  isScaled,
  loadScales,
  storedColumns,
  weightBindings,
  weightHeader,
  weightUniforms,
  type WeightBlock,
  type WeightMatrix,
} from './weight-matrix.ts';

/** Stream rows from which decoding once is cheaper than in every tile: the fused kernels have tiles of four rows. */
const worthwhileRows = { registers: 16, tiles: 129 };

/** Rows of a panel where they fit: the columns that four threads own, so that no tile is mostly empty. */
const wholeTiles = 32;

/** Room for a panel, at most: small beside the weights, large enough that a panel's product fills the GPU. */
export const mostPanelBytes = 16 * 2 ** 20;

/** `work` on the matrix, or on decoded panels of it where there is a panel and enough stream rows. */
export function eachPanel(
  recorder: Recorder,
  matrix: WeightMatrix,
  m: number,
  work: (part: WeightMatrix, firstRow: number, isFirst: boolean, isLast: boolean) => void,
): void {
  const { panel } = recorder;
  // A tile in workgroup memory decodes for its 64 rows at once.
  const leastRows = recorder.matmul.workgroup ? worthwhileRows.tiles : worthwhileRows.registers;
  const isCoded = matrix.format !== 'f32';
  if (panel === null || !isCoded || m < leastRows) {
    matrix.blocks.forEach((block, i) =>
      work(
        { ...matrix, rows: block.rows, blocks: [{ ...block, firstRow: 0 }] },
        block.firstRow,
        i === 0,
        i === matrix.blocks.length - 1,
      ),
    );
    return;
  }
  const { columns } = matrix;
  const fitting = Math.floor(panel.byteSize / 4 / columns);
  const wholly = Math.max(8, fitting - (fitting % (fitting < wholeTiles ? 8 : wholeTiles)));
  const most = fitting < matrix.rows ? wholly : matrix.rows;
  for (const block of matrix.blocks) {
    for (let first = 0; first < block.rows; first += most) {
      const rows = Math.min(most, block.rows - first);
      decodeRows(recorder, matrix, block, first, rows, panel);
      const at = block.firstRow + first;
      work(asMatrix(panel, rows, columns), at, at === 0, at + rows === matrix.rows);
    }
  }
}

/** panel[rows, columns] = rows first … of the block, decoded. */
function decodeRows(
  recorder: Recorder,
  matrix: WeightMatrix,
  block: WeightBlock,
  first: number,
  rows: number,
  panel: GpuTensor,
): void {
  const { format, columns } = matrix;
  const program = kernel(`decodeRows ${format}`, () => ({
    header: weightHeader(format),
    bindings: { ...weightBindings(format), panel: ['array<vec4f>', 'read_write'] },
    uniforms: { rows: 'u32', first: 'u32', k4: 'u32', weightStride: 'u32', scaleStride4: 'u32' },
    // a thread decodes eight columns of four rows, whose scales are one load
    body: `
  let groups = (u.k4 + 1u) / 2u;
  let quad = threadIndex / groups;
  let g = threadIndex % groups;
  if (quad * 4u >= u.rows) { return; }
${isScaled(format) ? loadScales('s', '(g / 8u) * u.scaleStride4 + u.first / 4u + quad') : ['s0', 's1', 's2', 's3'].map((name) => `  let ${name} = 1.0;`).join('\n')}
${[0, 1, 2, 3]
  .map(
    (r) => `  if (quad * 4u + ${r}u < u.rows) {
    let coded = w[(u.first + quad * 4u + ${r}u) * u.weightStride + g];
    let at = (quad * 4u + ${r}u) * u.k4 + g * 2u;
    panel[at] = decode0(coded) * s${r};
    if (g * 2u + 1u < u.k4) { panel[at + 1u] = decode1(coded) * s${r}; }
  }`,
  )
  .join('\n')}`,
  }));
  recorder.dispatch(
    program,
    [...blockTensors(block), panel],
    { rows, first, k4: columns / 4, ...weightUniforms(matrix, block) },
    Math.ceil(rows / 4) * Math.ceil(storedColumns('f32', columns) / 8),
    rows * columns * 20,
  );
}
