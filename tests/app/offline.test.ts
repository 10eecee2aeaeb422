/** The page without a network after its first visit, from a folder of a plain server that sends no headers of its own. */
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../../scripts/cli/browser.ts';
import { distFolder } from '../../scripts/cli/paths.ts';
import { tellOfflineWorker } from '../../scripts/vite/offline.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { drivePage } from './drive-page.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

const base = '/tools/alttrain/';
let folder = '';
let server: Server;
let url = '';
let browser: Browser;
let context: BrowserContext;
let page: Page;

const open = (port: number): Promise<void> =>
  new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
const close = (): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

beforeAll(async () => {
  folder = tempFolder();
  cpSync(distFolder, folder, { recursive: true });
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://server');
    const path = join(folder, pathname.slice(base.length) || 'index.html');
    if (!pathname.startsWith(base) || !(statSync(path, { throwIfNoEntry: false })?.isFile() ?? false))
      return void response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream' });
    response.end(readFileSync(path));
  });
  await open(0);
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`;
  ({ browser } = await launchBrowser((line) => console.log(line)));
  context = await browser.newContext({ acceptDownloads: true });
  page = await context.newPage();
});
afterAll(async () => {
  await browser.close();
  await close();
});

const isKept = (): Promise<void> => page.getByText('This page and its demo open without a network').waitFor();
const newVersion = () => page.getByRole('button', { name: 'Open the new version' });

test('a browser may install it', async () => {
  await page.goto(url);
  const session = await context.newCDPSession(page);
  const { errors, data = '', url: manifestUrl } = await session.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  expect(manifestUrl).toBe(`${url}manifest.webmanifest`);
  const { icons } = JSON.parse(data) as { readonly icons: readonly { readonly src: string }[] };
  for (const { src } of icons) expect((await fetch(new URL(src, manifestUrl))).status).toBe(200);
});

test('after the first visit it opens without a network, trains the demo and gives the adapter', async () => {
  const ui = drivePage(page);
  await ui.waitUntilReady();
  await isKept();
  const { port } = server.address() as AddressInfo;
  await close();
  await context.setOffline(true);

  await page.reload();
  await ui.waitUntilReady();
  await ui.fillSettings({ 'Max steps': '2', 'Sample every': '0', 'Prompts per suite': '0' });
  await ui.waitUntilReady();
  await ui.start.click();
  await ui.waitForPhase('done');
  const download = page.waitForEvent('download');
  await ui.download.click();
  expect(statSync(await (await download).path()).size).toBeGreaterThan(10_000);

  // What comes when it is opened is kept too; the rows of the comparison are not, and that is said.
  const comparison = page.getByRole('region', { name: 'The paper’s comparison', exact: true });
  await comparison.getByRole('heading').click();
  await comparison.getByRole('button', { name: 'Reproduce the comparison' }).click();
  await ui.alerts.filter({ hasText: 'network-failed' }).waitFor();
  await comparison.getByText('14 runs to train and judge').waitFor();

  const other = await context.newPage();
  await other.goto(`${url}?run=demo`);
  await expect
    .poll(() => drivePage(other).phase(), { timeout: 120_000 })
    .toMatch(/preparing|sampling|training/);
  await other.close();

  await context.setOffline(false);
  await open(port);
});

const title = (text: string): void => {
  const path = join(folder, 'index.html');
  writeFileSync(path, readFileSync(path, 'utf8').replace(/<title>.*<\/title>/, `<title>${text}</title>`));
};

test('a new version that is not whole takes nobody’s page away', async () => {
  title('half uploaded');
  tellOfflineWorker(folder);
  title('cut off'); // other bytes than the list says
  await page.reload();
  const registered = () =>
    page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.installing ?? null);
  await expect.poll(registered, { timeout: 20_000 }).toBeNull();
  await drivePage(page).waitUntilReady();
  await isKept();
  expect(await page.title()).toBe('AltTrain Web');
  expect(await newVersion().count()).toBe(0);
});

test('a new version is offered, waits for other tabs, and takes the place of what was kept', async () => {
  title('The next one');
  tellOfflineWorker(folder);
  const other = await context.newPage();
  await other.goto(url);
  await page.reload();
  await newVersion().click({ timeout: 120_000 });
  await page.getByText('once this page’s other tabs are closed').waitFor();
  expect(await page.title()).toBe('AltTrain Web');
  await other.close(); // and nothing more is to be clicked
  await expect.poll(() => page.title().catch(() => ''), { timeout: 60_000 }).toBe('The next one');
  await expect.poll(() => page.evaluate(() => caches.keys().then((names) => names.length))).toBe(1);
  await drivePage(page).waitUntilReady();
});
