/**
 * `npm run proof:kept-model -- <folder> [quantization]`: how much sooner a model opens from the copy that the browser keeps.
 *
 * The page opens the same checkpoint in nf4 (or as named) three times: from the folder, which is reading and quantising
 * without a network; from a local server with the hub's paths, which also keeps a copy; and, in a page loaded anew and
 * with that server gone, from the copy.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { hubSourcesOf } from '../vite/page-policy.ts';
import { startHubServer } from '../../tests/support/hub-server.ts';
import { ensureDist } from '../cli/build.ts';
import { launchBrowser } from '../cli/browser.ts';
import { distFolder } from '../cli/paths.ts';
import { serve } from '../cli/serve.ts';

const LIMIT_MS = 30 * 60_000;
const pollMs = 20;

/** Seconds from `begin` until the progress bar has come and gone and training could start. */
async function secondsToOpen(page: Page, begin: () => Promise<unknown>): Promise<number> {
  const start = page.getByRole('button', { name: 'Start training', exact: true });
  const progress = page.getByRole('progressbar', { name: 'Loading the model' });
  const began = performance.now();
  await begin();
  await progress.waitFor({ timeout: LIMIT_MS });
  for (;;) {
    const alerts = await page.getByRole('alert').allInnerTexts();
    if (alerts.length > 0) throw new Error(alerts.join('; '));
    if ((await progress.count()) === 0 && (await start.isVisible()))
      return (performance.now() - began) / 1000;
    if (performance.now() - began > LIMIT_MS) throw new Error('loading did not end within half an hour');
    await page.waitForTimeout(pollMs);
  }
}

/** The page with the demo loaded, and the weights' format chosen for what comes next. */
async function openPage(page: Page, url: string, quantization: string): Promise<void> {
  await page.goto(url);
  const start = page.getByRole('button', { name: 'Start training', exact: true });
  await start.and(page.locator(':enabled')).waitFor({ timeout: LIMIT_MS });
  await page.getByRole('button', { name: 'Details: Model' }).click();
  await page.getByLabel('Base weights on the GPU').selectOption(quantization);
  await page.waitForTimeout(3000); // the demo is loaded again in that format
}

async function main(): Promise<void> {
  const [name, quantization = 'nf4'] = process.argv.slice(2);
  if (name === undefined) throw new Error('Name the folder: npm run proof:kept-model -- checkpoints/r1-1.5b');
  const folder = resolve(name);
  const id = `local/${basename(folder)}`;
  const names = readdirSync(folder);
  const hub = await startHubServer([
    { id, files: Object.fromEntries(names.map((file) => [file, readFileSync(join(folder, file))])) },
  ]);
  await ensureDist({ say: console.log });
  const { browser } = await launchBrowser(console.log);
  const served = await serve({ root: distFolder, connect: hubSourcesOf(hub.url) });
  const url = `${served.url}?hub=${hub.url}`;
  try {
    const page = await browser.newPage();
    const field = (label: string): Locator => page.getByLabel(label, { exact: true });
    await openPage(page, url, quantization);
    const fromFolder = await secondsToOpen(page, async () => {
      await field('Model').selectOption('folder');
      await field('Model folder').setInputFiles(folder);
    });
    console.log(`From the folder, read and quantised: ${fromFolder.toFixed(1)} s`);

    await openPage(page, url, quantization);
    const fromHub = await secondsToOpen(page, async () => {
      await field('Model').selectOption({ label: 'Another model, by its id…' });
      await field('Model id').fill(id);
      await page.getByRole('button', { name: 'Load from the hub' }).click();
    });
    await page.getByText('Downloaded; a copy is kept on this computer.').waitFor();
    console.log(`From the server, quantised and kept: ${fromHub.toFixed(1)} s`);

    await hub.close();
    await openPage(page, url, quantization);
    await page.getByText('Kept on this computer').click();
    const size = await page.getByRole('list', { name: 'Models kept on this computer' }).innerText();
    const fromCopy = await secondsToOpen(page, () =>
      page.getByRole('button', { name: `Open ${id}, ${quantization}` }).click(),
    );
    await page.getByText('Opened from the copy kept on this computer.').waitFor();
    console.log(
      `From the copy, without the server: ${fromCopy.toFixed(1)} s (${size.replaceAll('\n', ' ')})`,
    );
    console.log(
      JSON.stringify({
        model: id,
        quantization,
        seconds: { fromFolder, fromHub, fromCopy },
        timesSooner: fromFolder / fromCopy,
      }),
    );
  } finally {
    await browser.close();
    await served.close();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
