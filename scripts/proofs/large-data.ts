/**
 * `npm run proof:large-data [-- rows megabytes]`: a large JSONL file through the page's own worker in Chromium.
 * Prints rate, memory of the page's process beside that of the tokens, and how soon a cancel is heard. Fails where memory
 * grows with the file: by more than the tokens and what the reader's heap takes for any file.
 */
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createRng } from '../../src/support/rng.ts';
import { ensureDist } from '../cli/build.ts';
import { launchBrowser } from '../cli/browser.ts';
import { distFolder } from '../cli/paths.ts';
import { serve } from '../cli/serve.ts';
import { rendererBytes } from './renderer-bytes.ts';

const MIB = 2 ** 20;
const BYTES_PER_TOKEN = 5; // id and mask
const READ_LIMIT_MS = 60 * 60_000;
const SAMPLE_MS = 2_000;
const SETTLE_MS = 30_000; // the browser collects what is left some seconds after the work
const MAX_BEYOND_TOKENS_MIB = 200;
const [rowCount = 100_000, megabytes = 200] = process.argv.slice(2).map(Number);

async function writeRows(path: string): Promise<void> {
  const words = readFileSync(join(distFolder, 'datasets/alttrain-1k.jsonl'), 'utf8').match(/[\w']+/g) ?? [];
  const rng = createRng(1);
  const file = createWriteStream(path);
  const targetChars = (megabytes * 1e6) / rowCount - 60;
  for (let row = 0; row < rowCount; row++) {
    let text = '';
    // Every tenth word is new, as in text of people: names, numbers, typing errors.
    while (text.length < targetChars)
      text += `${rng.next() < 0.1 ? Math.floor(rng.next() * 1e9).toString(36) : words[Math.floor(rng.next() * words.length)]} `;
    const line = JSON.stringify({ instruction: `Row ${row}?`, response: `${text}.\n</think>\n\nDone.` });
    if (!file.write(`${line}\n`)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

const shareDone = async (page: Page): Promise<number> =>
  Number(
    (await page
      .getByRole('progressbar', { name: 'Reading the dataset' })
      .getAttribute('aria-valuenow', { timeout: 500 })
      .catch(() => null)) ?? Number.NaN,
  );

async function main(): Promise<void> {
  await ensureDist({ say: console.log });
  const folder = mkdtempSync(join(tmpdir(), 'large-data-'));
  const path = join(folder, 'large.jsonl');
  await writeRows(path);
  const bytes = statSync(path).size;
  const { browser } = await launchBrowser(console.log);
  const served = await serve({ root: distFolder });
  try {
    const page = await browser.newPage();
    await page.goto(served.url);
    await page.getByText('Ready to start.').waitFor();
    const idle = await rendererBytes(page);
    console.log(
      `${rowCount} rows, ${(bytes / 1e6).toFixed(0)} MB; the page's process before: ${(idle / MIB).toFixed(0)} MiB`,
    );

    const input = page.getByLabel('Dataset file', { exact: true });
    await input.setInputFiles(path);
    const cancel = page.getByRole('button', { name: 'Cancel reading' });
    await cancel.click();
    const cancelled = performance.now();
    await cancel.waitFor({ state: 'detached' });
    const cancelMs = performance.now() - cancelled;
    const kept = await page.getByText('alttrain-1k').first().isVisible();
    console.log(
      `cancel heard after ${cancelMs.toFixed(0)} ms; the dataset before is ${kept ? 'still in use' : 'LOST'}`,
    );

    await input.setInputFiles(path);
    await cancel.waitFor();
    const started = performance.now();
    let peak = 0;
    while (await cancel.isVisible()) {
      if (performance.now() - started > READ_LIMIT_MS) throw new Error('it did not end within an hour');
      const [share, size] = [await shareDone(page), await rendererBytes(page)];
      peak = Math.max(peak, size);
      if (!Number.isNaN(share)) console.log(`${share} %  ${(size / MIB).toFixed(0)} MiB`);
      await page.waitForTimeout(SAMPLE_MS);
    }
    const seconds = (performance.now() - started) / 1000;
    const fact = async (label: string): Promise<string> =>
      page
        .getByRole('region', { name: 'Dataset' })
        .locator('.facts div')
        .filter({ has: page.locator('dt', { hasText: new RegExp(`^${label}$`) }) })
        .locator('dd')
        .innerText();
    let settled = peak;
    for (const until = performance.now() + SETTLE_MS; performance.now() < until;) {
      settled = Math.min(settled, await rendererBytes(page));
      await page.waitForTimeout(SAMPLE_MS);
    }
    const tokens = Number((await fact('Tokens')).replaceAll(',', ''));
    const tokenBytes = tokens * BYTES_PER_TOKEN;
    const beyondTokens = (bytesNow: number): number => Math.round((bytesNow - idle - tokenBytes) / MIB);
    const result = {
      rows: rowCount,
      usableRows: await fact('Usable rows'),
      megabytes: Math.round(bytes / 1e6),
      seconds: Math.round(seconds),
      megabytesPerSecond: Number((bytes / 1e6 / seconds).toFixed(2)),
      rowsPerSecond: Math.round(rowCount / seconds),
      tokens,
      tokenMiB: Math.round(tokenBytes / MIB),
      idleMiB: Math.round(idle / MIB),
      peakMiB: Math.round(peak / MIB),
      settledMiB: Math.round(settled / MIB),
      peakBeyondTokensMiB: beyondTokens(peak),
      settledBeyondTokensMiB: beyondTokens(settled),
      cancelMs: Math.round(cancelMs),
    };
    console.log(JSON.stringify(result));
    if (result.peakBeyondTokensMiB > MAX_BEYOND_TOKENS_MIB)
      throw new Error(`memory grew by ${result.peakBeyondTokensMiB} MiB beyond the tokens`);
  } finally {
    await browser.close();
    await served.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
