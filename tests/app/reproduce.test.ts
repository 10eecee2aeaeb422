/** The paper's comparison by one button: stopped in the middle, gone on with, found again after a reload, downloaded. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recipes } from '../../src/reproduce/recipes.ts';
import { addAxe, expectAccessible } from './accessible.ts';
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

const steps = 16; // enough that a fast machine is stopped before their end
const asked = ['alttrain-1k', 'r2d'];
const outcome = 'docs/reproduction/seed-1/alttrain-1k/outcome.json'; // of the command, with the same rows
const { tokensPerSample } = JSON.parse(readFileSync(outcome, 'utf8')) as { tokensPerSample: number };
const panel = () => app.page.getByRole('region', { name: 'The paper’s comparison', exact: true });
const begin = () => panel().getByRole('button', { name: 'Reproduce the comparison', exact: true });
const table = () => panel().getByRole('table');
const rowNames = async (): Promise<string[]> =>
  (await table().getByRole('rowheader').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim());

/** Two recipes, a few steps, two prompts a suite. */
async function choose(): Promise<void> {
  await ui.fillSettings({ 'Batch size': '4' });
  await panel().getByRole('heading').click();
  await panel().getByText('What is trained and asked').click();
  for (const { id, title } of recipes)
    await panel()
      .getByRole('checkbox', { name: new RegExp(`^${title.replace(/[,.]/g, '.')} `) })
      .first()
      .setChecked(asked.includes(id));
  await panel().getByLabel('Prompts of each suite, for the comparison').fill('2');
  const stepsOfEach = panel().getByLabel('Steps of each run, for the comparison');
  await stepsOfEach.fill('some');
  await panel().getByText('“Steps of each run” must be a whole number from 1.').waitFor();
  await stepsOfEach.fill(String(steps));
}
const untilIdle = (): Promise<void> =>
  panel()
    .getByRole('button', { name: 'Stop the comparison' })
    .waitFor({ state: 'detached', timeout: 240_000 });

test('it is stopped in its first run, and nothing else can be started meanwhile', async () => {
  await choose();
  await panel().getByText('2 runs to train and judge.').waitFor();
  await begin().click();
  await panel().getByText('1 of 2: AltTrain 1K').waitFor();
  await ui.waitForStep(2);
  await panel().getByRole('button', { name: 'Stop the comparison' }).click();
  await untilIdle();
  expect(await ui.phase()).toBe('stopped');
  expect(await ui.step()).toBeLessThan(steps);
  expect(await table().count()).toBe(0);
  await ui.dataset.getByText('alttrain-1k', { exact: false }).first().waitFor(); // what was chosen before
  await ui.waitUntilReady();
});

test('it goes on where it stopped, run by run, to a table beside the paper’s', async () => {
  const before = await app.page.getByRole('list', { name: 'Unfinished runs' }).getByRole('listitem').count();
  await begin().click();
  await panel().getByText('2 of 2: R2D-style').waitFor({ timeout: 240_000 });
  await untilIdle();
  expect(await ui.alerts.allInnerTexts()).toEqual([]);
  await panel().getByText('All that is ticked has been trained and judged').waitFor();
  expect(await rowNames()).toEqual(['untrained 1 seed', 'AltTrain 1K 1 seed', 'R2D-style 1 seed']);
  expect(await table().getByRole('cell').first().innerText()).toMatch(/\d %.*paper 83\.5/s);
  const altTrain = table().getByRole('row', { name: /^AltTrain 1K/ });
  expect(await altTrain.getByRole('cell').nth(3).innerText()).toBe(tokensPerSample.toFixed(1));
  const runs = app.page.getByRole('region', { name: 'Runs', exact: true });
  for (const title of ['AltTrain 1K', 'R2D-style'])
    expect(await runs.getByText(`Paper: ${title}, seed 42`).count()).toBe(1); // the stopped one went on
  expect(before).toBeLessThan(2);
});

test('the table is there again after a reload, for these settings only, and is downloaded', async () => {
  await addAxe(app.page);
  await expectAccessible(app.page, 'the paper’s comparison');
  await app.page.reload();
  await ui.waitUntilReady();
  expect(await table().count()).toBe(0); // the settings are others
  await choose();
  await panel().getByText('All that is ticked has been trained and judged').waitFor();
  expect((await rowNames()).length).toBe(3);
  const arriving = app.page.waitForEvent('download');
  await panel().getByRole('button', { name: 'Download the table' }).click();
  const text = await readFile(await (await arriving).path(), 'utf8');
  expect(text).toContain('| R2D-style |');
  expect(text.split('\n').find((line) => line.startsWith('| AltTrain 1K |'))).toContain(
    ` | ${tokensPerSample.toFixed(1)} | `,
  );
  expect(app.faults.all).toEqual([]);
});
