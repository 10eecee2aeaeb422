/**
 * What the attention kernels share: a thread owns neighbouring rows of one head and walks the rows they interact with
 * four at a time, as matrices of four columns. With `quads` the four threads of a quad walk the same four and each
 * loads one of them (kernels/quad.ts); otherwise a thread loads all four.
 */
import { matrixOf, unroll, type KernelSpec } from '../device/kernel.ts';
import type { Recorder } from '../device/recorder.ts';
import { laneOf, quadFeatures, quadSize, swapped } from './quad.ts';

/** Bindings and uniforms of the kernels for both kinds of threads: with a row each, and sharing one (attention-lanes.ts). */
export const forwardBindings: KernelSpec['bindings'] = {
  q: ['array<vec4f>', 'read'],
  kv: ['array<vec4f>', 'read'],
  ranges: ['array<vec2u>', 'read'],
  o: ['array<vec4f>', 'read_write'],
  lse: ['array<f32>', 'read_write'],
};
export const forwardUniforms = {
  m: 'u32',
  heads: 'u32',
  group: 'u32',
  qStride4: 'u32',
  kvStride4: 'u32',
  k4: 'u32',
  v4: 'u32',
  scale: 'f32',
} as const;

const gradientBindings = (visible: KernelSpec['bindings']): KernelSpec['bindings'] => ({
  qkv: ['array<vec4f>', 'read'],
  ...visible,
  dO: ['array<vec4f>', 'read'],
  lse: ['array<f32>', 'read'],
  delta: ['array<f32>', 'read'],
  dQkv: ['array<vec4f>', 'read_write'],
});
/** Queries are told the keys they see, keys the end of the queries that see them. */
export const queryBindings = gradientBindings({ ranges: ['array<vec2u>', 'read'] });
export const keyBindings = gradientBindings({ segmentEnds: ['array<u32>', 'read'] });
export const gradientUniforms = {
  m: 'u32',
  heads: 'u32',
  group: 'u32',
  stride4: 'u32',
  k4: 'u32',
  v4: 'u32',
  scale: 'f32',
} as const;

export interface AttentionTile {
  readonly d4: number; // vec4s of a head
  readonly rows: number; // per thread
  readonly quads: boolean;
}

/** Two quads: a workgroup never spans two heads, so that all of it returns or none. */
const quadWorkgroup = 8;

export const tileKey = ({ d4, rows, quads }: AttentionTile): string =>
  `d=${d4 * 4} rows=${rows} quads=${quads}`;

export const tileSetup = ({ quads }: AttentionTile): { workgroupSize: number; enable: string[] } => ({
  workgroupSize: quads ? quadWorkgroup : 64,
  enable: quadFeatures(quads),
});

/** One row a thread, nothing shared. */
export const singleRow = (headSize: number): AttentionTile => ({
  d4: headSize / 4,
  rows: 1,
  quads: false,
});

/**
 * The tile for heads of this size. Where loads are dear (in software) a thread owns as many rows as compile in
 * a second or two and shares loads; elsewhere one row a thread keeps more threads busy.
 * `tensorsPerRow`: how many vectors of the head's size a row keeps in registers.
 */
export function attentionTile(recorder: Recorder, headSize: number, tensorsPerRow: number): AttentionTile {
  if (!recorder.isSoftware) return singleRow(headSize);
  const registers = headSize > 64 ? 256 : 512;
  const rows = 2 ** Math.floor(Math.log2(registers / (headSize * tensorsPerRow)));
  return { d4: headSize / 4, rows: Math.max(1, Math.min(4, rows)), quads: recorder.matmul.quads };
}

/** Threads for m rows of every head. */
export const tileThreads = ({ rows, quads }: AttentionTile, m: number, heads: number): number => {
  const perHead = Math.ceil(m / rows);
  return (quads ? Math.ceil(perHead / quadWorkgroup) * quadWorkgroup : perHead) * heads;
};

/** Declares `head`, `firstRow` and `lane`. */
export function tilePlace({ rows, quads }: AttentionTile, heads: string): string {
  const blocks = `(u.m + ${rows - 1}u) / ${rows}u`;
  const perHead = quads
    ? `(${blocks} + ${quadWorkgroup - 1}u) / ${quadWorkgroup}u * ${quadWorkgroup}u`
    : blocks;
  return `
  let perHead = ${perHead};
  let head = threadIndex / perHead;
  let firstRow = (threadIndex % perHead) * ${rows}u;
  if (head >= ${heads}) { return; }
${laneOf(quads)}`;
}

/** Declares `first` and `end`: what the rows of the thread see, or of all threads that walk together. */
export function tileRange(
  { rows, quads }: AttentionTile,
  first: (i: number) => string,
  end: (i: number) => string,
): string {
  const over = (name: string, value: (i: number) => string): string =>
    Array.from({ length: rows }, (_, i) => value(i)).reduce((a, b) => `${name}(${a}, ${b})`);
  const [lowest, highest] = [over('min', first), over('max', end)];
  return quads
    ? `  let first = subgroupMin(${lowest});\n  let end = subgroupMax(${highest});`
    : `  let first = ${lowest};\n  let end = ${highest};`;
}

/** Declares `${name}0` … : element offsets of the rows at …, `at(row)`, that this thread loads; rows stop at `end`. */
export function fourStarts(
  { quads }: AttentionTile,
  name: string,
  walker: string,
  at: (row: string) => string,
): string {
  return unroll(quads ? 1 : quadSize, (t) => {
    const row = quads ? `${walker} + lane` : `${walker} + ${t}u`;
    return `  let ${name}${t} = ${at(`min(${row}, end - 1u)`)};`;
  });
}

/** Loads vec4 `index` of the four rows into `${name}_0` … `${name}_3`: in a quad each thread has them in its own order. */
export function loadFour(
  { quads }: AttentionTile,
  name: string,
  source: string,
  starts: string,
  index: string,
): string {
  if (!quads) return unroll(quadSize, (t) => `  let ${name}_${t} = ${source}[${starts}${t} + ${index}];`);
  return `  let ${name}_0 = ${source}[${starts}0 + ${index}];
${[1, 2, 3].map((t) => `  let ${name}_${t} = ${swapped(`${name}_0`, t)};`).join('\n')}`;
}

/** Declares `name`: which of the four rows, in the order of `loadFour`, lie in [first, end). */
export const fourWithin = (name: string, walker: string, first: string, end: string): string => {
  const four = `(vec4u(${walker}) + (vec4u(lane) ^ vec4u(0u, 1u, 2u, 3u)))`;
  return `  let ${name} = (${four} >= vec4u(${first})) & (${four} < vec4u(${end}));`;
};

/** What `loadFour` loaded, as the columns of a matrix. */
export const fourColumns = (name: string): string => matrixOf((t) => `${name}_${t}`);
