/** A process of its own: opens the adapter and prints what it is as one JSON line, or null. A crash of the driver stays in it. */
import { create } from 'webgpu';
import { describeAdapter } from '../../src/support/adapter-name.ts';

export interface Probed {
  readonly description: string;
  readonly isSoftware: boolean;
  readonly subgroupSizes: readonly [number, number] | null;
  readonly features: readonly string[];
  readonly bindingBytes: number;
}

// Features that are not for the web yet are listed too, as the Node host offers them (src/host/node/node-gpu.ts).
const toggles = [
  ...(process.platform === 'linux' ? ['backend=vulkan'] : []),
  'enable-dawn-features=allow_unsafe_apis',
];
const gpu = create(toggles);
const adapter = await gpu.requestAdapter();
const probed: Probed | null =
  adapter === null
    ? null
    : {
        description: adapter.info.description || adapter.info.device || 'unnamed adapter',
        isSoftware: describeAdapter(adapter.info).isSoftware,
        subgroupSizes: adapter.features.has('subgroups')
          ? [adapter.info.subgroupMinSize, adapter.info.subgroupMaxSize]
          : null,
        features: [...adapter.features].sort(),
        bindingBytes: adapter.limits.maxStorageBufferBindingSize,
      };
process.stdout.write(`${JSON.stringify(probed)}\n`, () => process.exit(0)); // Dawn's threads would keep Node alive
