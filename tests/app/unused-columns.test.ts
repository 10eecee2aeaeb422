/** Columns that nothing uses are seen in the dataset panel, before anything is trained. */
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

const summary = () => ui.dataset.getByText(/^\d+ columns? not used$/);

test('the built-in dataset uses all of its columns', async () => {
  expect(await summary().count()).toBe(0);
  expect(await ui.dataset.getByText('are not used').count()).toBe(0);
});

test('columns of a file that are not used are warned of once and listed with their share, used ones are not', async () => {
  const rows = [
    { id: 'a.1', instruction: 'Which river?', context: 'By the Alder.', response: 'The Alder.', note: '' },
    { id: 'a.2', instruction: 'Name a colour.', context: '', response: 'Green.', note: 'short' },
  ];
  await ui.datasetFile.setInputFiles({
    name: 'dolly.jsonl',
    mimeType: '',
    buffer: Buffer.from(rows.map((row) => JSON.stringify(row)).join('\n')),
  });
  await ui.dataset.getByText('dolly.jsonl').waitFor();
  await ui.dataset
    .getByText('2 columns are not used (share of rows that fill them): id 100 %, note 50 %.')
    .waitFor();
  expect(await summary().innerText()).toBe('2 columns not used');
  await summary().click();
  const table = ui.dataset.getByRole('group', { name: 'Columns not used' });
  expect(await table.getByRole('row').allInnerTexts()).toEqual([
    expect.stringMatching(/^Column\s+Filled in$/),
    expect.stringMatching(/^id\s+100 %$/),
    expect.stringMatching(/^note\s+50 %$/),
  ]);
  expect(app.faults.all).toEqual([]);
});
