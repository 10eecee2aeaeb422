/** The dataset panel: column mapping, the gate before the start, the token inspector by keyboard. */
import { gzipSync } from 'fflate';
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

const drop = (name: string, content: Uint8Array | string): Promise<void> =>
  ui.datasetFile.setInputFiles({ name, mimeType: '', buffer: Buffer.from(content) });
const trace =
  'Okay, the user asks how to repair a lamp. This request is not harmful because it is about a lamp. So answer it.\\n</think>\\n\\nChange the bulb.';

test('columns of other names are mapped with the first rows in view', async () => {
  await drop('lampen.csv', 'frage,antwort\n<i>Wie?</i>,Okay.\nWarum?,Darum.\n');
  await ui.alerts.filter({ hasText: 'dataset-empty' }).waitFor();
  await ui.dataset.getByRole('cell', { name: '<i>Wie?</i>' }).waitFor();
  await ui.dataset.getByLabel('Prompt', { exact: true }).selectOption('frage');
  await ui.dataset.getByLabel('Completion', { exact: true }).selectOption('antwort');
  await ui.dataset.getByRole('button', { name: 'Read with these columns' }).click();
  await ui.dataset.getByText('lampen.csv').waitFor();
  await ui.dataset.getByText('prompt / completion').waitFor();
  await ui.waitUntilReady();
});

test('a gzipped file of another shape is read, its rows shown token by token and paged by keyboard', async () => {
  const rows = [0, 1, 2].map(
    (i) => `{"question":"${i}: How do I repair a lamp?","response":"<think>\\n${trace}"}`,
  );
  await drop('lamps.jsonl.gz', gzipSync(new TextEncoder().encode(rows.join('\n'))));
  await ui.dataset.getByText('JSONL, gzip').waitFor();
  await ui.dataset.getByText('Rows as the model sees them').click();
  const tokens = ui.dataset.getByRole('group', { name: 'Tokens of the row' });
  await tokens.getByText('0').first().waitFor();
  for (const part of ['PU', 'HA', 'CR'])
    expect(await tokens.locator(`[data-part=${part}]`).count()).toBeGreaterThan(3);
  expect(await tokens.locator('[data-role=special]').count()).toBeGreaterThan(0);
  expect(await tokens.locator('mark').innerText()).toContain('Change the bulb.');
  await tokens.focus();
  await app.page.keyboard.press('ArrowRight');
  await ui.dataset.getByText('line 2 ·').waitFor();
  await app.page.keyboard.press('End');
  await ui.dataset.getByText('line 3 ·').waitFor();
  await app.page.keyboard.press('Home');
  await ui.dataset.getByText('line 1 ·').waitFor();
});

test('the gate stops a run whose answers mostly lose their end, until the user insists or a setting is changed', async () => {
  await app.page.getByLabel('Max length', { exact: true }).fill('32');
  await app.page.keyboard.press('Tab');
  await ui.dataset.getByText('3 answers lose their end').waitFor();
  await app.page.getByText('Dataset: 3 answers lose their end').waitFor();
  expect(await ui.start.isEnabled()).toBe(false);
  const accept = ui.dataset.getByLabel('Train on them all the same');
  await accept.check();
  await ui.waitUntilReady();
  await app.page.getByLabel('Max length', { exact: true }).fill('31'); // another stop has to be accepted anew
  await app.page.keyboard.press('Tab');
  await app.page.getByText('end token at 31 tokens').first().waitFor();
  expect(await accept.isChecked()).toBe(false);
  expect(await ui.start.isEnabled()).toBe(false);
  await app.page.getByText('More settings', { exact: true }).click();
  await app.page.getByLabel('Rows over max length', { exact: true }).selectOption('split');
  await ui.waitUntilReady();
  await ui.dataset.getByText('Split rows').waitFor();
  expect(app.faults.all).toEqual([]);
});
