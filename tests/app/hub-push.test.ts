/** A trained adapter goes from the page to the hub: what would be sent is shown, a wrong token is refused, and all of it arrives. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

const token = 'hf_mayWrite';
let hub: HubServer;
let app: OpenApp;
let ui: PageDriver;
beforeAll(async () => {
  hub = await startHubServer([], [token]);
  app = await openApp(`/?hub=${hub.url}`);
  ui = drivePage(app.page);
  await ui.waitUntilReady();
  await ui.fillSettings({
    'Max steps': '1',
    'Batch size': '1',
    'Sample every': '0',
    'Prompts per suite': '0',
  });
  await ui.start.click();
  await ui.waitForPhase('done');
});
afterAll(async () => {
  await app.close();
  await hub.close();
});

test('it arrives whole in a new private repository, after it was shown, and not with a token that may not write', async () => {
  const { page } = app;
  await page.getByRole('button', { name: 'Export…', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Export the adapter' });
  await dialog.getByLabel('PEFT', { exact: false }).first().check();
  await dialog.getByLabel('Where to').selectOption({ label: 'Hugging Face Hub' });
  const show = dialog.getByRole('button', { name: 'Show what will be sent' });
  expect(await show.isDisabled()).toBe(true);
  await dialog.getByLabel('Repository', { exact: true }).fill('me/from-the-page');
  await dialog.getByLabel('Access token').fill('hf_mayRead');
  await show.click();
  const files = dialog.getByRole('list', { name: 'Files to send' }).getByRole('listitem');
  await files.first().waitFor();
  const listed = (await files.allInnerTexts()).map((text) => text.split(' ')[0]).sort();
  await page.screenshot({ path: '/tmp/push-plan.png' });
  expect(hub.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  const send = dialog.getByRole('button', { name: 'Send to me/from-the-page, new and private' });
  await send.click();
  await dialog.locator('[role=alert][data-code=hub-access]').waitFor();

  await dialog.getByLabel('Access token').fill(token);
  await send.click();
  await dialog.getByRole('link', { name: `${hub.url}/me/from-the-page` }).waitFor();
  await page.screenshot({ path: '/tmp/push-sent.png' });
  const repo = hub.uploaded.get('me/from-the-page');
  expect(repo?.visibility).toBe('private');
  expect([...(repo?.files.keys() ?? [])].sort()).toEqual(listed);
  expect(listed).toEqual(
    expect.arrayContaining(['README.md', 'adapter_model.safetensors', 'gguf/adapter.gguf']),
  );
  for (const { server, authorization } of hub.requests)
    if (server === 'cdn') expect(authorization).toBeNull();

  // What was shown is not what would be sent after a change.
  await dialog.getByRole('button', { name: 'Send something else' }).click();
  await show.click();
  await files.first().waitFor();
  await dialog.getByLabel('MLX').check();
  expect(await files.count()).toBe(0);
  await show.click();
  await send.click();
  await dialog.locator('[role=alert][data-code=hub-exists]').waitFor();
  await dialog.getByLabel('Add to a repository that is there').check();
  await dialog.getByRole('button', { name: 'Send to me/from-the-page', exact: true }).click();
  await dialog.getByText('Sent:').waitFor();
  expect(repo?.files.has('mlx/adapters.safetensors')).toBe(true);
});

test('sending is cancelled, and nothing is committed', async () => {
  const { page } = app;
  const dialog = page.getByRole('dialog', { name: 'Export the adapter' });
  await dialog.getByRole('button', { name: 'Send something else' }).click();
  await dialog.getByLabel('Numbers as').selectOption('bf16'); // other bytes: the storage has none of them yet
  await dialog.getByLabel('Repository', { exact: true }).fill('me/cancelled');
  await dialog.getByLabel('Add to a repository that is there').uncheck();
  await dialog.getByRole('button', { name: 'Show what will be sent' }).click();
  hub.setFaults([{ path: '/upload/', on: 'cdn', fault: { kind: 'silent' } }]);
  await dialog.getByRole('button', { name: /^Send to me\/cancelled/ }).click();
  await dialog.getByText(/Sending .*safetensors/).waitFor();
  await dialog.getByRole('button', { name: 'Cancel', exact: true }).click();
  await dialog.getByText('was cancelled').waitFor();
  expect(hub.uploaded.get('me/cancelled')?.commits).toEqual([]);
  await page.keyboard.press('Escape');
});

test('nothing went wrong unseen', () => {
  expect(app.faults.all).toEqual([]);
});
