/** The built page as any static host serves it: in some folder, with no header but the type. */
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../../scripts/cli/browser.ts';
import { watchPage } from '../../scripts/cli/page-faults.ts';
import { distFolder } from '../../scripts/cli/paths.ts';
import { fileInside } from '../../src/host/node/mounts.ts';
import { drivePage } from './drive-page.ts';

const folder = '/some/path/';
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

let server: Server;
let browser: Browser;
let origin: string;
const missed: string[] = [];
/** A model may have them: asked for, and not there. */
const optional = /\/models\/demo\/(chat_template\.jinja|special_tokens_map\.json|added_tokens\.json)$/;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://host');
    const name = pathname.startsWith(folder) ? pathname.slice(folder.length) || 'index.html' : null;
    const path = name === null ? null : fileInside(distFolder, decodeURIComponent(name));
    if (path === null) {
      if (!optional.test(pathname)) missed.push(pathname);
      response.writeHead(404).end();
      return;
    }
    void readFile(path).then((bytes) => {
      response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream' });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  ({ browser } = await launchBrowser((line) => console.log(line)));
});
afterAll(async () => {
  await browser.close();
  server.close();
});

test('trains the demo in a sub-folder of a plain static server, and asks for nothing outside of it', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults = watchPage(page);
  const asked: string[] = [];
  context.on('request', (request) => asked.push(request.url()));
  await page.goto(`${origin}${folder}?run=demo`);
  const ui = drivePage(page);
  await ui.waitForStep(2);
  await ui.stop.click();
  await ui.waitForPhase('stopped');
  expect(asked.filter((url) => /^https?:/.test(url) && !url.startsWith(`${origin}${folder}`))).toEqual([]);
  expect(asked.some((url) => url.startsWith(`${origin}${folder}models/demo/`))).toBe(true);
  expect(missed).toEqual([]);
  // what is linked, and what is loaded only when it is needed
  const links = await page
    .getByRole('link')
    .evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href));
  const own = links.filter((href) => href.startsWith(origin));
  expect(own).toContain(`${origin}${folder}third-party.txt`);
  for (const href of own) expect((await fetch(href)).status, href).toBe(200);
  expect(faults.all).toEqual([]);
  await context.close();
});

test('reads a compressed Parquet file there: the codecs are a part that comes later', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults = watchPage(page);
  await page.goto(`${origin}${folder}`);
  const ui = drivePage(page);
  await ui.waitUntilReady();
  await ui.datasetFile.setInputFiles('tests/fixtures/parquet/zstd-1.parquet');
  await ui.dataset.getByText('zstd-1.parquet').waitFor();
  await ui.waitUntilReady();
  expect(faults.all).toEqual([]);
  expect(missed).toEqual([]);
  await context.close();
});
