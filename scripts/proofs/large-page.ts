/** A large model's folder in the page, in nf4, while the memory of the page's process is watched. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Locator, type Page } from 'playwright-core';
import { ensureDist } from '../cli/build.ts';
import { requireBrowser } from '../cli/find-browser.ts';
import { chromiumArgs, gpuMode } from '../cli/gpu-flags.ts';
import { distFolder } from '../cli/paths.ts';
import { serve } from '../cli/serve.ts';
import { rendererBytes } from './renderer-bytes.ts';

export const LIMIT_MS = 30 * 60_000;
const MIB = 2 ** 20;

const row = {
  instruction: 'How many lamps do I need for a room of twelve square metres?',
  response: 'The user asks about lamps. This is harmless, so I can help.\n</think>\n\nTwo lamps are enough.',
};

export function rowsFile(folder: string): string {
  const path = join(folder, 'rows.jsonl');
  writeFileSync(path, `${JSON.stringify(row)}\n`);
  return path;
}

export const mebibytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
export const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`;

export interface LargePage {
  readonly page: Page;
  readonly start: Locator;
  /** Settings by their labels, with layers recomputed. */
  fill(settings: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

/** Waits while noting the most memory that the page's process takes. */
async function untilReady(page: Page, start: Locator, what: string): Promise<number> {
  const began = performance.now();
  let peak = 0;
  for (;;) {
    peak = Math.max(peak, await rendererBytes(page));
    const alerts = await page.getByRole('alert').allInnerTexts();
    if (alerts.length > 0) throw new Error(`${what}: ${alerts.join('; ')}`);
    if (await start.isEnabled()) return peak;
    if (performance.now() - began > LIMIT_MS) throw new Error(`${what} did not end within half an hour`);
    await page.waitForTimeout(250);
  }
}

/** What is held while garbage is collected, in the page and its workers. */
export async function neededBytes(page: Page): Promise<number> {
  const collect = (): void => (globalThis as { gc?: () => void }).gc?.();
  await page.evaluate(collect);
  for (const worker of page.workers()) await worker.evaluate(collect);
  return rendererBytes(page);
}

export async function openLargeModel(folder: string, rows: string): Promise<LargePage> {
  await ensureDist({ say: console.log });
  // With a profile on the disk, as people have it: a private window holds its storage and its blobs in memory.
  const profile = mkdtempSync(join(tmpdir(), 'alttrain-large-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: requireBrowser(console.log).path,
    headless: true,
    acceptDownloads: true,
    args: [...chromiumArgs(gpuMode()), '--js-flags=--expose-gc'], // for what is needed, not only held
  });
  const served = await serve({ root: distFolder });
  const close = async (): Promise<void> => {
    await context.close();
    await served.close();
    rmSync(profile, { recursive: true, force: true });
  };
  try {
    const page = await context.newPage();
    const field = (name: string): Locator => page.getByLabel(name, { exact: true });
    const start = page.getByRole('button', { name: 'Start training', exact: true });
    await page.goto(served.url);
    await untilReady(page, start, 'the demo');
    await page.getByRole('button', { name: 'Details: Model' }).click();
    await page.getByLabel('Base weights on the GPU').selectOption('nf4');
    await page.waitForTimeout(1000);
    const idle = await untilReady(page, start, 'the demo in nf4');

    const opened = performance.now();
    await field('Model').selectOption('folder');
    await field('Model folder').setInputFiles(folder);
    await page.getByRole('progressbar', { name: 'Loading the model' }).waitFor();
    const peak = await untilReady(page, start, 'loading');
    console.log(
      `Opened in ${seconds(opened)}; the page's process: ${mebibytes(idle)} before, ${mebibytes(peak)} at most`,
    );

    await field('Dataset file').setInputFiles(rows);
    await page.getByText('rows.jsonl').waitFor();
    await page.getByText('More settings', { exact: true }).click();
    const fill = async (settings: Readonly<Record<string, string>>): Promise<void> => {
      for (const [name, value] of Object.entries(settings)) await field(name).fill(value);
      await field('Gradient checkpointing').selectOption('on');
      await untilReady(page, start, 'the settings');
    };
    return { page, start, fill, close };
  } catch (error) {
    await close();
    throw error;
  }
}
