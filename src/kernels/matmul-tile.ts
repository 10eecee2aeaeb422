/**
 * Matrix products from registers, without workgroup memory or barriers: a thread computes rows × columns named
 * accumulators. With subgroups, `share` neighbouring threads own neighbouring columns of the same rows: each loads
 * its part of the rows and broadcasts it, which matters where a load costs as much as dozens of multiply-adds.
 *
 * The order of every sum is the inner dimension from first to last, in every variant; a sum that goes on (an addend,
 * the next block of a split matrix, the low-rank update) starts from what is there. So neither the variant nor the
 * split changes a bit of the result on adapters that compute dot products alike.
 */
import { kernel, unroll, type Kernel, type KernelSpec, type UniformType } from '../device/kernel.ts';
import { isScaled, loadScales, weightBindings, weightHeader, type WeightFormat } from './weight-matrix.ts';

export interface TileShape {
  readonly share: number; // threads that share rows; 1: none
  readonly loaders: number; // of which so many load different rows
  readonly rows: number; // a multiple of loaders
  readonly columns: number; // per thread, a multiple of 4
  readonly workgroupSize: number;
}

/** What a product starts from, a choice of each launch: each choice as a kernel of its own would be dear to compile. */
export const startFrom = { nothing: 0, self: 1, addend: 2 } as const;

/** The most adapters that share an input: q, k, v. */
export const maxSlots = 3;

const enable = ({ share }: TileShape): string[] => (share > 1 ? ['subgroups'] : []);

/** `m0`, the tile's first row, and `column`, the thread's first column; `lane` is only used with subgroups. */
function prologue(shape: TileShape, columns: string): string {
  const { share, rows } = shape;
  const width = shape.columns * share;
  return `
  let rowBlocks = (u.m + ${rows - 1}u) / ${rows}u;
  let tile = threadIndex / ${share}u;
  let m0 = (tile % rowBlocks) * ${rows}u;
  let column = (tile / rowBlocks) * ${width}u + (lid.x % ${share}u) * ${shape.columns}u;
${share > 1 ? `  let lane = subgroupLane % ${shape.loaders}u;` : `  if (column >= ${columns}) { return; }`}`;
}

/** The starts of the rows this thread loads. */
const rowStarts = (shape: TileShape, name: string, start: (row: string) => string): string => {
  const { loaders } = shape;
  return shape.share > 1
    ? unroll(
        shape.rows / loaders,
        (i) => `  let ${name}${i} = ${start(`min(m0 + ${i * loaders}u + lane, u.m - 1u)`)};`,
      )
    : unroll(shape.rows, (i) => `  let ${name}${i} = ${start(`min(m0 + ${i}u, u.m - 1u)`)};`);
};

/** Loads `name0`… from `source` at the row starts plus `at`, once per thread that loads. */
const loadRows = (shape: TileShape, name: string, source: string, starts: string, at: string): string =>
  unroll(
    shape.share > 1 ? shape.rows / shape.loaders : shape.rows,
    (i) => `    let ${name}${i} = ${source}[${starts}${i} + ${at}];`,
  );

/** Vec4s of rows that a thread loads at each step. */
const loadedRows = ({ share, loaders, rows }: TileShape): number => (share > 1 ? rows / loaders : rows);

const rowValue = (shape: TileShape, name: string, i: number): string => {
  const { loaders } = shape;
  return shape.share > 1
    ? `subgroupBroadcast(${name}${Math.floor(i / loaders)}, ${i % loaders}u)`
    : `${name}${i}`;
};

/** A tile and the format of its frozen weights: all that a product's code depends on. */
export interface TileSpec extends TileShape {
  readonly format: WeightFormat;
}

/** Bindings of every forward product: eight with scales, which is what every adapter has. Unused ones get any tensor. */
export const linearBindings = (format: WeightFormat): KernelSpec['bindings'] => ({
  x: ['array<vec4f>', 'read'],
  ...weightBindings(format),
  bias: ['array<vec4f>', 'read'],
  addend: ['array<vec4f>', 'read'],
  low: ['array<vec4f>', 'read'],
  b: ['array<vec4f>', 'read'],
  y: ['array<vec4f>', 'read_write'],
});

/** Uniforms of every forward product. `start` is one of `startFrom`; without an update `slots` is 0. */
export const linearUniforms: Record<string, UniformType> = {
  m: 'u32',
  n: 'u32',
  k4: 'u32',
  weightStride: 'u32',
  scaleStride4: 'u32',
  yStride4: 'u32',
  yColumn: 'u32',
  hasBias: 'u32',
  start: 'u32',
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

/** Uniforms of every product with the transposed weight. Without an update `low4` is 0. */
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
};

/** y[M, N] = x[M, K] · W[N, K]ᵀ (+ bias) (+ addend) (+ scale · low · Bᵀ). */
export function linearTile(spec: TileSpec): Kernel {
  const { share, loaders, rows, columns, workgroupSize, format } = spec;
  const key = `linear ${format} ${rows}x${columns} share=${share}/${loaders} wg=${workgroupSize}`;
  const quads = columns / 4;
  /** One step: `weights` are vec4 names per column, `x` the loaded rows. */
  const multiply = (loaded: readonly string[], weight: (step: number, j: number) => string): string =>
    unroll(
      rows,
      (i) => `    {
${loaded.map((name, step) => `      let x${step} = ${rowValue(spec, name, i)};`).join('\n')}
${unroll(columns, (j) => `      c${i}_${j} = c${i}_${j}${loaded.map((_, step) => ` + dot(x${step}, ${weight(step, j)})`).join('')};`)}
    }`,
    );
  const weightRow = (j: number): string => `min(column + ${j}u, u.n - 1u)`;

  const loraStarts = `
${rowStarts(spec, 'lowRow', (row) => `${row} * u.lowStride4`)}
${unroll(columns, (j) => `  var slot${j} = ${maxSlots}u; var bRow${j} = 0u;`)}
${unroll(maxSlots, (s) =>
  unroll(
    columns,
    (j) =>
      `  if (u.yColumn + column + ${j}u >= u.slotColumn${s} && u.yColumn + column + ${j}u < u.slotEnd${s}) { slot${j} = ${s}u; bRow${j} = u.slotB4_${s} + (u.yColumn + column + ${j}u - u.slotColumn${s}) * u.r4; }`,
  ),
)}`;
  // One loop for the frozen and the low-rank part: the unrolled products are most of the code to compile.
  const mainLoop =
    format === 'f32'
      ? `
${unroll(columns, (j) => `  let wRow${j} = ${weightRow(j)} * u.weightStride;`)}
${loraStarts}
  for (var k = 0u; k < u.k4 + u.slots * u.r4; k++) {
${unroll(columns, (j) => `    var w${j}: vec4f;`)}
${unroll(loadedRows(spec), (i) => `    var xk${i}: vec4f;`)}
    if (k < u.k4) {
${unroll(columns, (j) => `    w${j} = w[wRow${j} + k];`)}
${unroll(loadedRows(spec), (i) => `    xk${i} = x[xRow${i} + k];`)}
    } else {
      let step = k - u.k4;
      let s = step / u.r4;
${unroll(columns, (j) => `      w${j} = select(vec4f(), b[bRow${j} + step % u.r4], slot${j} == s) * u.loraScale;`)}
${unroll(loadedRows(spec), (i) => `      xk${i} = low[lowRow${i} + u.lowColumn4 + step];`)}
    }
${multiply(['xk'], (_, j) => `w${j}`)}
  }`
      : `
${unroll(columns, (j) => `  let wRow${j} = ${weightRow(j)} * u.weightStride;`)}
  let groups = (u.k4 + 1u) / 2u;
  for (var block = 0u; block < groups; block += 8u) {
${isScaled(format) ? unroll(quads, (q) => loadScales(`s${q}_`, `(block / 8u) * u.scaleStride4 + column / 4u + ${q}u`)) : ''}
    let blockEnd = min(block + 8u, groups);
    for (var g = block; g < blockEnd; g++) {
${unroll(columns, (j) => {
  const scale = isScaled(format) ? ` * s${Math.floor(j / 4)}_${j % 4}` : '';
  return `      let g${j} = w[wRow${j} + g];
      let w0_${j} = decode0(g${j})${scale};
      let w1_${j} = decode1(g${j})${scale};`;
})}
      // past the last column the weights are zero pads: any x will do
      let second = min(g * 2u + 1u, u.k4 - 1u);
${loadRows(spec, 'xa', 'x', 'xRow', 'g * 2u')}
${loadRows(spec, 'xb', 'x', 'xRow', 'second')}
${multiply(['xa', 'xb'], (step, j) => `w${step}_${j}`)}
    }
  }`;

  const loraLoop = `${loraStarts}
  for (var s = 0u; s < u.slots; s++) {
    for (var r = 0u; r < u.r4; r++) {
${unroll(columns, (j) => `      let b${j} = select(vec4f(), b[bRow${j} + r], slot${j} == s) * u.loraScale;`)}
${loadRows(spec, 'lk', 'low', 'lowRow', 'u.lowColumn4 + s * u.r4 + r')}
${multiply(['lk'], (_, j) => `b${j}`)}
    }
  }`;

  return kernel(key, () => ({
    enable: enable(spec),
    header: weightHeader(format),
    workgroupSize,
    bindings: linearBindings(format),
    uniforms: linearUniforms,
    body: `${prologue(spec, 'u.n')}
${rowStarts(spec, 'xRow', (row) => `${row} * u.k4`)}
${unroll(rows, (i) => unroll(columns, (j) => `  var c${i}_${j} = 0.0;`))}
${loadStart(rows, quads)}
${mainLoop}
${format === 'f32' ? '' : loraLoop}
${unroll(
  rows,
  (i) => `  if (m0 + ${i}u < u.m) {
    let at = (m0 + ${i}u) * u.yStride4 + (u.yColumn + column) / 4u;
${unroll(quads, (q) => `    if (column + ${q * 4}u < u.n) { y[at + ${q}u] = vec4f(c${i}_${q * 4}, c${i}_${q * 4 + 1}, c${i}_${q * 4 + 2}, c${i}_${q * 4 + 3}); }`)}
  }`,
)}`,
  }));
}

function loadStart(rows: number, quads: number): string {
  return `  if (u.hasBias + u.start > 0u) {
${unroll(
  rows,
  (i) => `    if (m0 + ${i}u < u.m) {
      let at = (m0 + ${i}u) * u.yStride4 + (u.yColumn + column) / 4u;
${unroll(
  quads,
  (q) => `      if (column + ${q * 4}u < u.n) {
        var start = vec4f();
        if (u.start == ${startFrom.self}u) { start = y[at + ${q}u]; }
        if (u.start == ${startFrom.addend}u) { start = addend[at + ${q}u]; }
        if (u.hasBias != 0u) { start += bias[(u.yColumn + column) / 4u + ${q}u]; }
${unroll(4, (j) => `        c${i}_${q * 4 + j} = start[${j}];`)}
      }`,
)}
    }`,
)}
  }`;
}

/** dx[M, K] = dy[M, N] · W[N, K] (+ dx) (+ du · A). A thread owns `columns` neighbouring columns of dx. */
export function linearDxTile(spec: TileSpec): Kernel {
  const { share, loaders, rows, columns, workgroupSize, format } = spec;
  const quads = columns / 4;
  const key = `linearDx ${format} ${rows}x${columns} share=${share}/${loaders} wg=${workgroupSize}`;
  const multiply = (name: string, weight: (r: number, q: number) => string): string =>
    unroll(
      rows,
      (i) => `    {
      let d = ${rowValue(spec, name, i)}${name === 'dk' && format !== 'f32' ? ' * u.scale' : ''};
${unroll(quads, (q) => `      c${i}_${q} = c${i}_${q} + d.x * ${weight(0, q)} + d.y * ${weight(1, q)} + d.z * ${weight(2, q)} + d.w * ${weight(3, q)};`)}
    }`,
    );
  const loadDense = (name: string, source: string, row: string): string =>
    unroll(4, (r) =>
      unroll(
        quads,
        (q) =>
          `    let ${name}${r}_${q} = ${source}[(${row} + ${r}u) * u.k4 + min(column / 4u + ${q}u, u.k4 - 1u)];`,
      ),
    );
  // One loop for the frozen and the low-rank part, as in the forward product.
  const fromRows = (source: string, starts: string, at: string, factor: string): string =>
    unroll(loadedRows(spec), (i) => `      dk${i} = ${source}[${starts}${i} + ${at}]${factor};`);
  const fromWeights = (source: string, row: string): string =>
    unroll(4, (r) =>
      unroll(
        quads,
        (q) => `      w${r}_${q} = ${source}[(${row} + ${r}u) * u.k4 + min(column / 4u + ${q}u, u.k4 - 1u)];`,
      ),
    );
  const denseStep = `
${unroll(loadedRows(spec), (i) => `    var dk${i}: vec4f;`)}
${unroll(4, (r) => unroll(quads, (q) => `    var w${r}_${q}: vec4f;`))}
    if (n < u.n4) {
${fromRows('dy', 'dyRow', 'n', ' * u.scale')}
${fromWeights('w', 'n * 4u')}
    } else {
      let l = n - u.n4;
${fromRows('du', 'duRow', 'l', '')}
${fromWeights('a', 'l * 4u')}
    }`;
  const loadCoded = `
${isScaled(format) ? loadScales('s', `(column / 64u) * u.scaleStride4 + n`) : ''}
${unroll(4, (r) => {
  const scale = isScaled(format) ? ` * s${r}` : '';
  return `    let g${r} = w[(n * 4u + ${r}u) * u.weightStride + min(column / 8u, u.weightStride - 1u)];
    let w${r}_0 = decode0(g${r})${scale};
    let w${r}_1 = decode1(g${r})${scale};`;
})}`;

  return kernel(key, () => ({
    enable: enable(spec),
    header: weightHeader(format),
    workgroupSize,
    bindings: linearDxBindings(format),
    uniforms: linearDxUniforms,
    body: `${prologue(spec, '(u.k4 * 4u)')}
${rowStarts(spec, 'dyRow', (row) => `${row} * u.dyStride4 + u.dyColumn4`)}
${unroll(rows, (i) => unroll(quads, (q) => `  var c${i}_${q} = vec4f();`))}
  if (u.accumulates != 0u) {
${unroll(rows, (i) => unroll(quads, (q) => `    if (m0 + ${i}u < u.m && column / 4u + ${q}u < u.k4) { c${i}_${q} = dx[(m0 + ${i}u) * u.dxStride4 + u.dxColumn4 + column / 4u + ${q}u]; }`))}
  }
${rowStarts(spec, 'duRow', (row) => `${row} * u.low4`)}
  for (var n = 0u; n < u.n4${format === 'f32' ? ' + u.low4' : ''}; n++) {
${format === 'f32' ? denseStep : `${loadRows(spec, 'dk', 'dy', 'dyRow', 'n')}\n${loadCoded}`}
${multiply('dk', (r, q) => `w${r}_${q}`)}
  }
${
  format !== 'f32'
    ? `
  for (var l = 0u; l < u.low4; l++) {
${loadRows(spec, 'uk', 'du', 'duRow', 'l')}
${loadDense('a', 'a', 'l * 4u')}
${multiply('uk', (r, q) => `a${r}_${q}`)}
  }`
    : ''
}
${unroll(
  rows,
  (i) => `  if (m0 + ${i}u < u.m) {
    let at = (m0 + ${i}u) * u.dxStride4 + u.dxColumn4 + column / 4u;
${unroll(quads, (q) => `    if (column / 4u + ${q}u < u.k4) { dx[at + ${q}u] = c${i}_${q}; }`)}
  }`,
)}`,
  }));
}
