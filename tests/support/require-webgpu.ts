/** Runs before every GPU test file: without an adapter the file fails; it is never skipped. */
import { beforeAll } from 'vitest';

beforeAll(async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) {
    throw new Error(
      'webgpu-unavailable: the browser has no WebGPU. ALTTRAIN_GPU=software uses the software WebGPU of Chromium.',
    );
  }
});
