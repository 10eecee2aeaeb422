/** Cases in a worker of a page in Chromium, which the page ends and begins again behind a case that hung. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { findBrowser } from '../../cli/find-browser.ts';
import { projectRoot } from '../../cli/paths.ts';
import { serve } from '../../cli/serve.ts';
import { aliases } from '../../vite/shared.ts';
import { rendererBytes } from '../renderer-bytes.ts';
import { LIMIT_MS, type Range } from './in-node.ts';
import { readSeeds } from './read-seeds.ts';
import type { Outcome } from './run-case.ts';
import type { Tally } from './tally.ts';

const CASES_AT_ONCE = 100;

export async function fuzzInPage(
  { seed, from, end }: Range,
  tally: Tally,
  onDone: (number: number) => void,
): Promise<void> {
  const folder = join(projectRoot, '.cache', `fuzz-${process.pid}`);
  await build({
    root: join(projectRoot, 'scripts/proofs/fuzz/page'),
    configFile: false,
    base: './',
    logLevel: 'warn',
    resolve: { alias: aliases },
    worker: { format: 'es' },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'esnext',
      minify: false,
      chunkSizeWarningLimit: 10_000,
    },
  });
  const served = await serve({ root: folder });
  const browser = await chromium.launch({ executablePath: findBrowser()?.path, args: ['--no-sandbox'] });
  try {
    let page = await openPage(await browser.newPage(), served.url);
    for (let next = from; next < end;) {
      const range = { seed, from: next, end: Math.min(end, next + CASES_AT_ONCE), limitMs: LIMIT_MS };
      let answer: PageAnswer;
      try {
        answer = await page.evaluate((given) => globalThis.fuzzRange(given), range);
      } catch (error) {
        // The page is gone with its process; which of the cases it was, Node's run says.
        tally.addFault(next, `the page crashes within ${CASES_AT_ONCE} cases: ${String(error)}`);
        page = await openPage(await browser.newPage(), served.url);
        next = range.end;
        continue;
      }
      const rss = await rendererBytes(page);
      for (const outcome of answer.outcomes) {
        tally.add(outcome, rss);
        onDone(outcome.number);
      }
      next += answer.outcomes.length;
      if (answer.failed === null) continue;
      tally.addFault(next, answer.failed);
      next++;
    }
  } finally {
    await browser.close();
    await served.close();
    await rm(folder, { recursive: true, force: true });
  }
}

export interface PageAnswer {
  readonly outcomes: readonly Outcome[];
  /** What became of the case after them; null: they are all. */
  readonly failed: string | null;
}

async function openPage(page: Page, url: string): Promise<Page> {
  await page.goto(url);
  await page.waitForFunction(() => 'fuzzRange' in globalThis);
  const seeds = [...readSeeds()].map(
    ([name, bytes]) => [name, Buffer.from(bytes).toString('base64')] as const,
  );
  await page.evaluate((given) => globalThis.fuzzSeeds(given), seeds);
  return page;
}

declare global {
  var fuzzSeeds: (seeds: readonly (readonly [name: string, base64: string])[]) => void;
  var fuzzRange: (range: Range & { readonly limitMs: number }) => Promise<PageAnswer>;
}
