/**
 * A kernel: WGSL made from one spec, with its bindings and uniforms declared once.
 * The declaration yields the WGSL text, the pipeline layout and the upload, so they cannot disagree.
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
}

export interface KernelSpec {
  /** Name and every constant the body depends on: the cache key. */
  readonly key: string;
  readonly bindings: Readonly<Record<string, readonly [type: string, access: Access]>>;
  readonly uniforms: Readonly<Record<string, UniformType>>;
  readonly workgroup: readonly [number, number, number];
  /** WGSL extensions, e.g. "subgroups"; the caller has made sure that the device has them. */
  readonly enable?: readonly string[];
  /** Module-scope helpers. */
  readonly header?: string;
  /** Statements of `main`; sees `gid`, `lid`, `wid` and `u` (the uniforms). */
  readonly body: string;
}

const made = new Map<string, Kernel>();

/** Builds the kernel once per key; later calls with the same key return the first. */
export function kernel(key: string, build: () => Omit<KernelSpec, 'key'>): Kernel {
  const known = made.get(key);
  if (known !== undefined) return known;
  const spec = build();
  const bindings = Object.entries(spec.bindings).map(([name, [type, access]]) => ({ name, type, access }));
  const source = `
${(spec.enable ?? []).map((name) => `enable ${name};`).join('\n')}
struct Uniforms { ${Object.entries(spec.uniforms)
    .map(([name, type]) => `${name}: ${type},`)
    .join(' ')} };
@group(0) @binding(0) var<uniform> u: Uniforms;
${bindings.map(({ name, type, access }, i) => `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: ${type};`).join('\n')}
${spec.header ?? ''}
@compute @workgroup_size(${spec.workgroup.join(', ')})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(local_invocation_id) lid: vec3u, @builtin(workgroup_id) wid: vec3u) {
${spec.body}
}`;
  const result: Kernel = { key, source, bindings, uniforms: spec.uniforms };
  made.set(key, result);
  return result;
}

/** Text for i = 0 … count−1, joined by newlines: unrolled code with named registers. */
export function unroll(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n');
}
