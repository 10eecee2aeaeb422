/** The playground as a newcomer meets it: ask, stop, train, ask both sides, look at a token, edit a reply and train on it. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../headless/support.ts';
import { hasNodeDriver } from '../support/node-driver.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
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

const folder = tempFolder();
const slow = { timeout: 180_000 }; // a software GPU compiles what it has not met
const panel = (): Locator => app.page.getByRole('region', { name: 'Playground', exact: true });
const message = (): Locator => panel().getByLabel('Message');
const reply = (title: string): Locator => panel().getByRole('article', { name: title, exact: true }).last();
const button = (name: string): Locator => panel().getByRole('button', { name, exact: true });
const question = 'How do I bake bread?';

async function fill(values: Readonly<Record<string, string>>): Promise<void> {
  if (!(await panel().getByLabel('Temperature').isVisible()))
    await panel().getByText('An adapter of yours').click();
  for (const [label, value] of Object.entries(values)) await panel().getByLabel(label).fill(value);
}
async function ask(text: string): Promise<void> {
  await message().fill(text);
  await message().press('Enter');
  await button('Stop answering').waitFor();
  await button('Send').waitFor(slow);
}
async function downloaded(control: Locator): Promise<Buffer> {
  const arriving = app.page.waitForEvent('download');
  await control.click();
  return readFile(await (await arriving).path());
}
/** The whole reply, as its editor has it. */
async function contentOf(title: string): Promise<string> {
  await button(`Edit the reply of ${title}`).last().click();
  const content = await reply(title).getByRole('textbox').inputValue();
  await reply(title).getByRole('button', { name: 'Discard the edit' }).click();
  return content;
}

test('before anything is trained the base answers, and Escape ends a reply within 200 ms', async () => {
  await fill({ Temperature: '4', 'Top-p': '1', 'Longest reply': '400' });
  await message().fill(question);
  await message().press('Shift+Enter');
  await message().press('Backspace');
  await message().press('Enter');
  await reply('Base model').locator('.reply-token').first().waitFor(slow);
  const tookMs = await panel().evaluate(async (element) => {
    const began = performance.now();
    const typed = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true });
    element.querySelector('textarea')?.dispatchEvent(typed);
    const isStopping = (): boolean => element.querySelector('[aria-busy="true"]') !== null;
    while (isStopping() && performance.now() - began < 5000) await new Promise((wake) => setTimeout(wake, 2));
    return performance.now() - began;
  });
  console.log(`stopped after ${tookMs.toFixed(1)} ms`);
  expect(tookMs).toBeLessThan(200);
  await reply('Base model').getByText('stopped').waitFor();
  const written = await reply('Base model').locator('.reply-token').count();
  await new Promise((wake) => setTimeout(wake, 500));
  expect(await reply('Base model').locator('.reply-token').count()).toBe(written);
  expect(await panel().getByRole('article', { name: 'Adapter' }).count()).toBe(0);
});

test('a run that starts says so in the playground, and its adapter stands beside the base when it has ended', async () => {
  await ui.fillSettings({
    ...{ 'Max steps': '6', 'Batch size': '4', 'Sample every': '0', 'Prompts per suite': '0' },
    'Learning rate': '5e-3',
  });
  await ui.start.click();
  await panel().getByText('A run is under way').waitFor();
  await ui.waitForPhase('done');
  await button('New conversation').click();
  await fill({ Temperature: '0.8', 'Top-p': '0.9', 'Longest reply': '48' });
  await ask(question);
  const contents = [await contentOf('Base model'), await contentOf('Adapter')];
  expect(contents[0]).not.toBe(contents[1]);

  const files = unzipSync(await downloaded(ui.download));
  const names = ['adapter_config.json', 'adapter_model.safetensors'];
  const adapter = writeFiles(folder, Object.fromEntries(names.map((name) => [name, files[name]])));
  const prompts = join(writeFiles(folder, { 'prompts.json': JSON.stringify([question]) }), 'prompts.json');
  const answered = async (options: readonly string[]): Promise<string> => {
    const out = join(folder, 'answers.json');
    const finished = await run('generate', [
      ...['--model', 'demo', '--prompts', prompts, '--out', out, '--max-new-tokens', '48'],
      ...['--temperature', '0.8', '--top-p', '0.9', '--host', hasNodeDriver ? 'node' : 'browser'],
      ...options,
    ]);
    expect(finished.exitCode, finished.stderr).toBe(0);
    return (JSON.parse(readFileSync(out, 'utf8')) as { text: string }[])[0].text;
  };
  const opened = '<think>\n'; // by the prompt of the demo's template
  expect(contents).toEqual([
    opened + (await answered([])),
    opened + (await answered(['--adapter', adapter])),
  ]);
});

test('a token says how likely it was, to the pointer and to the arrow keys', async () => {
  const tokens = reply('Base model').getByRole('group', { name: /^Tokens of/ });
  await tokens.focus();
  await app.page.keyboard.press('End');
  await app.page.keyboard.press('ArrowLeft');
  const chances = reply('Base model').locator('.token-chances');
  await expect.poll(() => chances.textContent()).toMatch(/\d %( · .+ %){4}/);
  const byKeys = await chances.textContent();
  await reply('Base model').locator('.reply-token:visible').first().hover();
  await expect.poll(() => chances.textContent()).not.toBe(byKeys);
});

test('an edited reply becomes a training row, and the dataset', async () => {
  await button('Edit the reply of Adapter').click();
  const better = '<think>\nThe user asks how to bake bread.\n</think>\n\nKnead, wait, and bake.';
  await reply('Adapter').getByRole('textbox').fill(better);
  await button('Save as a training row').click();
  await reply('Adapter').getByText('edited').waitFor();
  const line = (await downloaded(button('Download the rows'))).toString('utf8').trim();
  expect(JSON.parse(line)).toEqual({
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: better },
    ],
  });
  await button('Use only them as the dataset').click();
  await ui.dataset.getByText('playground-rows.jsonl').first().waitFor();
  await ui.waitUntilReady();
});

test('nothing went wrong in the page', () => {
  expect(app.faults.all).toEqual([]);
});
