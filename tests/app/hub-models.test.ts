/** Models of the hub in the page: named by id, refused with a code, cancelled, kept, opened without the network, deleted. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

const token = 'hf_typedIntoThePage';
const folder = new URL('../fixtures/goldens/tied-gqa/model/', import.meta.url);
let hub: HubServer;
let app: OpenApp;
let ui: PageDriver;
beforeAll(async () => {
  const files = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder))]),
  );
  hub = await startHubServer([
    { id: 'tiny/open', files },
    { id: 'tiny/gated', files, token },
  ]);
  app = await openApp(`/?hub=${hub.url}`);
  ui = drivePage(app.page);
  await ui.waitUntilReady();
});
afterAll(async () => {
  await app.close();
  await hub.close();
});
beforeEach(() => hub.clear());

const field = (name: string) => app.page.getByLabel(name, { exact: true });
const kept = () => app.page.getByRole('list', { name: 'Models kept on this computer' }).getByRole('listitem');
async function name(id: string, secret = ''): Promise<void> {
  await ui.model.selectOption({ label: 'Another model, by its id…' });
  await field('Model id').fill(id);
  await field('Access token').fill(secret);
}

test('the list offers all three families and says what a model costs before it is loaded', async () => {
  const offered = await ui.model.getByRole('option', { disabled: false }).allInnerTexts();
  for (const text of [
    'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B, 3.55 GB',
    'Qwen/Qwen3-0.6B, 1.19 GB',
    'HuggingFaceTB/SmolLM2-135M-Instruct, 269 MB',
  ])
    expect(offered).toContain(text);
  await ui.model.selectOption('deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B');
  for (const text of ['MIT', '1.78 B']) await app.page.getByText(text, { exact: true }).waitFor();
  const memory = app.page.getByRole('table', { name: 'Memory on the GPU' });
  expect((await memory.getByRole('row').last().innerText()).split(/\s*\t\s*/)).toEqual([
    'nf4',
    '1.19 GB',
    '1.82 GB',
  ]);
  expect(hub.requests).toEqual([]); // nothing is fetched by looking
});

test('what fits a known memory stands beside each model', async () => {
  await ui.fillSettings({ 'GPU memory limit (GB)': '2' });
  const option = (id: string) => ui.model.getByRole('option', { name: id });
  await expect.poll(() => option('R1-Distill-Qwen-1.5B').innerText()).toMatch(/3\.55 GB · fits as nf4$/);
  expect(await option('SmolLM2-135M').innerText()).toMatch(/· fits as float32$/);
  const memory = app.page.getByRole('table', { name: 'Memory on the GPU' });
  const rows = await memory.getByRole('row').allInnerTexts();
  expect(rows.map((row) => /fits|too large/.exec(row)?.[0])).toEqual([
    undefined,
    'too large',
    'too large',
    'too large',
    'fits',
  ]);
  await ui.fillSettings({ 'GPU memory limit (GB)': '0.5' });
  await expect.poll(() => option('R1-Distill-Qwen-1.5B').innerText()).toMatch(/· does not fit$/);
  await ui.fillSettings({ 'GPU memory limit (GB)': '0' });
  await expect.poll(() => option('R1-Distill-Qwen-1.5B').innerText()).toMatch(/3\.55 GB$/);
});

test('a gated model is refused with what to do, and loads with a token by the keyboard alone', async () => {
  await name('tiny/gated');
  await field('Model id').press('Enter');
  await app.page.locator('[role=alert][data-code=hub-access]').waitFor();
  await field('Access token').fill(token);
  await field('Access token').press('Enter');
  await app.page.getByText('Downloaded; a copy is kept on this computer.').waitFor();
  await ui.waitUntilReady();
  expect(
    await app.page.evaluate(() => JSON.stringify([localStorage, document.cookie, location.href])),
  ).not.toContain(token);
});

test('a download that hangs is cancelled, and the model before is used again when asked', async () => {
  await name('tiny/open');
  hub.setFaults([{ path: 'model.safetensors', on: 'cdn', fault: { kind: 'stall', afterBytes: 10_000 } }]);
  await app.page.getByRole('button', { name: 'Load from the hub' }).click();
  await app.page.getByText(/^model\.safetensors · /).waitFor();
  await app.page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await app.page.getByText('“tiny/open” is not loaded yet').waitFor();
  expect(await ui.start.isEnabled()).toBe(false);
  await app.page.getByRole('button', { name: 'Go back to tiny/gated' }).click();
  await ui.waitUntilReady();
  expect(await ui.alerts.count()).toBe(0);
  await app.page.getByText('tiny/gated Qwen2ForCausalLM').waitFor();
});

test('after a reload a kept model opens with the hub gone, and can be deleted', async () => {
  await app.page.reload();
  await ui.waitUntilReady();
  hub.setFaults([{ path: '', fault: { kind: 'status', status: 500 } }]);
  await app.page.getByText('Kept on this computer').click();
  expect(await kept().count()).toBe(1);
  await app.page.getByRole('button', { name: 'Open tiny/gated, none' }).click();
  await app.page.getByText('Opened from the copy kept on this computer.').waitFor();
  expect(hub.requests).toEqual([]);
  await app.page.getByRole('button', { name: 'Delete tiny/gated, none' }).click();
  await kept().first().waitFor({ state: 'detached' });
  expect(app.faults.all).toEqual([]);
});
