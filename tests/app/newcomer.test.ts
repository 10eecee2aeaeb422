/** A newcomer's path through the page, and what it must not let happen on the way. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

let app: OpenApp;
let ui: PageDriver;
beforeAll(async () => {
  app = await openApp();
  ui = drivePage(app.page);
  await ui.waitUntilReady();
});
afterAll(() => app.close());

const field = (label: string) => app.page.getByLabel(label, { exact: true });
const row = '{"instruction":"How do I repair a lamp?","response":"Okay.\\n</think>\\n\\nChange the bulb."}\n';
const drop = (name: string, content: string): Promise<void> =>
  ui.datasetFile.setInputFiles({ name, mimeType: '', buffer: Buffer.from(content) });

test('a file of one’s own is not trained for as long as the demo’s rows, and the page says why', async () => {
  expect(await field('Max steps').inputValue()).toBe('94');
  await drop('one.jsonl', row);
  await ui.dataset.getByText('one.jsonl').waitFor();
  await ui.waitUntilReady();
  expect(await field('Max steps').inputValue()).toBe('-1');
  expect(await field('Epochs').inputValue()).toBe('10');
  await app.page.getByText('Each row is seen 10 times, as there is one.').waitFor();
  await app.page.getByRole('button', { name: 'Use the built-in AltTrain-1K' }).click();
  await expect.poll(() => field('Max steps').inputValue(), { timeout: 30_000 }).toBe('94');
});

test('on a phone the action is in sight from the first screen on, and nothing is wider than it', async () => {
  await app.page.setViewportSize({ width: 360, height: 740 });
  await app.page.evaluate(() => scrollTo(0, 0));
  const box = (await ui.start.boundingBox())!;
  expect(box.y + box.height).toBeLessThanOrEqual(740);
  expect(await ui.pause.count()).toBe(0); // there is nothing to pause
  expect(await ui.download.isVisible()).toBe(false); // nor anything to download
  expect(await app.page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  await app.page.setViewportSize({ width: 1280, height: 900 });
  expect(await ui.download.isVisible()).toBe(true);
});

test('a wrong setting is named beside Start', async () => {
  await field('Max length').fill('513');
  await app.page.getByText('“Max length” must not be above 512, all that this model reads.').waitFor();
  expect(await ui.start.isDisabled()).toBe(true);
  await field('Max length').fill('256');
  await ui.waitUntilReady();
});

test('a run that will not fit cannot be started, and settings that fit are a click away', async () => {
  await ui.fillSettings({ 'GPU memory limit (GB)': '0.045' });
  await app.page.getByText('This run does not fit into the memory of the GPU').waitFor();
  expect(await ui.start.isDisabled()).toBe(true);
  const way = ui.alerts.getByRole('button').first();
  expect(await way.innerText()).not.toMatch(/[a-z]_[a-z]/); // a label, not the name in files
  await way.click();
  await ui.waitUntilReady();
  await app.page.getByRole('button', { name: 'Reset to defaults' }).click();
});

test('a run that diverges is said to, and does not end as a success', async () => {
  await ui.fillSettings({
    'Learning rate': '1',
    'Max steps': '30',
    'Batch size': '4',
    'Warm-up steps': '0',
    'Max gradient norm': '0',
    'Sample every': '0',
    'Prompts per suite': '0',
  });
  await ui.waitUntilReady();
  await ui.start.click();
  await ui.waitForPhase('done');
  await app.page.getByText('The run diverged: this adapter will hardly be of use.').waitFor();
  expect(await app.page.getByRole('status').getAttribute('data-diverging')).toBe('true');
  expect(app.faults.all).toEqual([]);
});
