/** For tests and pictures of a run without memory: in the training worker, a GPU that has only so much. */
import type { BrowserContext, Page } from 'playwright-core';

/**
 * Before everything else in the training worker: from a message on, a buffer beyond so many bytes in all is asked for in a size
 * that no GPU gives. The refusal is the browser's own, where the engine looks for it.
 */
const smallGpu = `{
  const create = GPUDevice.prototype.createBuffer;
  const destroy = GPUBuffer.prototype.destroy;
  const sizes = new Map();
  let held = 0, most = Infinity;
  new BroadcastChannel('small-gpu').onmessage = ({ data }) => { most = data; };
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const fits = held + descriptor.size <= most;
    const buffer = create.call(this, fits ? descriptor : { ...descriptor, size: 2 ** 50, mappedAtCreation: false });
    if (fits) { sizes.set(buffer, descriptor.size); held += descriptor.size; }
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    held -= sizes.get(this) ?? 0;
    sizes.delete(this);
    return destroy.call(this);
  };
}\n`;

/** For pages that are opened after it. */
export async function prepareSmallGpu(context: BrowserContext): Promise<void> {
  await context.route('**/assets/trainer.worker*.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: smallGpu + (await response.text()) });
  });
}

/** From now on. */
export const limitGpu = (page: Page, bytes: number): Promise<void> =>
  page.evaluate((most) => new BroadcastChannel('small-gpu').postMessage(most), bytes);

/** GPU memory that the page says a run with these settings takes. */
export async function plannedBytes(page: Page): Promise<number> {
  await page.waitForTimeout(1500); // the forecast follows the settings a moment later
  const text = await page.getByText(/^GPU memory: /).innerText();
  const [, amount, unit] = /([\d.,]+)\s([kMG])i?B/.exec(text) ?? [];
  const factor = { k: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[unit as 'k' | 'M' | 'G'];
  return Number(amount.replaceAll(',', '')) * factor;
}
