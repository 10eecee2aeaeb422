/** The way of a user through the built page in Firefox: it opens, its GPU proves itself, it trains, the adapter is downloaded. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { strFromU8, unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distFolder } from '../../scripts/cli/paths.ts';
import { adapterZipNames } from '../support/adapter-zip.ts';
import { downloadedFile, openFirefoxPage, type FirefoxPage } from './open-page.ts';

const STEPS = 4;

let app: FirefoxPage;
beforeAll(async () => {
  app = await openFirefoxPage(distFolder);
});
afterAll(() => app.close());

const phase = async (): Promise<string> => /^\w+/.exec(await app.text('status'))?.[0] ?? '';

test('the page opens, the GPU passes its self-test, and model and dataset of the demo are ready', async () => {
  await app.until('an enabled "Start training"', () => app.isEnabled('button', 'Start training'));
  expect(await app.text('alert')).toBe('');
  const body = await app.page.evaluate(() => document.body.innerText);
  // Firefox names no GPU; whether it is software it does say
  expect(body).toMatch(/WebGPU: (software )?GPU without a name/);
  expect(body).toContain('1,000');
});

test('a run of a few steps trains, writes a sample trace and ends', async () => {
  const more = await app.page.$('::-p-text(More settings)');
  await more?.click();
  const settings = {
    'Max steps': STEPS,
    'Batch size': 2,
    'Sample every': STEPS,
    'New tokens': 8,
    'Prompts per suite': 0,
  };
  for (const [label, value] of Object.entries(settings)) {
    const field = await app.find('textbox', label);
    await field.evaluate((element) => (element as HTMLInputElement).select());
    await field.type(String(value));
  }
  await (await app.find('button', 'Start training')).click();
  await app.until('the end of the run', async () => (await phase()) === 'done');
  expect(await app.text('region', 'Loss')).toContain(`Step ${STEPS}: loss`);
  expect(await app.text('alert')).toBe('');
});

test('the downloaded zip holds the adapter and the record of as many steps', async () => {
  await (await app.find('button', 'Download adapter')).click();
  const path = downloadedFile(app.downloads, 'alttrain-demo-adapter.zip');
  await app.until('the download', () => Promise.resolve(existsSync(path) && !existsSync(`${path}.part`)));
  const files = unzipSync(await readFile(path));
  expect(Object.keys(files).sort()).toEqual(adapterZipNames);
  const rows = strFromU8(files['metrics.jsonl']).trim().split('\n');
  const losses = rows
    .map((line) => (JSON.parse(line) as { readonly loss?: number }).loss)
    .filter((loss) => loss !== undefined);
  expect(losses).toHaveLength(STEPS);
  for (const loss of losses) expect(loss).toBeGreaterThan(0.1);
});

test('nothing went wrong unseen', () => {
  expect(app.faults).toEqual([]);
});
