/**
 * Waiting for a GPU. Firefox looks only every 100 ms whether a buffer can be read or work is done, and besides at every
 * submit (measured with 153; jax-js issue 124): a step of 40 ms takes 100 there. Submitting nothing, again and again, makes
 * it look. Whether a browser is like that is measured and not guessed from its name.
 */
const idleMs = 30; // an idle device answers within a few milliseconds
const betweenNudgesMs = 4; // what browsers make of shorter timeouts

export class GpuWaits {
  readonly #device: GPUDevice;
  #looksSeldom = false;

  private constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Takes a millisecond, or two tenths of a second where the browser looks seldom. */
  static async measure(device: GPUDevice): Promise<GpuWaits> {
    const waits = new GpuWaits(device);
    // twice, because a first answer may come with the end of a turn that was nearly over, or late for other reasons
    const both = [await idleWaitMs(device), await idleWaitMs(device)];
    waits.#looksSeldom = Math.min(...both) > idleMs;
    return waits;
  }

  /** The browser looks seldom whether a GPU is done, so it is made to. */
  get areNudged(): boolean {
    return this.#looksSeldom;
  }

  /** `promise`, which the GPU's work settles, as soon as it can be. */
  async until<T>(promise: Promise<T>): Promise<T> {
    if (!this.#looksSeldom) return promise;
    let isPending = true;
    const settled = promise.finally(() => (isPending = false));
    settled.catch(() => undefined); // whoever waits is told below
    while (isPending) {
      this.#device.queue.submit([]);
      await Promise.race([settled, pause(betweenNudgesMs)]);
    }
    return settled;
  }

  /** Everything that was submitted so far is done. */
  workDone(): Promise<unknown> {
    return this.until(this.#device.queue.onSubmittedWorkDone());
  }
}

async function idleWaitMs(device: GPUDevice): Promise<number> {
  const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const started = performance.now();
  await buffer.mapAsync(GPUMapMode.READ).catch(() => undefined); // a lost device is told where it is used
  buffer.destroy();
  return performance.now() - started;
}

const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));
