/**
 * A kernel: WGSL made from one spec, with its bindings and uniforms declared once.
 * The declaration yields the WGSL text, the pipeline layout and the upload, so they cannot disagree.
 *
 * Work is a one-dimensional count of workgroups. The recorder lays it out in a grid and may split it into several
 * dispatches; `groupIndex` and `threadIndex` are the position in the whole, whatever the split.
 */
export type UniformType = 'u32' | 'i32' | 'f32';
export type Access = 'read' | 'read_write';

export interface BindingSpec {
  readonly name: string;
  readonly type: string; // e.g. "array<vec4f>"
  readonly access: Access;
}

export interface Kernel {
  readonly key: string; // unique per generated source
  readonly source: string;
  readonly bindings: readonly BindingSpec[];
  readonly uniforms: Readonly<Record<string, UniformType>>;
  readonly workgroupSize: number;
}

export interface KernelSpec {
  /** Name and every constant the body depends on: the cache key. */
  readonly key: string;
  readonly bindings: Readonly<Record<string, readonly [type: string, access: Access]>>;
  readonly uniforms: Readonly<Record<string, UniformType>>;
  /** Threads per workgroup, one-dimensional; 64 unless told otherwise. */
  readonly workgroupSize?: number;
  /** WGSL extensions, e.g. "subgroups"; the caller has made sure that the device has them. */
  readonly enable?: readonly string[];
  /** Module-scope helpers. */
  readonly header?: string;
  /**
   * Statements of `main`; sees `threadIndex` and `groupIndex` (of the whole work), `lid.x`, `u` (the uniforms) and,
   * with subgroups enabled, `subgroupLane`.
   */
  readonly body: string;
}

/** Workgroups per row of the grid: below the limit of 65,535 per dimension. */
export const gridRow = 32_768;

const made = new Map<string, Kernel>();

/** Builds the kernel once per key; later calls with the same key return the first. */
export function kernel(key: string, build: () => Omit<KernelSpec, 'key'>): Kernel {
  const known = made.get(key);
  if (known !== undefined) return known;
  const spec = build();
  const { workgroupSize = 64, enable = [] } = spec;
  const bindings = Object.entries(spec.bindings).map(([name, [type, access]]) => ({ name, type, access }));
  const uniforms: Record<string, UniformType> = { firstGroup: 'u32', ...spec.uniforms };
  const lane = enable.includes('subgroups') ? ', @builtin(subgroup_invocation_id) subgroupLane: u32' : '';
  const source = `
${enable.map((name) => `enable ${name};`).join('\n')}
${enable.includes('subgroups') ? 'diagnostic(off, subgroup_uniformity);' : '' /* kernels keep subgroups together, which the analysis cannot see */}
${enable.includes('chromium_experimental_subgroup_matrix') ? 'diagnostic(off, chromium.subgroup_matrix_uniformity);' : ''}
struct Uniforms { ${Object.entries(uniforms)
    .map(([name, type]) => `${name}: ${type},`)
    .join(' ')} };
@group(0) @binding(0) var<uniform> u: Uniforms;
${bindings.map(({ name, type, access }, i) => `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: ${type};`).join('\n')}
${spec.header ?? ''}
@compute @workgroup_size(${workgroupSize}, 1, 1)
fn main(@builtin(local_invocation_id) lid: vec3u, @builtin(workgroup_id) wid: vec3u${lane}) {
  let groupIndex = u.firstGroup + wid.y * ${gridRow}u + wid.x;
  let threadIndex = groupIndex * ${workgroupSize}u + lid.x;
${spec.body}
}`;
  const result: Kernel = { key, source, bindings, uniforms, workgroupSize };
  made.set(key, result);
  return result;
}

/** Text for i = 0 … count−1, joined by newlines: unrolled code with named registers. */
export function unroll(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}

/** A matrix of four named columns: v * M are four dot products, M * v is the weighted sum of the columns. */
export const matrixOf = (column: (i: number) => string): string =>
  `mat4x4f(${[0, 1, 2, 3].map(column).join(', ')})`;
