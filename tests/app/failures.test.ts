/** What the page says when something cannot be used, and what it keeps. */
import { fileURLToPath } from 'node:url';
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

const goodRow =
  '{"instruction":"How do I repair a lamp?","response":"Okay.\\n</think>\\n\\nChange the bulb."}\n';

async function expectAlert(code: string, text: RegExp): Promise<void> {
  await ui.alerts.filter({ hasText: code }).waitFor();
  expect(await ui.alerts.filter({ hasText: code }).innerText()).toMatch(text);
}

/** What is refused is not trained, nor is anything else in its place, until the user says so. */
async function expectNothingTrainable(name: string): Promise<void> {
  await app.page.getByText(`“${name}” could not be read`).waitFor();
  expect(await ui.start.isEnabled()).toBe(false);
  expect(await app.page.getByText('Ready to start.').count()).toBe(0);
}

test('a dataset without a usable row is refused, and the one before is used again only when asked', async () => {
  await ui.datasetFile.setInputFiles({ name: 'good.jsonl', mimeType: '', buffer: Buffer.from(goodRow) });
  await ui.dataset.getByText('good.jsonl').waitFor();
  await ui.datasetFile.setInputFiles({
    name: 'bad.jsonl',
    mimeType: '',
    buffer: Buffer.from('{"a":1}\n{"b":2}\n'),
  });
  await expectAlert('dataset-empty', /Each row needs a prompt/);
  await expectNothingTrainable('bad.jsonl');
  expect(await ui.dataset.locator('[data-ready]').getAttribute('data-ready')).toBe('false');
  await ui.dataset.getByRole('button', { name: 'Go back to good.jsonl' }).click();
  await ui.waitUntilReady();
  expect(await ui.dataset.getByText('good.jsonl').isVisible()).toBe(true);
  expect(await ui.alerts.count()).toBe(0);
});

test('a file that is no text is refused', async () => {
  const noise = Buffer.from(Uint8Array.from({ length: 4096 }, (_, i) => (i * 197 + 131) % 256));
  await ui.datasetFile.setInputFiles({ name: 'noise.jsonl', mimeType: '', buffer: noise });
  await expectAlert('dataset-unreadable', /UTF-8/);
  await expectNothingTrainable('noise.jsonl');
});

test('an alert goes when the next file is good', async () => {
  await ui.datasetFile.setInputFiles({ name: 'better.jsonl', mimeType: '', buffer: Buffer.from(goodRow) });
  await ui.dataset.getByText('better.jsonl').waitFor();
  expect(await ui.alerts.count()).toBe(0);
  await ui.waitUntilReady();
});

test('text of a file is shown as text, never as markup', async () => {
  const row = goodRow.replace('lamp', '<img src=x onerror=alert(1)> lamp');
  await ui.datasetFile.setInputFiles({ name: '<b>bold</b>.jsonl', mimeType: '', buffer: Buffer.from(row) });
  await ui.dataset.getByText('<b>bold</b>.jsonl').waitFor();
  await ui.dataset.getByText('Rows as the model sees them').click();
  await ui.dataset.getByText('<img src=x onerror=alert(1)> lamp').first().waitFor();
  expect(await ui.dataset.locator('img, b').count()).toBe(0);
});

test('a setting the model cannot follow fails the run with its code', async () => {
  await ui.fillSettings({ 'New tokens': '16000' });
  await ui.start.click();
  await expectAlert('config-invalid', /16000 new ones are more than the model's 512 positions/);
  expect(await ui.phase()).toBe('failed');
  await app.page.getByRole('button', { name: 'Reset to defaults' }).click();
  await ui.waitUntilReady();
});

test('a model that is chosen and not loaded is not replaced by the one before', async () => {
  for (const label of ['Another model, by its id…', 'Local folder…']) {
    await ui.model.selectOption({ label });
    await app.page.getByText('is not loaded yet').waitFor();
    expect(await ui.start.isEnabled()).toBe(false);
  }
  await app.page.getByRole('button', { name: /^Go back to/ }).click();
  await ui.waitUntilReady();
  expect(await ui.model.inputValue()).toBe('demo');
});

test('a model folder without its files is refused, and the model before is used again only when asked', async () => {
  await ui.model.selectOption({ label: 'Local folder…' });
  await app.page.getByLabel('Model folder').setInputFiles(fileURLToPath(new URL('.', import.meta.url)));
  await expectAlert('model-file-missing', /config\.json/);
  await expectNothingTrainable('app');
  await app.page.getByRole('button', { name: /^Go back to/ }).click();
  await ui.waitUntilReady();
});

test('without WebGPU the page says so, says what to do, and can still be read', async () => {
  const page = await app.context.newPage();
  // The worker asks its own navigator, so the page cannot take WebGPU away from it: serve a worker that has none.
  await page.route('**/*worker*.js', async (route) => {
    const response = await route.fetch();
    const body = `Object.defineProperty(WorkerNavigator.prototype, 'gpu', { value: undefined });\n${await response.text()}`;
    await route.fulfill({ response, body });
  });
  await page.goto(app.url);
  const bare = drivePage(page);
  await bare.alerts.filter({ hasText: 'webgpu-unavailable' }).waitFor();
  expect(await bare.alerts.innerText()).toContain('Use a browser with WebGPU');
  expect(await bare.start.isEnabled()).toBe(false);
  await page.getByText('Training needs WebGPU: see the message at the top').waitFor();
  await page.getByText('The playground needs WebGPU: see the message at the top').waitFor();
  await page.getByRole('heading', { name: 'About the method' }).waitFor();
  await page.close();
});

test('a worker that cannot be loaded is reported instead of waited for', async () => {
  const page = await app.context.newPage();
  await page.route('**/*worker*.js', (route) => route.abort());
  await page.goto(app.url);
  await drivePage(page).alerts.filter({ hasText: 'internal' }).waitFor();
  await page.close();
});

test('a part of the page that does not come says so, and comes when it is asked for again', async () => {
  const page = await app.context.newPage();
  await page.route('**/assets/reproduce*.js', (route) => route.abort());
  await page.goto(app.url);
  const own = drivePage(page);
  await own.waitUntilReady();
  const panel = page.getByRole('region', { name: 'The paper’s comparison', exact: true });
  await panel.getByRole('heading').click();
  await own.alerts.filter({ hasText: 'network-failed' }).waitFor();
  expect(await own.alerts.innerText()).toContain('Check that this computer is online');
  await page.unroute('**/assets/reproduce*.js');
  await panel.getByRole('heading').click();
  await panel.getByRole('heading').click();
  await panel.getByRole('button', { name: 'Reproduce the comparison' }).waitFor();
  expect(await own.alerts.count()).toBe(0);
  await page.close();
});
