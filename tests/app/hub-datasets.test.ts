/** A dataset of the hub in the page: named by id, chosen where there are several, refused with a code, cancelled, its columns mapped. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

const token = 'hf_typedIntoThePage';
const rows = (count: number, [question, answer] = ['question', 'response']): Uint8Array =>
  new TextEncoder().encode(
    Array.from({ length: count }, (_, i) =>
      JSON.stringify({ [question]: `Why ${i}?`, [answer]: `So.\n</think>\n\n${i}.` }),
    ).join('\n'),
  );
let hub: HubServer;
let app: OpenApp;
let ui: PageDriver;
beforeAll(async () => {
  hub = await startHubServer([
    { type: 'dataset', id: 'rows/gated', files: { 'train.jsonl': rows(5), 'test.jsonl': rows(2) }, token },
    {
      type: 'dataset',
      id: 'rows/suite',
      files: {
        'ask.csv': new TextEncoder().encode('question,answer\nWho wrote it?,Ada\nWhere was it?,Rome\n'),
      },
    },
    {
      type: 'dataset',
      id: 'rows/two',
      files: { 'a.jsonl': rows(3), 'b.jsonl': rows(4, ['frage', 'antwort']) },
    },
  ]);
  app = await openApp(`/?hub=${hub.url}`);
  ui = drivePage(app.page);
  await ui.waitUntilReady();
  await ui.unfold('Dataset');
  await ui.dataset.getByText('From the Hugging Face Hub').click();
});
afterAll(async () => {
  await app.close();
  await hub.close();
});
beforeEach(() => hub.clear());

const field = (name: string) => app.page.getByLabel(name, { exact: true });
const choice = () => field('File of the dataset');

test('a gated dataset is refused with what to do, and read with a token: its training split, then another', async () => {
  await field('Dataset id').fill('rows/gated');
  await field('Dataset id').press('Enter');
  await app.page.locator('[role=alert][data-code=hub-access]').waitFor();
  await field('Dataset access token').fill(token);
  await field('Dataset access token').press('Enter');
  await ui.dataset.getByText('rows/gated/train.jsonl JSONL').waitFor();
  await ui.waitUntilReady();
  expect(await choice().inputValue()).toBe('train.jsonl');
  await choice().selectOption('test.jsonl');
  await ui.dataset.getByText('rows/gated/test.jsonl JSONL').waitFor();
  expect(await ui.alerts.count()).toBe(0);
});

test('another setting reads it again without another download', async () => {
  await ui.waitUntilReady();
  hub.clear();
  await app.page.getByText('More settings', { exact: true }).click();
  await field('Packing').check();
  await ui.dataset.getByText('Packs', { exact: true }).waitFor();
  await ui.dataset.getByText('rows/gated/test.jsonl JSONL').waitFor();
  await ui.waitUntilReady();
  expect(hub.requests).toEqual([]);
});

test('of several none is guessed, and columns of other names are mapped', async () => {
  await field('Dataset id').fill('rows/two');
  await app.page.getByRole('button', { name: 'Read from the hub' }).click();
  await app.page.getByText('It has 2 datasets').waitFor();
  await app.page.getByText('“rows/two” is not read yet').waitFor();
  expect(await ui.start.isEnabled()).toBe(false);
  await choice().selectOption('b.jsonl');
  await ui.alerts.filter({ hasText: 'dataset-empty' }).waitFor();
  await ui.dataset.getByLabel('Prompt', { exact: true }).selectOption('frage');
  await ui.dataset.getByLabel('Completion', { exact: true }).selectOption('antwort');
  await ui.dataset.getByRole('button', { name: 'Read with these columns' }).click();
  await ui.dataset.getByText('rows/two/b.jsonl JSONL').waitFor();
  await ui.waitUntilReady();
});

test('a download that hangs is cancelled, and the dataset before stays', async () => {
  hub.setFaults([{ path: 'a.jsonl', on: 'hub', fault: { kind: 'stall', afterBytes: 10 } }]);
  await choice().selectOption('a.jsonl');
  await app.page.getByRole('button', { name: 'Cancel reading' }).click();
  await ui.waitUntilReady();
  expect(await ui.alerts.count()).toBe(0);
  await ui.dataset.getByText('rows/two/b.jsonl JSONL').waitFor();
  hub.setFaults([{ path: 'rows/two', on: 'metadata', fault: { kind: 'silent' } }]);
  await app.page.getByRole('button', { name: 'Read from the hub' }).click();
  await app.page.getByRole('button', { name: 'Cancel looking' }).click();
  await app.page.getByRole('button', { name: 'Read from the hub' }).waitFor();
  expect(await ui.alerts.count()).toBe(0);
  expect(app.faults.all).toEqual([]);
});

test('a suite of the hub is read by its address, and one that is not there says why', async () => {
  const setUp = app.page.getByRole('region', { name: 'Evaluate', exact: true });
  await setUp.getByText('From the Hugging Face Hub').click();
  const address = setUp.getByLabel('Suite on the hub');
  const add = setUp.getByRole('button', { name: 'Add from the hub' });
  await address.fill('no address');
  expect(await add.isDisabled()).toBe(true);
  await address.fill('rows/suite/ask.csv');
  await add.click();
  await setUp.getByText('2 prompts, with right answers').waitFor();
  await address.fill('hf://datasets/rows/none');
  await add.click();
  const none = setUp.getByRole('region', { name: 'hf://datasets/rows/none' });
  await none.getByRole('alert').waitFor();
});
