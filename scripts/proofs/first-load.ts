/**
 * `npm run proof:first-load -- [loads] [folder]`: how long a browser that has nothing of the page takes until it is of use (its
 * fields are drawn), until the GPU is open and until a run of the demo can be started. Milliseconds from the navigation on; the
 * bytes come from this machine, so what is measured is the page. Each load is a browser of its own.
 */
import { launchBrowser } from '../cli/browser.ts';
import { ensureDist } from '../cli/build.ts';
import { distFolder } from '../cli/paths.ts';
import { serve } from '../cli/serve.ts';

const [loads = '5', folder] = process.argv.slice(2);
const states = ['useful', 'GPU open', 'model there', 'start possible'] as const;
type Seen = Partial<Record<(typeof states)[number], number>>;

/** In the page, from its first frame on. As text: it is sent there as it is. */
const watch = `
  globalThis.seen = {};
  const look = () => {
    const note = (what) => (seen[what] ??= performance.now());
    if (document.querySelector('input[type=file]')) note('useful');
    if (document.querySelector('.device[data-state=ready]')) note('GPU open');
    if (/Reading the dataset|Ready to start/.test(document.querySelector('#start-blocker')?.textContent ?? '')) note('model there');
    const start = [...document.querySelectorAll('button')].find((button) => button.textContent.trim() === 'Start training');
    if (start && !start.disabled) note('start possible');
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);`;

async function loadOnce(url: string): Promise<Seen> {
  const { browser } = await launchBrowser(() => undefined);
  try {
    const page = await (await browser.newContext({ serviceWorkers: 'block' })).newPage();
    await page.addInitScript({ content: watch });
    await page.goto(url);
    const isSeen = (): boolean => 'start possible' in (globalThis as unknown as { readonly seen: Seen }).seen;
    await page.waitForFunction(isSeen, undefined, { timeout: 240_000 });
    return await page.evaluate<Seen>('seen');
  } finally {
    await browser.close();
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

if (folder === undefined) await ensureDist({ say: console.log });
const served = await serve({ root: folder ?? distFolder });
const all: Seen[] = [];
for (let load = 0; load < Number(loads); load++) all.push(await loadOnce(served.url));
await served.close();
for (const state of states) {
  const times = all.map((seen) => Math.round(seen[state] ?? Number.NaN));
  console.log(`${state}: ${median(times)} ms (${times.join(', ')})`);
}
