/** Settings that come as a link or a file and leave as a link; presets by name; and what can be done with the chart. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

const given = { max_steps: 4, per_device_train_batch_size: 1, sample_steps: 0, suite_prompts: 0, seed: 7 };
let app: OpenApp;
let ui: PageDriver;
beforeAll(async () => {
  app = await openApp(`/#settings=${encodeURIComponent(JSON.stringify(given))}`);
  ui = drivePage(app.page);
  await ui.waitUntilReady();
});
afterAll(() => app.close());

const field = (name: string) => app.page.getByLabel(name, { exact: true });
const fileOf = (settings: object) => ({
  name: 'run_config.json',
  mimeType: 'application/json',
  buffer: Buffer.from(JSON.stringify(settings)),
});

test('a link sets what it names, says so, and starts nothing', async () => {
  await app.page
    .getByText('The link sets max_steps, per_device_train_batch_size, seed, sample_steps, suite_prompts.')
    .waitFor();
  expect(await field('Max steps').inputValue()).toBe('4');
  expect(await field('Seed').inputValue()).toBe('7');
  expect(await ui.phase()).toBe('idle');
});

test('a settings file is taken whole or refused whole, and what has no effect is listed', async () => {
  const { page } = app;
  await field('Settings file').setInputFiles(fileOf({ learning_rate: 2, seed: 9 }));
  await page.getByRole('alert').filter({ hasText: 'was not taken' }).waitFor();
  expect(await page.getByRole('alert').innerText()).toContain('learning_rate');
  expect(await field('Seed').inputValue()).toBe('7');
  await field('Settings file').setInputFiles(fileOf({ learning_rate: 1e-4, seed: 9, output_dir: 'out' }));
  await page.getByText('Without effect here: output_dir.').waitFor();
  expect([await field('Seed').inputValue(), await field('Learning rate').inputValue()]).toEqual([
    '9',
    '0.0001',
  ]);
  expect(await page.getByRole('alert').count()).toBe(0);
});

test('what was changed leaves as a link that another page takes', async () => {
  const { page, context } = app;
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy as link' }).click();
  await page.getByText('The link is copied.').waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const other = await context.newPage();
  await other.goto(link);
  await other.getByText(/The link sets .*learning_rate/).waitFor();
  expect(await other.getByLabel('Seed', { exact: true }).inputValue()).toBe('9');
  await other.close();
});

test('a preset takes the place of the one before, and edits stay', async () => {
  await field('Preset').selectOption({ label: 'Overnight, 3 epochs' });
  expect([await field('Max steps').inputValue(), await field('Epochs').inputValue()]).toEqual(['-1', '3']);
  await field('Preset').selectOption({ label: 'Quick look, 20 steps' });
  expect(await field('Max steps').inputValue()).toBe('20');
  expect(await field('Seed').inputValue()).toBe('9');
});

test('the curve is looked at closer, smoothed otherwise, on a log scale, without a line, and saved', async () => {
  const { page } = app;
  await ui.fillSettings({ 'Max steps': '12', 'Sample every': '0', 'Prompts per suite': '0' });
  await ui.start.click();
  await ui.waitForPhase('done');
  const saved = async (name: string): Promise<Buffer> => {
    const arriving = page.waitForEvent('download');
    await ui.loss.getByRole('button', { name }).click();
    return readFile(await (await arriving).path());
  };
  const csv = (await saved('Save as CSV')).toString('utf8').trim().split('\r\n');
  expect(csv[0]).toBe('step,loss,smoothed_loss,eval_loss,learning_rate,grad_norm');
  expect(csv.slice(1).map((row) => Number(row.split(',')[0]))).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
  ]);

  await ui.loss.getByLabel('Smoothing').fill('0');
  const [, first] = (await saved('Save as CSV')).toString('utf8').split('\r\n');
  const [, loss, smoothed] = first.split(',');
  expect(smoothed).toBe(loss);

  const picture = async (): Promise<string> => (await saved('Save as PNG')).toString('base64');
  const pictures = new Set([await picture()]);
  await ui.loss.getByLabel('Log scale').check();
  pictures.add(await picture());
  await ui.loss.getByRole('button', { name: 'gradient norm' }).click();
  expect(await ui.loss.getByRole('button', { name: 'gradient norm' }).getAttribute('aria-pressed')).toBe(
    'true',
  );
  pictures.add(await picture());
  const box = await ui.loss.locator('.u-over').boundingBox();
  if (box === null) throw new Error('the chart has no box');
  await page.mouse.move(box.x + box.width * 0.3, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 120, { steps: 5 });
  await page.mouse.up();
  const all = ui.loss.getByRole('button', { name: 'Show all steps' });
  await all.waitFor();
  pictures.add(await picture());
  expect(pictures.size).toBe(4); // each is another
  await all.click();
  expect(await all.count()).toBe(0);
});

test('nothing went wrong unseen', () => {
  expect(app.faults.all).toEqual([]);
});
