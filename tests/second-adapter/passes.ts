/** The passes over the same GPU tests, each with what it withholds from the engine. */
export interface Pass {
  readonly name: string;
  /** Features shown to the engine where the adapter has them. */
  readonly features: readonly string[];
  /** The adapter's name is hidden, so the engine takes the paths it takes on a real GPU. */
  readonly asHardware: boolean;
  readonly files: readonly string[];
  /** Dawn is started with features that are not safe for the web yet. */
  readonly unsafe?: boolean;
}

const kernels = ['tests/gpu/kernels.test.ts', 'tests/gpu/matmul.test.ts'];
const engine = [
  'tests/gpu/goldens.test.ts',
  'tests/gpu/packing.test.ts',
  'tests/gpu/dropout-gradient.test.ts',
];
const own = ['tests/second-adapter/*.test.ts'];
const optional = ['shader-f16', 'subgroups'];

export const passes = [
  { name: 'all-features', features: optional, asHardware: false, files: [...kernels, ...engine, ...own] },
  { name: 'as-hardware', features: optional, asHardware: true, files: [...kernels, ...engine, ...own] },
  {
    name: 'matrix',
    features: [...optional, 'chromium-experimental-subgroup-matrix'],
    asHardware: true,
    files: ['tests/second-adapter/matrix/*.test.ts'],
    unsafe: true,
  },
  { name: 'no-features', features: [], asHardware: false, files: [...kernels, 'tests/gpu/goldens.test.ts'] },
] as const satisfies readonly Pass[];

export function passOf(name: string | undefined): Pass {
  const found = passes.find((pass) => pass.name === name);
  if (found === undefined) throw new Error(`no pass "${name}"`);
  return found;
}

/** WebGPU's own defaults of the limits the engine asks for (device/open-device.ts): no pass has more. */
export const defaultLimits = {
  maxBufferSize: 256 * 2 ** 20,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
} as const;
