/**
 * Runs before every test file of the second adapter: gives Node what the GPU tests expect of a browser, with Dawn on
 * a Vulkan driver behind `navigator.gpu`. What a pass withholds is withheld here, so that the engine under test is
 * unchanged: it asks for what the adapter says it has.
 */
import { create, globals } from 'webgpu';
import { pollPatiently } from '../../src/host/node/node-gpu.ts';
import { inject } from 'vitest';
import { defaultLimits, passOf, type Pass } from './passes.ts';

pollPatiently(); // the driver computes on the same processors
const pass: Pass = passOf(process.env['ALTTRAIN_PASS']);

/** A device name that no rule of ours takes for software, so that the code paths of real GPUs run. */
const disguise = { architecture: '', device: 'second adapter', description: '' };

function restricted(adapter: GPUAdapter): GPUAdapter {
  const features = new Set([...adapter.features].filter((name) => pass.features.includes(name)));
  const { vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize } = adapter.info;
  const { subgroupMatrixConfigs } = adapter.info as { readonly subgroupMatrixConfigs?: unknown };
  const names = { vendor, architecture, device, description };
  const info = { ...names, subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs };
  const limits: Record<string, number> = { ...defaultLimits };
  return {
    features,
    info: pass.asHardware ? { ...info, ...disguise } : info,
    limits,
    requestDevice: (descriptor?: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
  } as unknown as GPUAdapter;
}

Object.assign(globalThis, globals);
const dawn = create(['backend=vulkan', ...(pass.unsafe ? ['enable-dawn-features=allow_unsafe_apis'] : [])]);
const gpu = {
  requestAdapter: async (options?: GPURequestAdapterOptions) => {
    const adapter = await dawn.requestAdapter(options);
    return adapter === null ? null : restricted(adapter);
  },
};
const define = (name: string, value: unknown): void => {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
};
define('navigator', { userAgent: 'Node', gpu });
define('location', { origin: inject('fixtureOrigin') });
