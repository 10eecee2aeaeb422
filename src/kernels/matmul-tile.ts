/**
 * Matrix products from registers, without workgroup memory or barriers: a thread computes rows × columns of outputs in
 * named accumulators. With subgroups, the four threads of a quad own neighbouring columns of the same rows: each loads
 * every fourth row and swaps it with the others, which matters where a load costs as much as dozens of multiply-adds.
 * After a swap the threads of a quad hold each other's rows, so the same accumulator is another row in each of them.
 *
 * The order of every sum is the inner dimension from first to last, in every variant; a sum that goes on (an addend,
 * the next block of a split matrix, the low-rank update) starts from what is there. So neither the variant nor the
 * split changes a bit of the result on GPUs that compute dot products alike.
 */
import {
  kernel,
  matrixOf,
  unroll,
  type Kernel,
  type KernelSpec,
  type UniformType,
} from '../device/kernel.ts';
import { laneOf, quadFeatures, quadSize, swapped } from './quad.ts';
import { isScaled, loadScales, weightBindings, weightHeader, type WeightFormat } from './weight-matrix.ts';

export interface TileShape {
  readonly quads: boolean; // four threads share the rows they load
  readonly rows: number; // with quads a multiple of four
  readonly columns: number; // per thread, a multiple of 4
  readonly workgroupSize: number;
}

/** The most LoRA adapters that share an input: q, k, v. */
export const maxSlots = 3;

/** Threads that compute a tile, and so share its rows. */
export const threadsOf = ({ quads }: TileShape): number => (quads ? quadSize : 1);

/** Columns of a tile. */
export const sharedColumns = (shape: TileShape): number => shape.columns * threadsOf(shape);

/** `m0` and `tileColumn`, where the tile begins, and `column`, the thread's first. */
function prologue(shape: TileShape, columns: string): string {
  const { quads, rows } = shape;
  return `
${laneOf(quads)}
  let rowBlocks = (u.m + ${rows - 1}u) / ${rows}u;
  let tile = threadIndex / ${threadsOf(shape)}u;
  let m0 = (tile % rowBlocks) * ${rows}u;
  let tileColumn = (tile / rowBlocks) * ${sharedColumns(shape)}u;
  let column = tileColumn + lane * ${shape.columns}u;
${quads ? '' : `  if (column >= ${columns}) { return; }`}`;
}

/** Vec4s of rows that a thread loads at each step. */
const loadedRows = ({ quads, rows }: TileShape): number => (quads ? rows / quadSize : rows);

/** The starts of the rows this thread loads. */
const rowStarts = (shape: TileShape, name: string, start: (row: string) => string): string =>
  unroll(loadedRows(shape), (i) => {
    const row = shape.quads ? `m0 + ${i * quadSize}u + lane` : `m0 + ${i}u`;
    return `  let ${name}${i} = ${start(`min(${row}, u.m - 1u)`)};`;
  });

/** Loads `name0`… from `source` at the row starts plus `at`, once per thread that loads. */
const loadRows = (
  shape: TileShape,
  name: string,
  source: string,
  starts: string,
  at: string,
  factor = '',
): string =>
  unroll(loadedRows(shape), (i) => `    let ${name}${i} = ${source}[${starts}${i} + ${at}]${factor};`);

/** What accumulator i multiplies, and the row it belongs to. */
const rowValue = ({ quads }: TileShape, name: string, i: number): string =>
  quads ? swapped(`${name}${Math.floor(i / quadSize)}`, i % quadSize) : `${name}${i}`;
const rowOf = ({ quads }: TileShape, i: number): string =>
  quads ? `m0 + ${i - (i % quadSize)}u + (lane ^ ${i % quadSize}u)` : `m0 + ${i}u`;

/** A tile and the format of its frozen weights: all that a product's code depends on. */
interface TileSpec extends TileShape {
  readonly format: WeightFormat;
}

/** Bindings of every forward product: eight with scales, which is what every GPU has. Unused ones get any tensor. */
export const linearBindings = (format: WeightFormat): KernelSpec['bindings'] => ({
  x: ['array<vec4f>', 'read'],
  ...weightBindings(format),
  bias: ['array<vec4f>', 'read'],
  addend: ['array<vec4f>', 'read'],
  low: ['array<vec4f>', 'read'],
  b: ['array<vec4f>', 'read'],
  y: ['array<vec4f>', 'read_write'],
});

/** Uniforms of every forward product. Without an update `slots` is 0. */
export const linearUniforms: Record<string, UniformType> = {
  m: 'u32',
  n: 'u32',
  k4: 'u32',
  weightStride: 'u32',
  scaleStride4: 'u32',
  yStride4: 'u32',
  yColumn: 'u32',
  hasBias: 'u32',
  hasAddend: 'u32',
  ...Object.fromEntries(
    Array.from({ length: maxSlots }, (_, s) => [`slotColumn${s}`, `slotEnd${s}`, `slotB4_${s}`])
      .flat()
      .map((name) => [name, 'u32' as const]),
  ),
  slots: 'u32',
  r4: 'u32',
  lowStride4: 'u32',
  lowColumn4: 'u32',
  loraScale: 'f32',
};

/** Bindings of every product with the transposed weight. */
export const linearDxBindings = (format: WeightFormat): KernelSpec['bindings'] => ({
  dy: ['array<vec4f>', 'read'],
  ...weightBindings(format),
  du: ['array<vec4f>', 'read'],
  a: ['array<vec4f>', 'read'],
  dx: ['array<vec4f>', 'read_write'],
});

/** Uniforms of every product with the transposed weight. Without an update `low4` is 0; `partN4`: matmul-workgroup.ts. */
export const linearDxUniforms: Record<string, UniformType> = {
  m: 'u32',
  n4: 'u32',
  k4: 'u32',
  weightStride: 'u32',
  scaleStride4: 'u32',
  dyStride4: 'u32',
  dyColumn4: 'u32',
  dxStride4: 'u32',
  dxColumn4: 'u32',
  scale: 'f32',
  accumulates: 'u32',
  low4: 'u32',
  partN4: 'u32',
};

/** y[M, N] = x[M, K] · W[N, K]ᵀ (+ bias) (+ addend) (+ scale · low · Bᵀ). */
export function linearTile(spec: TileSpec): Kernel {
  const { rows, columns, workgroupSize, format } = spec;
  const key = `linear ${format} ${rows}x${columns} quads=${spec.quads} wg=${workgroupSize}`;
  const vectors = columns / 4;
  /** Adds the product of each loaded vec4 of a row (`x`) with the weights `w(step, column)`, also vec4s. */
  const multiply = (x: readonly string[], w: (step: number, j: number) => string): string =>
    unroll(
      rows,
      (i) => `    {
${x.map((name, step) => `      let x${step} = ${rowValue(spec, name, i)};`).join('\n')}
${unroll(vectors, (q) => `      c${i}_${q} = c${i}_${q}${x.map((_, step) => ` + x${step} * ${matrixOf((j) => w(step, q * 4 + j))}`).join('')};`)}
    }`,
    );

  // made only when the text is: a dispatch asks for the kernel, and finds it by its key
  const pair = (): string => `
      let second = min(g * 2u + 1u, u.k4 - 1u);
${loadPairs(format, columns)}
${loadRows(spec, 'xa', 'x', 'xRow', 'g * 2u')}
${loadRows(spec, 'xb', 'x', 'xRow', 'second', ' * f32(g * 2u + 1u < u.k4)')}
${multiply(['xa', 'xb'], (step, j) => `w${step}_${j}`)}`;
  // a scale is for 8 pairs of vec4s; a loop within a loop costs a sixth of the speed, so only where there are scales
  const mainLoop = (): string =>
    isScaled(format)
      ? `
  let pairs = (u.k4 + 1u) / 2u;
  for (var block = 0u; block < pairs; block += 8u) {
${unroll(vectors, (q) => loadScales(`s${q}_`, `(block / 8u) * u.scaleStride4 + column / 4u + ${q}u`))}
    let blockEnd = min(block + 8u, pairs);
    for (var g = block; g < blockEnd; g++) {${pair()}
    }
  }`
      : `
  for (var g = 0u; g * 2u < u.k4; g++) {${pair()}
  }`;

  return kernel(key, () => ({
    enable: quadFeatures(spec.quads),
    header: weightHeader(format),
    workgroupSize,
    bindings: linearBindings(format),
    uniforms: linearUniforms,
    body: `${prologue(spec, 'u.n')}
${unroll(rows, (i) => unroll(vectors, (q) => `  var c${i}_${q} = vec4f();`))}
${loadStart(spec)}
${rowStarts(spec, 'xRow', (row) => `${row} * u.k4`)}
${unroll(columns, (j) => `  let wRow${j} = min(column + ${j}u, u.n - 1u) * u.weightStride;`)}
${mainLoop()}
  if (u.slots != 0u) {
${rowStarts(spec, 'lowRow', (row) => `${row} * u.lowStride4 + u.lowColumn4`)}
${loraRows(spec)}
  for (var r = firstR; r < endR; r++) {
${unroll(vectors, (q) => `    let scale${q} = select(0.0, u.loraScale, r - firstOf${q} < u.r4);`)}
${unroll(columns, (j) => `    let b${j} = b[bRow${Math.floor(j / 4)} + ${j % 4}u * u.r4 + r] * scale${Math.floor(j / 4)};`)}
${loadRows(spec, 'lk', 'low', 'lowRow', 'r')}
${multiply(['lk'], (_, j) => `b${j}`)}
  }
  }
${unroll(
  rows,
  (i) => `  if (${rowOf(spec, i)} < u.m) {
    let at = (${rowOf(spec, i)}) * u.yStride4 + (u.yColumn + column) / 4u;
${unroll(vectors, (q) => `    if (column + ${q * 4}u < u.n) { y[at + ${q}u] = c${i}_${q}; }`)}
  }`,
)}`,
  }));
}

/**
 * For each vec4 of the thread's columns the first `r` of its adapter (`firstOf`; far away: none) and where its rows of B begin, less
 * that r, in u32 that wrap; and the range of `r` that the columns of the whole tile need: mostly one adapter's.
 */
const loraRows = (spec: TileSpec): string => `
  let tileFirst = u.yColumn + tileColumn;
  var firstR = u.slots * u.r4;
  var endR = 0u;
${unroll(spec.columns / 4, (q) => `  let n${q} = u.yColumn + column + ${q * 4}u;\n  var firstOf${q} = 0x80000000u;\n  var bRow${q} = 0u;`)}
${unroll(
  maxSlots,
  (s) => `  if (tileFirst < u.slotEnd${s} && tileFirst + ${sharedColumns(spec)}u > u.slotColumn${s}) {
    firstR = min(firstR, ${s}u * u.r4);
    endR = ${s + 1}u * u.r4;
${unroll(
  spec.columns / 4,
  (q) => `    let in${q} = n${q} >= u.slotColumn${s} && n${q} < u.slotEnd${s};
    firstOf${q} = select(firstOf${q}, ${s}u * u.r4, in${q});
    bRow${q} = select(bRow${q}, u.slotB4_${s} + (n${q} - u.slotColumn${s}) * u.r4 - ${s}u * u.r4, in${q});`,
)}
  }`,
)}`;

/** The weights of the thread's columns at vec4s 2g and 2g + 1 (`second`), which may be past the end: x is 0 there. */
const loadPairs = (format: WeightFormat, columns: number): string =>
  unroll(columns, (j) => {
    if (format === 'f32') {
      return `      let w0_${j} = w[wRow${j} + g * 2u];\n      let w1_${j} = w[wRow${j} + second];`;
    }
    const scale = isScaled(format) ? ` * s${Math.floor(j / 4)}_${j % 4}` : '';
    return `      let g${j} = w[wRow${j} + g];
      let w0_${j} = decode0(g${j})${scale};
      let w1_${j} = decode1(g${j})${scale};`;
  });

/** Few branches with much in each: with one per value SwiftShader took four seconds more to compile. */
function loadStart(spec: TileSpec): string {
  const vectors = spec.columns / 4;
  return `  if (u.hasAddend != 0u) {
${unroll(
  spec.rows,
  (i) => `    let startRow${i} = min(${rowOf(spec, i)}, u.m - 1u) * u.yStride4 + u.yColumn / 4u;
${unroll(vectors, (q) => `    c${i}_${q} = addend[startRow${i} + min(column / 4u + ${q}u, u.n / 4u - 1u)];`)}`,
)}
  }
  if (u.hasBias != 0u) {
${unroll(
  vectors,
  (q) => `    let bias${q} = bias[u.yColumn / 4u + min(column / 4u + ${q}u, u.n / 4u - 1u)];
${unroll(spec.rows, (i) => `    c${i}_${q} += bias${q};`)}`,
)}
  }`;
}

/** dx[M, K] = scale · (dy[M, N] · W[N, K] (+ dx) (+ du · A)). A thread owns `columns` neighbouring columns of dx. */
export function linearDxTile(spec: TileSpec): Kernel {
  const { rows, columns, workgroupSize, format } = spec;
  const vectors = columns / 4;
  const key = `linearDx ${format} ${rows}x${columns} quads=${spec.quads} wg=${workgroupSize}`;
  const multiply = (name: string, w: (r: number, q: number) => string): string =>
    unroll(
      rows,
      (i) => `    {
      let d = ${rowValue(spec, name, i)};
${unroll(vectors, (q) => `      c${i}_${q} = c${i}_${q} + ${matrixOf((r) => w(r, q))} * d;`)}
    }`,
    );
  const loadDense = (name: string, source: string, row: string): string =>
    unroll(4, (r) =>
      unroll(
        vectors,
        (q) =>
          `    let ${name}${r}_${q} = ${source}[(${row} + ${r}u) * u.k4 + min(column / 4u + ${q}u, u.k4 - 1u)];`,
      ),
    );
  const loadCoded = (): string => `
${isScaled(format) ? loadScales('s', `(column / 64u) * u.scaleStride4 + n`) : ''}
${unroll(4, (r) => {
  const scale = isScaled(format) ? ` * s${r}` : '';
  return `    let g${r} = w[(n * 4u + ${r}u) * u.weightStride + min(column / 8u, u.weightStride - 1u)];
    let w${r}_0 = decode0(g${r})${scale};
    let w${r}_1 = decode1(g${r})${scale};`;
})}`;

  return kernel(key, () => ({
    enable: quadFeatures(spec.quads),
    header: weightHeader(format),
    workgroupSize,
    bindings: linearDxBindings(format),
    uniforms: linearDxUniforms,
    body: `${prologue(spec, '(u.k4 * 4u)')}
${unroll(rows, (i) => unroll(vectors, (q) => `  var c${i}_${q} = vec4f();`))}
  if (u.accumulates != 0u) {
${unroll(
  rows,
  (i) => `    let startRow${i} = min(${rowOf(spec, i)}, u.m - 1u) * u.dxStride4 + u.dxColumn4;
${unroll(vectors, (q) => `    c${i}_${q} = dx[startRow${i} + min(column / 4u + ${q}u, u.k4 - 1u)];`)}`,
)}
  }
${rowStarts(spec, 'dyRow', (row) => `${row} * u.dyStride4 + u.dyColumn4`)}
  for (var n = 0u; n < u.n4; n++) {
${loadRows(spec, 'dk', 'dy', 'dyRow', 'n')}
${format === 'f32' ? loadDense('w', 'w', 'n * 4u') : loadCoded()}
${multiply('dk', (r, q) => `w${r}_${q}`)}
  }
  if (u.low4 != 0u) {
${rowStarts(spec, 'duRow', (row) => `${row} * u.low4`)}
  for (var l = 0u; l < u.low4; l++) {
${loadRows(spec, 'uk', 'du', 'duRow', 'l')}
${loadDense('a', 'a', 'l * 4u')}
${multiply('uk', (r, q) => `a${r}_${q}`)}
  }
  }
${unroll(
  rows,
  (i) => `  if (${rowOf(spec, i)} < u.m) {
    let at = (${rowOf(spec, i)}) * u.dxStride4 + u.dxColumn4 + column / 4u;
${unroll(vectors, (q) => `    if (column / 4u + ${q}u < u.k4) { dx[at + ${q}u] = c${i}_${q} * u.scale; }`)}
  }`,
)}`,
  }));
}
