// A GPU that refuses an allocation: the page offers settings that fit, and one click goes on with them.
import { readFile } from 'node:fs/promises';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drivePage, type PageDriver } from './drive-page.ts';
import { limitGpu, plannedBytes, prepareSmallGpu } from './small-gpu.ts';
import { openApp, type OpenApp } from './support.ts';

let app: OpenApp;
let ui: PageDriver;
beforeAll(async () => {
  app = await openApp();
  await prepareSmallGpu(app.context);
  await app.page.reload();
  ui = drivePage(app.page);
  await ui.waitUntilReady();
});
afterAll(() => app.close());

const plannedWith = async (batchSize: string): Promise<number> => {
  await ui.fillSettings({ 'Batch size': batchSize });
  return plannedBytes(app.page);
};

test('a run that finds no memory says what it needs, and goes on with a smaller batch at a click', async () => {
  const { page } = app;
  await ui.fillSettings({
    'Max steps': '1',
    'Gradient accumulation': '1',
    'Sample every': '0',
    'Prompts per suite': '0',
  });
  const [small, large] = [await plannedWith('1'), await plannedWith('8')];
  expect(large).toBeGreaterThan(small + 10e6);
  await limitGpu(page, (small + large) / 2);
  await ui.start.click();
  await ui.waitForPhase('failed');
  const alert = page.locator('.alert[data-code="gpu-out-of-memory"]');
  expect(await alert.innerText()).toMatch(
    /This run needs .* of GPU memory, and there is room for .* What fits: /,
  );
  const ways = page.getByRole('group', { name: 'Settings that need less memory' }).getByRole('button');
  await ways.first().waitFor();
  for (const text of await ways.allInnerTexts())
    expect(text).toMatch(/^(Go on|Start anew) with .+ \([\d.]+.[MG]i?B\)$/);
  // The settings that have failed are known not to fit by now; Start says so, and the ways out of it stay open.
  await page.getByText('This run does not fit.').waitFor();
  expect(await ui.start.isDisabled()).toBe(true);
  // The GPU is opened and proves itself again before, on a busy machine for long.
  await ways.filter({ hasText: /^Go on with Batch size/ }).click({ timeout: 120_000 });
  await ui.waitForPhase('done');
  expect(Number(await page.getByLabel('Batch size', { exact: true }).inputValue())).toBeLessThan(8);
  await page
    .locator('[data-warning="settings-changed"]')
    .getByText('per_device_train_batch_size was 8 and is')
    .waitFor();
  const arriving = page.waitForEvent('download');
  await ui.download.click();
  const files = unzipSync(await readFile(await (await arriving).path()));
  const written = JSON.parse(Buffer.from(files['run_config.json']).toString()) as Record<string, number>;
  const { per_device_train_batch_size: rows, gradient_accumulation_steps: windows } = written;
  expect(rows).toBeLessThan(8);
  expect(rows * windows).toBe(8); // the same rows in each step
  expect(await ways.count()).toBe(0);
  expect(app.faults.all).toEqual([]);
});
