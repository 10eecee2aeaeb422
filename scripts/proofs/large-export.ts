/**
 * `npm run proof:large-export -- <folder>`: the page opens a checkpoint of R1-Distill-Qwen-1.5B's size in nf4, trains a step of one short
 * row, merges the adapter into the original weights and downloads them, twice: time, bytes, and the memory of the page's process; as it
 * is, and with garbage collected all the time, which must stay below 600 MiB. `npm run make-checkpoint -- --shape r1-1.5b --out <folder>` makes such a folder.
 */
import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { LIMIT_MS, mebibytes, neededBytes, openLargeModel, rowsFile, seconds } from './large-page.ts';
import { rendererBytes } from './renderer-bytes.ts';

const mostBytes = 600 * 2 ** 20;
const settings = {
  'Max steps': '1',
  'Batch size': '1',
  'Gradient accumulation': '1',
  'Max length': '64',
  'Sample every': '0',
  'Prompts per suite': '0',
  'Rank r': '16',
};

/** The whole model in bf16 as one zip, while the page's memory is watched. Gives the most of it. */
async function exportMerged(page: Page, memory: (page: Page) => Promise<number>): Promise<number> {
  await page.getByRole('button', { name: 'Export…', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Export the adapter' });
  await dialog.getByLabel('GGUF').setChecked(false);
  await dialog.getByLabel('Merged model').setChecked(true);
  await dialog.getByLabel('Numbers as').selectOption('bf16');
  const before = await memory(page);
  let peak = before;
  let isDone = false;
  const began = performance.now();
  const arriving = page.waitForEvent('download', { timeout: LIMIT_MS }).finally(() => (isDone = true));
  await dialog.getByRole('button', { name: 'Export as zip' }).click();
  while (!isDone) {
    peak = Math.max(peak, await memory(page));
    const failures = await dialog.getByRole('alert').allInnerTexts();
    if (failures.length > 0) throw new Error(failures.join('; '));
    await page.waitForTimeout(250);
  }
  const path = await (await arriving).path();
  console.log(
    `Merged in bf16, ${mebibytes(statSync(path).size)}, in ${seconds(began)}; the page's process: ${mebibytes(before)} before, ${mebibytes(peak)} at most`,
  );
  return peak;
}

const [name] = process.argv.slice(2);
if (name === undefined) throw new Error('Name the folder: npm run proof:large-export -- checkpoints/r1-1.5b');
const large = await openLargeModel(resolve(name), rowsFile(mkdtempSync(join(tmpdir(), 'large-export-'))));
try {
  await large.fill(settings);
  const trained = performance.now();
  await large.start.click();
  await large.page.getByRole('status').filter({ hasText: /^done/ }).waitFor({ timeout: LIMIT_MS });
  console.log(`One step: ${seconds(trained)}`);
  await exportMerged(large.page, rendererBytes);
  console.log('Again, with garbage collected all the time:');
  const needed = await exportMerged(large.page, neededBytes);
  if (needed > mostBytes) throw new Error(`The page's process needed more than ${mebibytes(mostBytes)}.`);
} finally {
  await large.close();
}
