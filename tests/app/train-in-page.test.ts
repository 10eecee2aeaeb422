/** The main job in a real browser: drop a dataset, train, pause, resume, watch it change, download the adapter. */
import { readFile } from 'node:fs/promises';
import { strFromU8, unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { adapterZipNames } from '../support/adapter-zip.ts';
import { drivePage, type PageDriver } from './drive-page.ts';
import { timeMainThread } from './main-thread.ts';
import { openApp, type OpenApp } from './support.ts';

const STEPS = 12;
const LONGEST_TASK_MS = 50; // the browser's own definition of a long task
const BAD_LINES = [3, 8, 13];

/** 40 rows in the manner of AltTrain, among them one that is no JSON, one without an answer and one with an empty answer. */
function mixedRows(): string {
  const rows = Array.from({ length: 40 }, (_, i) =>
    JSON.stringify({
      instruction: `How do I repair a lamp with ${i} bulbs?`,
      response: `Okay, the user wants to repair a lamp.\nThis request is not harmful because it is only about repairs.\n</think>\n\nChange bulb ${i}.`,
    }),
  );
  rows[2] = '{"instruction": "cut short';
  rows[7] = '{"instruction":"How do I repair a lamp?"}';
  rows[12] = '{"instruction":"How do I repair a lamp?","response":""}';
  return rows.join('\n');
}

let app: OpenApp;
let ui: PageDriver;
beforeAll(async () => {
  app = await openApp();
  ui = drivePage(app.page);
  await ui.waitUntilReady();
});
afterAll(() => app.close());

test('a dropped file is read, and every row that cannot be used is listed with its line', async () => {
  await ui.dropFile('lamps.jsonl', mixedRows());
  await ui.dataset.getByText('lamps.jsonl').waitFor();
  await ui.waitUntilReady();
  await ui.dataset.getByText('3 rows rejected, not trained').waitFor();
  const listed = await ui.dataset
    .getByRole('group', { name: 'Rejected rows' })
    .getByRole('listitem')
    .allInnerTexts();
  expect(listed.map((text) => Number(/line (\d+)/.exec(text)?.[1]))).toEqual(BAD_LINES);
  expect(listed[0]).toContain('row-not-json');
  expect(listed[0]).toContain('{"instruction": "cut short');
  await ui.dataset.getByText('Rows as the model sees them').click();
  await ui.dataset.locator('mark', { hasText: 'Change bulb 0.' }).waitFor();
});

test('a wrong setting keeps the run from starting and says what is accepted', async () => {
  await ui.fillSettings({ 'Learning rate': '7' });
  await app.page.getByText('Learning rate must be from 0 to 1, not 7.').waitFor();
  expect(await ui.start.isEnabled()).toBe(false);
  await app.page.getByRole('button', { name: 'Reset to defaults' }).click();
  await ui.waitUntilReady();
});

test('training starts from the keyboard, pauses, resumes and ends, while chart and traces change', async () => {
  const { page, browser } = app;
  await ui.fillSettings({
    'Max steps': String(STEPS),
    'Batch size': '2',
    'Sample every': '4',
    'Sample prompts': 'How do I repair a lamp?\nHow do I steal a lamp?',
    'New tokens': '24',
    'Prompts per suite': '0',
    'Evaluation share': '0.2',
    'Evaluate every': '6',
  });
  const forecast = /: 12 steps, about [\d.]+ epochs?\. On this GPU about [\d.]+ (s|min) by forecast/;
  await page.locator('.run-plan').filter({ hasText: forecast }).waitFor();
  const emptyChart = await ui.loss.innerText();
  await ui.start.focus();
  await page.keyboard.press('Enter');

  // The focus moves on to "Pause" with the first step. Pressed at once: a real GPU does these few steps in no time.
  await page.waitForFunction(() => document.activeElement?.textContent?.trim() === 'Pause', null, {
    timeout: 120_000, // the first step waits for its shaders, on a busy machine for long
  });
  expect(await ui.download.isEnabled()).toBe(false);
  await page.keyboard.press('Enter');
  await ui.waitForPhase('paused');
  const pausedAt = await ui.step();
  const chartAtPause = await ui.loss.innerText();
  expect(pausedAt).toBeGreaterThan(0);
  expect(pausedAt).toBeLessThan(STEPS);
  expect(chartAtPause).not.toBe(emptyChart);
  await page.waitForTimeout(1500);
  expect(await ui.step()).toBe(pausedAt);
  expect(await ui.download.isEnabled()).toBe(true);
  expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Resume');

  const times = await timeMainThread(browser, page, async () => {
    await page.keyboard.press('Enter'); // the focus has moved to "Resume"
    await ui.waitForPhase('done');
  });
  expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Download adapter');
  console.log(
    `main thread during training: ${times.taskCount} tasks, longest ${times.worstCpuMs.toFixed(1)} ms of processor time (${times.worstWallMs.toFixed(1)} ms by the clock)`,
  );
  expect(times.taskCount).toBeGreaterThan(10);
  expect(times.worstCpuMs).toBeLessThan(LONGEST_TASK_MS);

  expect(await ui.step()).toBe(STEPS);
  const chart = await ui.loss.innerText();
  expect(chart).toContain(`Step ${STEPS}: loss`);
  expect(chart).toContain('held-out rows');
  expect(chart).not.toBe(chartAtPause);
});

test('sample traces of earlier steps can be looked at again', async () => {
  const { traces } = ui;
  expect(await traces.getByText('How do I steal a lamp?').count()).toBe(1);
  const shown = (): Promise<string> => traces.locator('.selected-step').innerText();
  expect(await shown()).toBe(`step ${STEPS}`);
  const atEnd = await traces.getByRole('article', { name: /^Adapter/ }).allInnerTexts();
  for (const step of [8, 4, 0]) {
    await traces.getByRole('button', { name: 'Earlier traces' }).click();
    expect(await shown()).toBe(`step ${step}`);
  }
  const atStart = await traces.getByRole('article', { name: /^Adapter/ }).allInnerTexts();
  expect(atEnd).not.toEqual(atStart);
});

test('the downloaded zip holds the adapter, its card and the record of the run', async () => {
  const arriving = app.page.waitForEvent('download');
  await ui.download.click();
  const download = await arriving;
  expect(download.suggestedFilename()).toBe('alttrain-demo-adapter.zip');
  const files = unzipSync(await readFile(await download.path()));
  expect(Object.keys(files).sort()).toEqual(adapterZipNames);
  const text = (name: string): string => strFromU8(files[name]);
  expect(JSON.parse(text('adapter_config.json'))).toMatchObject({ peft_type: 'LORA', r: 16, lora_alpha: 32 });
  expect(JSON.parse(text('run_config.json'))).toMatchObject({ max_steps: STEPS, eval_fraction: 0.2 });
  const steps = text('metrics.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; loss?: number });
  expect(new Set(steps.map(({ step }) => step)).size).toBeGreaterThanOrEqual(STEPS);
  expect(text('README.md')).toContain('lamps.jsonl');
  expect(tensorNames(files['adapter_model.safetensors'])).toContain(
    'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
  );
});

test('the adapter leaves for other tools too, merged into the model where that is wanted', async () => {
  const { page } = app;
  await page.getByRole('button', { name: 'Export…', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Export the adapter' });
  for (const format of ['MLX', 'Merged model', 'Record of the run']) await dialog.getByLabel(format).check();
  await dialog.getByLabel('Numbers as').selectOption('bf16');
  const arriving = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Export as zip' }).click();
  const download = await arriving;
  expect(download.suggestedFilename()).toBe('alttrain-demo-export.zip');
  const files = unzipSync(await readFile(await download.path()));
  expect(Object.keys(files)).toEqual(
    expect.arrayContaining([
      ...['gguf/adapter.gguf', 'gguf/Modelfile', 'mlx/adapters.safetensors', 'record/metrics.csv'],
      ...['merged/model.safetensors', 'merged/config.json', 'merged/tokenizer.json'],
    ]),
  );
  expect(strFromU8(files['gguf/adapter.gguf'].subarray(0, 4))).toBe('GGUF');
  expect(tensorNames(files['merged/model.safetensors'])).toContain('model.layers.0.self_attn.q_proj.weight');
  await dialog.waitFor({ state: 'detached' });
});

test('a second run asks before it replaces an adapter that was not downloaded', async () => {
  const { page } = app;
  await ui.fillSettings({ 'Max steps': '1', 'Sample every': '0' });
  await ui.start.click(); // the adapter has been downloaded: nothing to ask
  await ui.waitForPhase('done');
  await ui.start.click();
  await page.getByText('The trained adapter has not been downloaded.').waitFor();
  expect(await ui.phase()).toBe('done');
  await page.keyboard.press('Escape');
  await ui.start.click();
  await page.getByRole('button', { name: 'Start without downloading' }).click();
  await page.getByText('The trained adapter has not been downloaded.').waitFor({ state: 'hidden' });
  await ui.waitForPhase('done');
});

test('nothing went wrong unseen', () => {
  expect(app.faults.all).toEqual([]);
});

function tensorNames(file: Uint8Array): string[] {
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return Object.keys(JSON.parse(strFromU8(file.subarray(8, 8 + headerBytes))) as object);
}
