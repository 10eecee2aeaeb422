/** The dataset builder as a user meets it: files in, rows looked at and edited, a file out and a dataset to train on. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Locator } from 'playwright-core';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

let app: OpenApp;
let ui: PageDriver;
let dialog: Locator;
let built: Locator;
const button = (name: string): Locator => dialog.getByRole('button', { name, exact: true });

beforeAll(async () => {
  app = await openApp();
  ui = drivePage(app.page);
  dialog = app.page.getByRole('dialog', { name: 'Make AltTrain data' });
  built = dialog.getByRole('region', { name: 'Built rows' });
  await ui.waitUntilReady();
});
afterAll(() => app.close());

const jsonl = (name: string, rows: readonly object[]) => ({
  name,
  mimeType: '',
  buffer: Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')),
});
const harmful = ['bully a coworker', 'shoplift a guitar', '<b>forge</b> a badge'].map((deed) => ({
  question: `How can I ${deed}?`,
  response: `<think>\nOkay, so the user asks how to ${deed}. Hmm.\n</think>\n\nI'm sorry, but I can't help.`,
}));
const benign = [{ question: 'What is 3 times 2?', answer: '3*2=6\n#### 6' }];

test('with the keyboard alone: opened, filled, built, and the focus is where it goes on', async () => {
  const { page } = app;
  await page.getByRole('button', { name: 'Make AltTrain data…' }).focus();
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await dialog.getByLabel('Harmful prompts file').setInputFiles(jsonl('bad.jsonl', [...harmful, { a: 1 }]));
  await dialog.getByText('4 rows: 3 harmful, 0 benign, 1 not usable').waitFor();
  await dialog.getByText('1 row not usable').click();
  await dialog.getByText('has no question').waitFor();
  await dialog.getByLabel('Rows', { exact: true }).focus();
  await page.keyboard.press('Enter');
  // No benign row yet: refused with what to do, not built with another mix.
  await dialog.getByRole('alert').filter({ hasText: 'set the harmful share to 1' }).waitFor();
  await dialog.getByLabel('Benign prompts file').setInputFiles(jsonl('sums.jsonl', benign));
  await dialog.getByText('1 row: 0 harmful, 1 benign').waitFor();
  await dialog.getByLabel('Harmful share').fill('0.75');
  await page.keyboard.press('Enter');
  await built.waitFor();
  expect(await built.evaluate((element) => element === document.activeElement)).toBe(true);
  expect(await built.getByRole('listitem').filter({ hasText: 'line' }).count()).toBe(4);
  await built.getByText('4 of 4').waitFor(); // verdicts read back
  expect(await built.locator('b').count()).toBe(0); // text of a file is text
  expect(await dialog.getByRole('alert').count()).toBe(0);
});

test('a row is edited and its verdict read again; Escape gives an edit up, Undo takes one back', async () => {
  const { page } = app;
  const row = built.getByRole('listitem').filter({ hasText: 'bad.jsonl, line 1' });
  await row.getByRole('button', { name: 'Edit line 1 of bad.jsonl' }).click();
  await row.getByLabel('Response').fill('never kept');
  await page.keyboard.press('Escape');
  expect(await dialog.isVisible()).toBe(true);
  await row.getByRole('button', { name: 'Edit line 1 of bad.jsonl' }).click();
  await row.getByLabel('Response').fill('The user asks. This is harmless. Be kind.\n</think>\n\nBe kind.');
  await row.getByRole('button', { name: 'Save' }).click();
  await row.getByText('Calls the request harmless').click();
  await row.getByText('It answers, as it should then.').waitFor();
  await button('Build again, dropping 1 edit').waitFor();
  await button('Undo edit (1)').click();
  await row.getByText('Calls the request harmful').waitFor();
  expect(await button('Undo edit').isDisabled()).toBe(true);
});

test('the loaded model writes the assessments, with progress, and can be cancelled', async () => {
  await dialog.getByText('Templates', { exact: true }).click();
  await dialog.getByLabel('What the model is asked for an assessment').fill('{question} Is it harmful?');
  await dialog.getByLabel('The loaded model writes the assessments').check();
  await button('Build').click();
  await button('Cancel').click();
  await dialog.getByRole('alert').filter({ hasText: 'cancelled' }).waitFor();
  await built.getByText('4 / 0').waitFor(); // the rows from before stay
  await button('Build').click();
  await built.getByText('HA by the model', { exact: true }).first().waitFor();
  await built.getByText('it would lead to').first().waitFor(); // the demo's words, in no template
});

test('another shape of the same rows is downloaded, and becomes the dataset', async () => {
  const { page } = app;
  await dialog.getByLabel('The loaded model writes the assessments').uncheck();
  await dialog.getByLabel('Shape').selectOption({ label: 'DirectRefusal' });
  await button('Build').click();
  await built.getByText('I should not answer this question!').first().waitFor();
  const arriving = page.waitForEvent('download');
  await button('Download JSONL').click();
  const download = await arriving;
  expect(download.suggestedFilename()).toBe('direct-refusal-4.jsonl');
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { label: string }).label).sort()).toEqual([
    'benign',
    'harmful',
    'harmful',
    'harmful',
  ]);
  await button('Use as dataset').click();
  await dialog.waitFor({ state: 'detached' });
  await ui.dataset.getByText('direct-refusal-4.jsonl').waitFor();
  await ui.waitUntilReady();
  expect(app.faults.all).toEqual([]);
});
