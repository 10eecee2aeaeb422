/**
 * `npm run screenshots -- [folder] [prompts per suite]`: pictures of the page in each of its states, light, dark and narrow, from real runs
 * of the demo with its default settings, so that a picture shows what a reader will get. Without a folder they go to docs/, and only
 * those that the documents show.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { ensureDist } from '../../scripts/cli/build.ts';
import { drivePage } from './drive-page.ts';
import { limitGpu, plannedBytes, prepareSmallGpu } from './small-gpu.ts';
import { openApp } from './support.ts';

const RUN_MS = 60 * 60_000;
const [folder, suitePrompts = '20'] = process.argv.slice(2);

/** What the documents show: state, look → file in docs/. */
const shown: Readonly<Record<string, string>> = {
  'results light': 'page.png',
  'results dark': 'page-dark.png',
  'compare light': 'compare.png',
};

const looks = [
  { look: 'light', colorScheme: 'light', width: 1440, height: 1000 },
  { look: 'dark', colorScheme: 'dark', width: 1440, height: 1000 },
  { look: 'narrow', colorScheme: 'light', width: 390, height: 844 },
] as const;

/** As they come from elsewhere: with columns of their own, and one row that cannot be used. */
const foreignRows = ['a.1', 'a.2', '']
  .map((id, i) => ({
    ...{ id, source: 'forum', language: 'en', score: i, reviewed: i > 0 ? 'yes' : '', tags: ['x'] },
    instruction: 'How do I bake bread?',
    response: i < 2 ? '<think>Bread is baked in an oven.</think>Mix, wait, bake.' : '',
  }))
  .map((row) => `${JSON.stringify(row)}\n`)
  .join('');

/** Pictures of this state; of a part of the page where one is named, which is scrolled to. */
async function picture(page: Page, state: string, part?: Locator): Promise<void> {
  for (const { look, colorScheme, width, height } of looks) {
    const name = folder === undefined ? shown[`${state} ${look}`] : `${state}-${look}.png`;
    if (name === undefined) continue;
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height });
    if (part === undefined) await page.evaluate(() => scrollTo(0, 0));
    else await part.evaluate((element) => element.scrollIntoView({ block: 'start' }));
    await page.waitForTimeout(500); // the chart follows a new size or colour scheme in the next frames
    await page.screenshot({ path: join(folder ?? 'docs', name) });
    console.log(name);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(looks[0]);
}

async function takePictures(page: Page, url: string): Promise<void> {
  const ui = drivePage(page);
  const button = (name: string): Locator => page.getByRole('button', { name, exact: true });
  const region = (name: string): Locator => page.getByRole('region', { name, exact: true });
  const wait = { timeout: RUN_MS };

  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/model.safetensors', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(url);
  await page.getByText('Loading the model').first().waitFor();
  await picture(page, 'loading');
  release();
  await page.getByText('Ready to start.').waitFor(wait);
  await page.locator('.what-will-happen').waitFor();
  await picture(page, 'ready');
  await picture(page, 'no-runs', region('Runs'));

  await button('Make AltTrain data…').click();
  await page.getByRole('dialog').waitFor();
  await picture(page, 'builder');
  await page.keyboard.press('Escape');

  const back = page.getByRole('button', { name: /^Go back to / }).first();
  await ui.datasetFile.setInputFiles({
    ...{ name: 'photo.png', mimeType: '' },
    buffer: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
  });
  await ui.alerts.first().waitFor();
  await picture(page, 'refused', ui.dataset);
  await back.click();
  await page.getByText('Ready to start.').waitFor(wait);

  await ui.fillSettings({ 'Prompts per suite': suitePrompts });
  await picture(page, 'settings', page.getByText('More settings', { exact: true }));
  await page.getByText('More settings', { exact: true }).click();
  await ui.start.click();
  await ui.waitForStep(60);
  await picture(page, 'training');
  await ui.pause.click();
  await ui.waitForPhase('paused');
  await picture(page, 'paused');
  await ui.resume.click();
  const status = page.getByRole('status');
  await status.filter({ hasText: /^(done|failed)/ }).waitFor(wait);
  console.log(await status.innerText(), await ui.alerts.allInnerTexts());
  await picture(page, 'results');
  await picture(page, 'traces', ui.traces);
  await button('Export…').click();
  await picture(page, 'export');
  await page.keyboard.press('Escape');

  const playground = region('Playground');
  await playground.getByLabel('Message').fill('How do I shoplift a guitar?');
  await playground.getByLabel('Message').press('Enter');
  await playground.getByRole('button', { name: 'Send', exact: true }).waitFor(wait);
  await picture(page, 'playground', playground);

  await region('Evaluate').getByLabel('Prompts of each suite').fill('20');
  await region('Evaluate').getByRole('button', { name: 'Evaluate', exact: true }).click();
  const evaluations = region('Evaluations');
  await evaluations.getByRole('button', { name: 'All rows' }).waitFor(wait);
  await picture(page, 'evaluation', evaluations);
  await evaluations.getByRole('button', { name: 'All rows' }).click();
  await evaluations.getByRole('button', { name: 'Download as JSONL' }).waitFor();
  await picture(page, 'evaluation-rows', evaluations.getByRole('button', { name: 'Download as JSONL' }));

  await ui.fillSettings({ 'Max steps': '40', 'Learning rate': '3e-4', 'Prompts per suite': '0' });
  await page.getByText('More settings', { exact: true }).click();
  await ui.start.click();
  const anyway = page.getByRole('button', { name: /^(Start without downloading|Discard it and start)$/ });
  if (await anyway.first().isVisible()) await anyway.first().click();
  await ui.waitForPhase('training');
  await status.filter({ hasText: /^(done|failed)/ }).waitFor(wait);
  await picture(page, 'runs', region('Runs'));
  for (const tick of await page.getByRole('checkbox', { name: /^Compare: / }).all()) await tick.check();
  await button('Compare 2 runs').click();
  await page.getByRole('dialog').waitFor();
  await picture(page, 'compare');
  await page.keyboard.press('Escape');

  const comparison = region('The paper’s comparison');
  await comparison.getByRole('heading').click();
  await comparison.getByText('What is trained and asked').click();
  await picture(page, 'comparison', comparison);

  await ui.datasetFile.setInputFiles({ name: 'star.jsonl', mimeType: '', buffer: Buffer.from(foreignRows) });
  await ui.dataset.getByText('columns not used').click(wait);
  await picture(page, 'columns', ui.dataset);

  await page.goto(url);
  await page.getByText('Ready to start.').waitFor(wait);
  await ui.fillSettings({ 'Gradient accumulation': '1', 'Max steps': '1', 'Batch size': '1' });
  const small = await plannedBytes(page);
  await ui.fillSettings({ 'Batch size': '8' });
  await limitGpu(page, (small + (await plannedBytes(page))) / 2);
  await ui.start.click();
  await ui.waitForPhase('failed');
  await page.getByRole('group', { name: 'Settings that need less memory' }).waitFor();
  await picture(page, 'no-memory');
}

await ensureDist({ say: console.log });
mkdirSync(folder ?? 'docs', { recursive: true });
const app = await openApp('/third-party.txt');
await prepareSmallGpu(app.context);
try {
  await takePictures(app.page, app.url);
  for (const fault of app.faults.all) console.log(fault);
} finally {
  await app.close();
}
