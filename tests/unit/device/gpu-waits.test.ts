/** Waits on a device that looks at once, as Chromium's does, and on one that looks seldom, as Firefox's does. */
import { expect, test, vi } from 'vitest';
import { GpuWaits } from '../../../src/device/gpu-waits.ts';

vi.stubGlobal('GPUMapMode', { READ: 1 });
vi.stubGlobal('GPUBufferUsage', { MAP_READ: 1, COPY_DST: 8 });

interface FakeDevice {
  readonly device: GPUDevice;
  readonly submits: () => number;
}

/** `looksEveryMs`: how long a settled wait goes unnoticed where nothing is submitted. `busyMs`: how long work takes. */
function deviceThat({ looksEveryMs = 0, busyMs = 0, isLost = false } = {}): FakeDevice {
  let submits = 0;
  let look = (): void => undefined;
  const settles = (afterMs: number): Promise<undefined> =>
    new Promise((resolve, reject) => {
      const isDoneAt = performance.now() + afterMs;
      const settle = (): void => (isLost ? reject(new Error('lost')) : resolve(undefined));
      look = () => {
        if (isLost || performance.now() >= isDoneAt) settle();
      };
      setTimeout(settle, Math.max(afterMs, looksEveryMs)); // a timer may fire a little before its time
    });
  const device = {
    createBuffer: () => ({ mapAsync: () => settles(0), destroy: () => undefined }),
    queue: {
      submit: () => {
        submits++;
        look();
      },
      onSubmittedWorkDone: () => settles(busyMs),
    },
  };
  return { device: device as unknown as GPUDevice, submits: () => submits };
}

/** The clock starts before the wait does: begun as an argument, a wait on a busy machine is some milliseconds old when the clock starts. */
const msOf = async (wait: () => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await wait();
  return performance.now() - started;
};

test('a device that looks at once is left alone', async () => {
  const { device, submits } = deviceThat({ busyMs: 20 });
  const waits = await GpuWaits.measure(device);
  await waits.workDone();
  expect([waits.areNudged, submits()]).toEqual([false, 0]);
});

test('a device that looks seldom is made to look until the work is done', async () => {
  const { device, submits } = deviceThat({ looksEveryMs: 1500, busyMs: 60 });
  const waits = await GpuWaits.measure(device);
  const ms = await msOf(() => waits.workDone());
  expect(waits.areNudged).toBe(true);
  expect(ms).toBeGreaterThanOrEqual(55);
  expect(ms).toBeLessThan(1200);
  expect(submits()).toBeGreaterThan(3);
});

test('a wait that fails fails for whoever waits, and ends the submits', async () => {
  const { device, submits } = deviceThat({ looksEveryMs: 400, isLost: true });
  const waits = await GpuWaits.measure(device);
  await expect(waits.workDone()).rejects.toThrow('lost');
  const after = submits();
  await new Promise((wake) => setTimeout(wake, 20));
  expect(submits()).toBe(after);
});
