/** WebGPU in Node: Dawn, from the npm package webgpu. The package is loaded with the first call, for it starts a driver. */
import { describeAdapter } from '../../support/adapter-name.ts';

/**
 * What Dawn offers only where it is asked for: matrices of subgroups, and half precision on NVIDIA cards, where browsers leave it
 * off. Neither is used before it has proved itself (device/tuner.ts).
 */
const toggles = ['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia'] as const;

/**
 * For a thread that is the trainer's own: WebGPU's constants, navigator.gpu and, for a software adapter, setImmediate are set
 * in its global scope. undefined: Dawn has no build for this machine.
 */
export async function openNodeGpu(): Promise<GPU | undefined> {
  try {
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    const gpu = create([...(process.platform === 'linux' ? ['backend=vulkan'] : []), ...toggles]);
    // tfjs refuses to start where navigator has no gpu, though it is handed its device.
    Object.defineProperty(globalThis, 'navigator', {
      value: { userAgent: `Node.js/${process.versions.node}`, gpu },
      configurable: true,
    });
    const adapter = await gpu.requestAdapter();
    if (adapter !== null && describeAdapter(adapter.info).isSoftware) pollPatiently();
    return gpu;
  } catch {
    return undefined;
  }
}

const pollMs = 1;

/**
 * Dawn asks its device whether something is done in a loop of setImmediate, which takes a whole processor. A graphics card
 * does not mind; an adapter that computes on the processors loses one of them: half of its speed where there are two.
 */
export function pollPatiently(): void {
  const wait = (callback: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Timeout =>
    setTimeout(callback, pollMs, ...args);
  Object.assign(globalThis, { setImmediate: wait });
}

/** What to do where Dawn has no build, or finds no adapter. */
export const noAdapterAdvice =
  process.platform === 'linux'
    ? 'Install the Vulkan driver of your graphics card and its loader (Debian: libvulkan1 and mesa-vulkan-drivers or nvidia-driver), or use --host browser.'
    : 'Update the driver of your graphics card, or use --host browser.';
