/**
 * `npm run proof:soak -- [--steps 2000] [--batch 4]`: a long run of the demo in the page, with sample traces, held-out loss and
 * saves, and what stays flat while it goes on: buffers and bytes of WebGPU (counted at the device itself, not by the engine),
 * memory of JavaScript after a collection, and the tasks of the page's main thread.
 */
import type { Page } from 'playwright-core';
import { drivePage } from '../../tests/app/drive-page.ts';
import { timeMainThread } from '../../tests/app/main-thread.ts';
import { openApp } from '../../tests/app/support.ts';
import { ensureDist } from '../cli/build.ts';
import { numberOf } from './arguments.ts';

interface Reading {
  readonly step: number;
  readonly buffers: number;
  readonly gpuBytes: number;
  readonly scriptBytes: number; // page and workers
}

/** Counts every buffer that is made and not destroyed, from before the first run on. */
function countBuffers(): void {
  const live = { buffers: 0, bytes: 0 };
  Object.assign(globalThis, { liveBuffers: live });
  const create: (descriptor: GPUBufferDescriptor) => GPUBuffer = Reflect.get(
    GPUDevice.prototype,
    'createBuffer',
  );
  const destroy: () => undefined = Reflect.get(GPUBuffer.prototype, 'destroy');
  const counted = new WeakSet<GPUBuffer>();
  GPUDevice.prototype.createBuffer = function (this: GPUDevice, descriptor) {
    const buffer = create.call(this, descriptor);
    counted.add(buffer);
    live.buffers++;
    live.bytes += buffer.size;
    return buffer;
  };
  GPUBuffer.prototype.destroy = function (this: GPUBuffer) {
    if (counted.delete(this)) {
      live.buffers--;
      live.bytes -= this.size;
    }
    return destroy.call(this);
  };
}

async function readNow(page: Page, step: number): Promise<Reading> {
  const worker = page.workers().find((one) => one.url().includes('trainer'));
  if (worker === undefined) throw new Error('there is no trainer worker');
  const live = await worker.evaluate(
    () => (globalThis as unknown as { liveBuffers: { buffers: number; bytes: number } }).liveBuffers,
  );
  const scriptBytes = await page.evaluate(async () => {
    const measuring = performance as unknown as {
      measureUserAgentSpecificMemory: () => Promise<{ bytes: number }>;
    };
    return (await measuring.measureUserAgentSpecificMemory()).bytes; // waits for a collection
  });
  return { step, buffers: live.buffers, gpuBytes: live.bytes, scriptBytes };
}

async function main(): Promise<void> {
  const steps = numberOf('steps', 2000);
  await ensureDist({ say: console.log });
  const app = await openApp();
  const readings: Reading[] = [];
  try {
    const { page } = app;
    const ui = drivePage(page);
    await ui.waitUntilReady();
    const worker = page.workers().find((one) => one.url().includes('trainer'));
    await worker?.evaluate(countBuffers);
    await ui.fillSettings({
      'Max steps': String(steps),
      'Batch size': String(numberOf('batch', 4)),
      'Evaluation share': '0.05',
      'Evaluate every': '100',
      'Sample every': '100',
      'Snapshot every': '50',
      'Prompts per suite': '0',
    });
    const began = performance.now();
    await ui.start.click();
    const every = Math.max(50, Math.round(steps / 20));
    for (let next = every; next <= steps * 0.9; next += every) {
      while ((await ui.step()) < next) {
        if ((await ui.phase()) === 'failed') throw new Error((await ui.alerts.allInnerTexts()).join('; '));
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      const reading = await readNow(page, await ui.step());
      readings.push(reading);
      console.log(
        `step ${reading.step}: ${reading.buffers} buffers, ${(reading.gpuBytes / 1e6).toFixed(3)} MB, scripts ${(reading.scriptBytes / 1e6).toFixed(1)} MB, ${((performance.now() - began) / 1000).toFixed(0)} s`,
      );
    }
    // A tenth of the run by Chromium's own clock of processor time: a whole trace would be gigabytes, and what counts memory collects it.
    const { taskCount, worstCpuMs, worstWallMs } = await timeMainThread(app.browser, page, async () => {
      while ((await ui.phase()) !== 'done') await new Promise((resolve) => setTimeout(resolve, 200));
    });
    console.log(`${steps} steps in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    console.log(
      `main thread, from step ${readings.at(-1)?.step} on: ${taskCount} tasks, the longest ${worstCpuMs.toFixed(0)} ms of processor time (${worstWallMs.toFixed(0)} ms by the clock)`,
    );
    console.log(`faults of the page: ${app.faults.all.length}`);
    report(readings);
  } finally {
    await app.close();
  }
}

/** Least squares over the second half: at the beginning, shapes are met for the first time. */
function report(readings: readonly Reading[]): void {
  const later = readings.slice(Math.floor(readings.length / 2));
  const slope = (value: (reading: Reading) => number): number => {
    const mean = (of: (reading: Reading) => number): number =>
      later.reduce((sum, reading) => sum + of(reading), 0) / later.length;
    const [x, y] = [mean(({ step }) => step), mean(value)];
    const over = later.reduce((sum, r) => sum + (r.step - x) * (value(r) - y), 0);
    const under = later.reduce((sum, r) => sum + (r.step - x) ** 2, 0);
    return (over / under) * 1000;
  };
  const line = (name: string, value: (reading: Reading) => number, unit: string): void =>
    console.log(`${name}: ${slope(value).toFixed(3)} ${unit} per 1,000 steps in the second half`);
  line('buffers', ({ buffers }) => buffers, '');
  line('GPU', ({ gpuBytes }) => gpuBytes / 1e6, 'MB');
  line('scripts', ({ scriptBytes }) => scriptBytes / 1e6, 'MB');
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
