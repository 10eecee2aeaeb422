/** One device per test file, with the uncaptured-error trap on; fixtures by URL. */
import { afterEach } from 'vitest';
import { openDevice, type Gpu } from '../../src/device/open-device.ts';
import { selfTest } from '../../src/self-test/self-test.ts';

export async function openTestDevice(): Promise<Gpu> {
  const gpu = await openDevice(navigator.gpu);
  void gpu.failed.then(({ code, detail }) => console.error(code, detail)); // the detail says which shader, which line
  await selfTest(gpu); // also chooses the kernel variants, as in the worker
  return gpu;
}

/** Fails the test after which the device has reported an error. */
export function assertHealthyAfterEach(gpu: () => Gpu): void {
  afterEach(async () => {
    await gpu().waits.workDone();
    gpu().assertHealthy();
  });
}

export const fixtureUrl = (path: string): string => new URL(`/tests/fixtures/${path}`, location.origin).href;

/** Largest |a − b| relative to the largest |b|: one number for a tensor, insensitive to entries near zero. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`);
  let worst = 0;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference; // NaN counts as worst
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return worst / Math.max(scale, 1e-12);
}
