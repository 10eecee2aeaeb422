/**
 * A frozen weight matrix as it lies on the GPU, and the WGSL that reads eight neighbouring weights of a row from it.
 *
 *   f32   as is
 *   f16   two values to a u32, read with unpack2x16float: needs no feature
 *   int8  symmetric: code · scale, |code| ≤ 127, scale = absmax / 127 of 64 neighbours in a row (LLM.int8 without outliers)
 *   nf4   QLoRA's 4-bit code book (arXiv 2305.14314, appendix E): book[code] · absmax of 64 neighbours in a row
 *
 * Scales are f16, [blocks of 64 columns, rows]: four neighbouring rows are one load in both directions of the product.
 * A matrix that is larger than a binding may be is split by rows into blocks.
 */
import type { GpuMemory, GpuTensor, TensorSpec } from '../device/gpu-memory.ts';

export const weightFormats = ['f32', 'f16', 'int8', 'nf4'] as const;
export type WeightFormat = (typeof weightFormats)[number];

export interface WeightBlock {
  readonly firstRow: number;
  readonly rows: number;
  readonly data: GpuTensor;
  readonly scales: GpuTensor | null; // f16 pairs [columnBlocks, rowsPadded]; int8 and nf4 only
}

export interface WeightMatrix {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly columns: number; // a multiple of 4, pads zero
  readonly blocks: readonly WeightBlock[];
}

/** Values that share a scale; the block size of QLoRA. */
export const quantBlock = 64;

export const nf4Book: readonly number[] = [
  -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
  -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
  0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
];

/** Elements of a stored row: the true columns, padded. */
export function storedColumns(format: WeightFormat, columns: number): number {
  return format === 'f32' ? columns : Math.ceil(columns / quantBlock) * quantBlock;
}

const bytesPerEight: Record<WeightFormat, number> = { f32: 32, f16: 16, int8: 8, nf4: 4 };
const hasScales = (format: WeightFormat): boolean => format === 'int8' || format === 'nf4';
/** Rows of the scale table: whole u32s, and the columns of a tile in one load. */
export const scaleRows = (rows: number): number => Math.ceil(rows / 8) * 8;

/** What a matrix allocates: its blocks by rows, so that no binding is above `maxBindingBytes`. */
export function weightSpecs(
  label: string,
  format: WeightFormat,
  rows: number,
  columns: number,
  maxBindingBytes: number,
): {
  readonly firstRow: number;
  readonly rows: number;
  readonly data: TensorSpec;
  readonly scales: TensorSpec | null;
}[] {
  const stored = storedColumns(format, columns);
  const rowBytes = (stored / 8) * bytesPerEight[format];
  const perBlock = Math.min(rows, Math.max(8, Math.floor(maxBindingBytes / rowBytes / 8) * 8));
  return Array.from({ length: Math.ceil(rows / perBlock) }, (_, i) => {
    const count = Math.min(perBlock, rows - i * perBlock);
    return {
      firstRow: i * perBlock,
      rows: count,
      data: {
        label,
        shape: [count, rowBytes / 4],
        dtype: format === 'f32' ? ('f32' as const) : ('u32' as const),
      },
      scales: hasScales(format)
        ? {
            label: `${label} scales`,
            shape: [stored / quantBlock, scaleRows(count) / 2],
            dtype: 'u32' as const,
          }
        : null,
    };
  });
}

/** Caller disposes; `quantise` (kernels/quantise.ts) fills it. */
export function allocWeights(
  memory: GpuMemory,
  label: string,
  format: WeightFormat,
  rows: number,
  columns: number,
): WeightMatrix {
  const blocks = weightSpecs(label, format, rows, columns, memory.maxTensorBytes).map((block) => ({
    firstRow: block.firstRow,
    rows: block.rows,
    data: memory.allocSpec(block.data),
    scales: block.scales === null ? null : memory.allocSpec(block.scales),
  }));
  return { format, rows, columns, blocks };
}

/** An f32 tensor of any origin (a LoRA factor, a test's array) as a matrix. */
export function asMatrix(tensor: GpuTensor, rows: number, columns: number): WeightMatrix {
  return { format: 'f32', rows, columns, blocks: [{ firstRow: 0, rows, data: tensor, scales: null }] };
}

export const weightTensors = ({ blocks }: WeightMatrix): GpuTensor[] =>
  blocks.flatMap(({ data, scales }) => (scales === null ? [data] : [data, scales]));

/** The bindings of a block, in this order, and their tensors. */
export function weightBindings(format: WeightFormat): Record<string, readonly [string, 'read']> {
  const type = { f32: 'vec4f', f16: 'vec4u', int8: 'vec2u', nf4: 'u32' }[format];
  return {
    w: [`array<${type}>`, 'read'],
    ...(hasScales(format) ? { scales: ['array<vec2u>', 'read'] as const } : {}),
  };
}
export const blockTensors = ({ data, scales }: WeightBlock): GpuTensor[] =>
  scales === null ? [data] : [data, scales];

/** The uniforms `weightStride` (groups of eight per row; vec4s for f32) and `scaleStride4` of a block. */
export function weightUniforms(
  { format, columns }: WeightMatrix,
  { rows }: WeightBlock,
): { readonly weightStride: number; readonly scaleStride4: number } {
  return {
    weightStride: format === 'f32' ? columns / 4 : storedColumns(format, columns) / 8,
    scaleStride4: scaleRows(rows) / 4,
  };
}

const f32Literal = (value: number): string => {
  const text = String(Math.fround(value));
  return text.includes('.') || text.includes('e') ? text : `${text}.0`;
};

/** Sixteen values by four bits: a tree of selects, since an indexed table is a memory access on every GPU. */
function nf4Tree(): string {
  let level = nf4Book.map((value) => `vec4f(${f32Literal(value)})`);
  const lines: string[] = [];
  for (let bit = 0; level.length > 1; bit++) {
    const next: string[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const name = `t${bit}_${i / 2}`;
      lines.push(`  let ${name} = select(${level[i]}, ${level[i + 1]}, b${bit});`);
      next.push(name);
    }
    level = next;
  }
  return lines.join('\n') + `\n  return ${level[0]};`;
}

/** Module-scope WGSL: `decode0` and `decode1` give weights 0–3 and 4–7 of a stored group of eight, unscaled. */
export function weightHeader(format: WeightFormat): string {
  switch (format) {
    case 'f32':
      return '';
    case 'f16':
      return `
fn decode0(g: vec4u) -> vec4f { return vec4f(unpack2x16float(g.x), unpack2x16float(g.y)); }
fn decode1(g: vec4u) -> vec4f { return vec4f(unpack2x16float(g.z), unpack2x16float(g.w)); }`;
    case 'int8':
      return `
fn signed(v: u32) -> vec4f { return vec4f(bitcast<vec4i>(vec4u(v) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u)); }
fn decode0(g: vec2u) -> vec4f { return signed(g.x); }
fn decode1(g: vec2u) -> vec4f { return signed(g.y); }`;
    case 'nf4':
      return `
fn book(v: u32) -> vec4f {
  let code = vec4u(v) >> vec4u(0u, 4u, 8u, 12u);
  let b0 = (code & vec4u(1u)) != vec4u();
  let b1 = (code & vec4u(2u)) != vec4u();
  let b2 = (code & vec4u(4u)) != vec4u();
  let b3 = (code & vec4u(8u)) != vec4u();
${nf4Tree()}
}
fn decode0(g: u32) -> vec4f { return book(g); }
fn decode1(g: u32) -> vec4f { return book(g >> 16u); }`;
    default:
      return format satisfies never;
  }
}

/** `${name}0` … `${name}3`: the scales of four neighbouring rows, from the pair of u32 at `index` of the table. */
export function loadScales(name: string, index: string): string {
  return `
    let ${name}Pair = scales[${index}];
    let ${name}Low = unpack2x16float(${name}Pair.x);
    let ${name}High = unpack2x16float(${name}Pair.y);
    let ${name}0 = ${name}Low.x;
    let ${name}1 = ${name}Low.y;
    let ${name}2 = ${name}High.x;
    let ${name}3 = ${name}High.y;`;
}
export const isScaled = hasScales;
