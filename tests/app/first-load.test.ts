/** What a browser fetches before a run of the demo can be started, with nothing kept from before: compressed as it is served. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drivePage } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

let app: OpenApp;
/** In KiB of gzip, by path. */
const fetched = new Map<string, number>();
beforeAll(async () => {
  app = await openApp('/third-party.txt');
  const context = await app.browser.newContext({ serviceWorkers: 'block' }); // it fetches more, for later
  const page = await context.newPage();
  const addresses = new Set<string>();
  context.on('request', (request) => addresses.add(request.url()));
  await page.goto(app.url);
  await drivePage(page).waitUntilReady();
  for (const address of addresses) {
    if (!address.startsWith(app.url)) continue;
    const bytes = Buffer.from(await (await fetch(address)).arrayBuffer());
    fetched.set(new URL(address).pathname, gzipSync(bytes).length / 1024);
  }
  console.log([...fetched].map(([path, kib]) => `${kib.toFixed(1)} KiB ${path}`).join('\n'));
});
afterAll(() => app.close());

const sumOf = (isMeant: (path: string) => boolean): number =>
  [...fetched].reduce((sum, [path, kib]) => sum + (isMeant(path) ? kib : 0), 0);
const isCode = (path: string): boolean => /\.(js|css|html)$|^\/$/.test(path);
const isWorker = (path: string): boolean => path.includes('.worker');

test('the page is small before its worker comes', () => {
  expect([...fetched.keys()].filter((path) => isCode(path) && !isWorker(path)).length).toBeGreaterThan(3);
  expect(sumOf((path) => isCode(path) && !isWorker(path))).toBeLessThanOrEqual(120);
});

test('the worker is small, with all that it loads until the demo can be trained', () => {
  const ofWorker = [...fetched.keys()].filter((path) => /\.js$/.test(path) && isWorker(path));
  expect(ofWorker).toHaveLength(1); // what is loaded later: Parquet, the hub’s library
  expect(sumOf((path) => ofWorker.includes(path))).toBeLessThanOrEqual(280);
});

test('the demo and its data are the rest, and nothing else is asked for', () => {
  expect(
    [...fetched.keys()].filter((path) => !isCode(path) && !/^\/(models\/demo|datasets)\//.test(path)),
  ).toEqual(['/favicon.svg']);
  expect(sumOf(() => true)).toBeLessThanOrEqual(3 * 1024);
});
