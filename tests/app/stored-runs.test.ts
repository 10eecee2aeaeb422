/** Runs that outlive a GPU process, a reload and a second tab, as a user meets them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { CDPSession, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openSafetensors } from '../../src/adapter/safetensors.ts';
import { bytesSource } from '../../src/support/byte-source.ts';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

let app: OpenApp;
let ui: PageDriver;
let devtools: CDPSession;
beforeAll(async () => {
  app = await openApp();
  devtools = await app.context.newCDPSession(app.page);
  ui = drivePage(app.page);
  await ui.waitUntilReady();
});
afterAll(() => app.close());

const settings = {
  'Max steps': '12',
  'Batch size': '1',
  'Sample every': '0',
  'Prompts per suite': '0',
  'Snapshot every': '2',
};
const rowsOf = (page: Page, list: string): Locator =>
  page.getByRole('list', { name: list, exact: true }).getByRole('listitem');

interface Downloaded {
  readonly adapter: string;
  readonly losses: readonly (readonly [number, number])[];
}
async function download(page: Page, button: Locator): Promise<Downloaded> {
  const arriving = page.waitForEvent('download');
  await button.click();
  const files = unzipSync(await readFile(await (await arriving).path()));
  const rows = Buffer.from(files['metrics.jsonl']).toString('utf8').trim().split('\n');
  return {
    adapter: Buffer.from(files['adapter_model.safetensors']).toString('base64'),
    losses: rows
      .map((row) => JSON.parse(row) as { step: number; loss: number })
      .map(({ step, loss }) => [step, loss] as const),
  };
}

let whole: Downloaded;

test('a finished run stands in the list, and its adapter can be downloaded again after a reload', async () => {
  const { page } = app;
  await ui.fillSettings(settings);
  await ui.start.click();
  await ui.waitForPhase('done');
  whole = await download(page, ui.download);
  expect(whole.losses.map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  await page.reload();
  const run = rowsOf(page, 'Other runs');
  await run.getByText('finished, 12 steps').waitFor();
  expect(await download(page, run.getByRole('button', { name: /^Download/ }))).toEqual(whole);
  await run.getByRole('button', { name: /^Show/ }).click();
  await ui.waitForPhase('done');
  await ui.loss.getByRole('img').or(ui.loss.locator('canvas')).first().waitFor();
});

test('a run whose GPU process crashes goes on by itself, to the same adapter and the same rows', async () => {
  const { browser, page } = app;
  await ui.waitUntilReady();
  await ui.fillSettings(settings);
  await ui.start.click();
  await ui.waitForStep(3);
  expect(await page.title()).toMatch(/^\d+ % training · /); // a tab in the background tells how far it is
  await (await browser.newBrowserCDPSession()).send('Browser.crashGpuProcess');
  await ui.waitForPhase('recovering');
  await ui.waitForPhase('done');
  // After the end too: what was trained does not go with the worker.
  await expect.poll(() => ui.download.isEnabled()).toBe(true);
  for (const worker of page.workers())
    if (worker.url().includes('trainer')) await worker.evaluate(() => close()).catch(() => undefined);
  expect(await download(page, ui.download)).toEqual(whole);
  expect(await page.title()).not.toContain('%');
  expect(await ui.alerts.count()).toBe(0);
});

test('a run that a reload interrupts is offered, goes on, and ends as if nothing had been', async () => {
  const { page } = app;
  await ui.fillSettings(settings);
  page.on('dialog', (dialog) => void dialog.accept());
  await ui.start.click();
  await ui.waitForStep(5);
  await ui.pause.click(); // a fast machine would be done before the other tab is there
  await ui.waitForPhase('paused');

  // Another tab sees it, can watch it, and can neither take nor delete it.
  const second = await app.context.newPage();
  await second.goto(app.url);
  const held = rowsOf(second, 'Other runs').filter({ hasText: 'under way in another tab' });
  await held.getByRole('button', { name: /^Watch/ }).click();
  await drivePage(second).waitForStep(4);
  expect(await held.getByRole('button', { name: /^(Continue|Delete)/ }).count()).toBe(0);
  await second.close();

  await ui.resume.click();
  await ui.waitForPhase('training');
  await page.reload();
  const unfinished = rowsOf(page, 'Unfinished runs');
  await unfinished.getByText(/interrupted, saved at step \d+ of 12/).waitFor();
  await ui.waitUntilReady();
  await unfinished.getByRole('button', { name: /^Continue/ }).click();
  await ui.waitForPhase('done');
  expect(await download(page, ui.download)).toEqual(whole);
  expect(await rowsOf(page, 'Unfinished runs').count()).toBe(0);
});

test('a finished run is trained longer, after the page has said what that does to the learning rate', async () => {
  const { page } = app;
  await ui.waitUntilReady();
  const run = rowsOf(page, 'Other runs').first();
  await run.getByRole('button', { name: /^Train longer/ }).click();
  await page.getByLabel('More steps').fill('two');
  expect(await page.getByRole('button', { name: 'Train on' }).isDisabled()).toBe(true);
  await page.getByLabel('More steps').fill('2');
  await run.getByText(/after step 12, up to step 14 instead of 12.*learning rate/).waitFor();
  await page.keyboard.press('Enter');
  await ui.waitForPhase('done');
  await run.getByText('finished, 14 steps').waitFor();
  const { adapter, losses } = await download(page, ui.download);
  expect(losses.slice(0, 12)).toEqual(whole.losses);
  expect(losses.map(([step]) => step).slice(12)).toEqual([13, 14]);
  expect(adapter).not.toBe(whole.adapter);
});

test('a new run starts from the adapter of a kept one, with rates and steps of its own', async () => {
  const { page } = app;
  await rowsOf(page, 'Other runs')
    .last()
    .getByRole('button', { name: /^Start from it/ })
    .click();
  const note = page.getByText(/The next run starts from the adapter of .* step 12/);
  await note.waitFor();
  await ui.fillSettings({ 'Max steps': '2', 'Rank r': '4' });
  await ui.start.click();
  await ui.waitForPhase('failed'); // another rank cannot hold it, and nothing else is trained instead
  expect(await ui.alerts.first().innerText()).toContain('the run r 4');
  await ui.fillSettings({ 'Rank r': '16' });
  await ui.start.click();
  await ui.waitForPhase('done');
  const { losses } = await download(page, ui.download);
  expect(losses.map(([step]) => step)).toEqual([1, 2]);
  expect(losses[0][1]).toBeLessThan(whole.losses[0][1]); // the same rows, and it knows them
  await rowsOf(page, 'Other runs')
    .first()
    .getByText(/started from demo.* step 12/)
    .waitFor();
  await page.getByRole('button', { name: 'Start from fresh values instead' }).click();
  expect(await note.count()).toBe(0);
});

const warning = (code: string): Locator => app.page.locator(`[data-warning="${code}"]`);

/**
 * Of the run that was begun last: the step of its newest checkpoint, where every file of its newest manifest is what was written.
 * null: it is not, or a commit has replaced it while it was read.
 */
const wholeCheckpoint = (page: Page): Promise<number | null> =>
  page.evaluate(async () => {
    interface Manifest {
      readonly generation: number;
      readonly content: { readonly head: { createdMs: number }; readonly checkpoints: readonly number[] };
      readonly files: readonly { readonly file: string; readonly sha256: string }[];
    }
    const hashOf = async (bytes: BufferSource): Promise<string> =>
      [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('');
    const bytesOf = async (folder: FileSystemDirectoryHandle, name: string): Promise<ArrayBuffer> => {
      try {
        return await (await (await folder.getFileHandle(name)).getFile()).arrayBuffer();
      } catch (error) {
        if (error instanceof DOMException && ['NotFoundError', 'NotReadableError'].includes(error.name))
          return new ArrayBuffer(0); // which has another hash
        throw error;
      }
    };
    const found: { readonly manifest: Manifest; readonly folder: FileSystemDirectoryHandle }[] = [];
    const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle('runs');
    for await (const folder of runs.values()) {
      if (!(folder instanceof FileSystemDirectoryHandle)) continue;
      for (const slot of ['a.json', 'b.json']) {
        const bytes = await bytesOf(folder, slot);
        if ((await hashOf(bytes.slice(64))) !== new TextDecoder().decode(bytes.slice(0, 64))) continue;
        found.push({ folder, manifest: JSON.parse(new TextDecoder().decode(bytes.slice(64))) as Manifest });
      }
    }
    const newest = found
      .sort(
        ({ manifest: one }, { manifest: other }) =>
          other.content.head.createdMs - one.content.head.createdMs || other.generation - one.generation,
      )
      .at(0);
    if (newest === undefined) return null;
    const { folder, manifest } = newest;
    for (const { file, sha256 } of manifest.files)
      if ((await hashOf(await bytesOf(folder, file))) !== sha256) return null;
    return manifest.content.checkpoints[0];
  });

/** As `wholeCheckpoint`, once no commit is under way. */
async function settledCheckpoint(page: Page): Promise<number> {
  let before: number | null = null;
  const isAtRest = async (): Promise<boolean> => {
    const found = await wholeCheckpoint(page);
    const isSame = found !== null && found === before;
    before = found;
    return isSame;
  };
  await expect.poll(isAtRest, { interval: 200, timeout: 30_000 }).toBe(true);
  return before ?? Infinity;
}

/** In bytes; without a size: what the browser gives. */
async function setQuota(quotaSize?: number): Promise<void> {
  const { origin } = new URL(app.url);
  const quota = quotaSize === undefined ? {} : { quotaSize };
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, ...quota });
}
afterEach(() => setQuota()); // a test that fails shall not take the others with it

test('where the storage is full the user is told, training goes on, and with room again the next save has it', async () => {
  const { page } = app;
  await ui.fillSettings(settings);
  await setQuota(1);
  await ui.fillSettings({ 'Rank r': '15' });
  await page.getByText(/To be kept in this browser it takes up to .* less is left/).waitFor();
  await ui.fillSettings({ 'Rank r': '16' });
  await ui.start.click();
  const question = page.getByText(/There is not enough room to keep this run/);
  await question.waitFor();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  expect(await question.count()).toBe(0);
  expect(await ui.phase()).not.toBe('training');
  await setQuota();
  await ui.fillSettings({ 'Rank r': '15' });
  await page.getByText(/To be kept in this browser it takes up to .* that are left/).waitFor();
  await ui.fillSettings({ 'Rank r': '16' });
  await ui.start.click();
  await ui.waitForStep(3);
  await setQuota(1);
  await warning('not-kept')
    .getByText(/no room left .* make room/)
    .waitFor();
  await ui.pause.click(); // or a fast machine would be done
  await ui.waitForPhase('paused');
  const kept = await settledCheckpoint(page);
  expect([0, 2, 4]).toContain(kept); // the first save was still under way, or there was time for another
  await ui.resume.click();
  await ui.waitForStep(kept + 3); // past the save that failed
  expect(await settledCheckpoint(page)).toBe(kept);
  await setQuota();
  await warning('kept-again').waitFor();
  expect(await warning('not-kept').count()).toBe(0);
  expect(await settledCheckpoint(page)).toBeGreaterThan(kept);
  await ui.waitForPhase('done');
  expect(await download(page, ui.download)).toEqual(whole);
});

test('whose site data are cleared while it trains, a run goes on and is kept anew', async () => {
  const { page, url } = app;
  await ui.start.click();
  await ui.waitForStep(5);
  await devtools.send('Storage.clearDataForOrigin', { origin: new URL(url).origin, storageTypes: 'all' });
  await warning('kept-again').getByText('removed from the storage').waitFor();
  await ui.waitForPhase('done');
  const run = rowsOf(page, 'Other runs');
  await expect.poll(() => run.count()).toBe(1); // the others went with the site data
  await run.getByText('finished, 12 steps').waitFor();
  expect(await download(page, run.getByRole('button', { name: /^Download/ }))).toEqual(whole);
});

test('a run is given a title and notes, which are text and outlast a reload', async () => {
  const { page } = app;
  const run = rowsOf(page, 'Other runs').first();
  await run.getByRole('button', { name: /^Rename/ }).click();
  await page.getByLabel('Title').fill('<b>Tuesday</b>');
  await page.getByLabel('Notes').fill('first line\nsecond line');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await run.getByText('<b>Tuesday</b>', { exact: true }).waitFor();
  await page.reload();
  await run.getByText('<b>Tuesday</b>', { exact: true }).waitFor();
  await run.getByText(/first line\s+second line/).waitFor();
});

test('a run is deleted after it was asked twice', async () => {
  const { page } = app;
  const before = await rowsOf(page, 'Other runs').count();
  await rowsOf(page, 'Other runs')
    .first()
    .getByRole('button', { name: /^Delete/ })
    .click();
  await rowsOf(page, 'Other runs')
    .first()
    .getByRole('button', { name: /^Delete for good/ })
    .click();
  await expect.poll(() => rowsOf(page, 'Other runs').count()).toBe(before - 1);
});

test('a run that was trained elsewhere opens from its files: listed, drawn, and downloaded with its adapter', async () => {
  const { page } = app;
  const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/trainer-state', name);
  const names = [
    'trainer_state.json',
    'adapter_config.json',
    'adapter_model.safetensors',
    'bundle_config.json',
  ];
  await page.getByLabel('Files of a run').setInputFiles(names.map(fixture));
  const run = rowsOf(page, 'Other runs').filter({ hasText: 'few.jsonl' });
  await run.getByText('finished, 6 steps').waitFor();
  await ui.loss.getByText('Step 6: loss').waitFor(); // it is drawn
  const { adapter, losses } = await download(page, run.getByRole('button', { name: /^Download/ }));
  expect(losses.map(([step]) => step).filter((step, i, all) => all.indexOf(step) === i)).toEqual([
    1, 2, 3, 4, 5, 6,
  ]);
  const [then, now] = await Promise.all(
    [await readFile(fixture('adapter_model.safetensors')), Buffer.from(adapter, 'base64')].map((bytes) =>
      openSafetensors(bytesSource(new Uint8Array(bytes))),
    ),
  );
  for (const name of then.tensors.keys())
    expect(await now.readFloat32(name), name).toEqual(await then.readFloat32(name));
});

test('files that are no run say so, and change nothing', async () => {
  const { page } = app;
  const before = await rowsOf(page, 'Other runs').count();
  await page
    .getByLabel('Files of a run')
    .setInputFiles({ name: 'notes.json', mimeType: '', buffer: Buffer.from('{}') });
  const runs = page.getByRole('region', { name: 'Runs', exact: true });
  await runs.getByRole('alert').getByText('trainer_state.json').first().waitFor();
  expect(await rowsOf(page, 'Other runs').count()).toBe(before);
});

test('nothing went wrong in the page', () => {
  expect(app.faults.all).toEqual([]);
});
