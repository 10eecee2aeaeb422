/**
 * What leaves this computer: nothing but what was asked of the hub. Everything that the browser sends is written down twice, by
 * the browser and by a proxy that gets whatever is not for this machine.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireBrowser } from '../../scripts/cli/find-browser.ts';
import { chromiumArgs, gpuMode } from '../../scripts/cli/gpu-flags.ts';
import { watchPage, type PageFaults } from '../../scripts/cli/page-faults.ts';
import { distFolder } from '../../scripts/cli/paths.ts';
import { serve, type Served } from '../../scripts/cli/serve.ts';
import { hubSourcesOf } from '../../scripts/vite/page-policy.ts';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { drivePage, type PageDriver } from '../app/drive-page.ts';

const token = 'hf_PlantedByThisTest123';
const wrongToken = 'hf_WrongAndPlanted456';
/** Kept on purpose, to see that the search would find what is kept. */
const control = 'control-ThatIsKeptOnPurpose789';
const profile = tempFolder();

let hub: HubServer;
let served: Served;
let proxy: Server;
let context: BrowserContext;
let page: Page;
let ui: PageDriver;
let faults: PageFaults;
const asked: { method: string; url: string; authorization: string | undefined }[] = [];
const proxied: string[] = [];
const said: string[] = [];

beforeAll(async () => {
  const folder = new URL('../fixtures/goldens/tied-gqa/model/', import.meta.url);
  const files = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder))]),
  );
  hub = await startHubServer([{ id: 'tiny/gated', files, token }]);
  served = await serve({ root: distFolder, connect: hubSourcesOf(hub.url) });
  proxy = createServer((request, response) => {
    proxied.push(`${request.method} ${request.url}`);
    response.writeHead(502).end();
  }).on('connect', (request, socket) => {
    proxied.push(`CONNECT ${request.url}`);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  context = await chromium.launchPersistentContext(profile, {
    executablePath: requireBrowser(() => undefined).path,
    headless: true,
    args: [...chromiumArgs(gpuMode())],
    acceptDownloads: true,
    viewport: { width: 1280, height: 900 },
    proxy: { server: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, bypass: '127.0.0.1' },
  });
  page = await context.newPage();
  context.on('request', (request) =>
    asked.push({
      method: request.method(),
      url: request.url(),
      authorization: request.headers()['authorization'],
    }),
  );
  page.on('console', (message) => said.push(message.text()));
  faults = watchPage(page);
  ui = drivePage(page);
});
afterAll(async () => {
  await context.close();
  await Promise.all([served.close(), hub.close()]);
  proxy.close();
});

/** Trains, and gives the downloaded files as one text. */
async function runAndDownload(steps: number): Promise<string> {
  await ui.waitUntilReady();
  await ui.fillSettings({
    'Max steps': String(steps),
    'Batch size': '2',
    'Sample every': '2',
    'New tokens': '8',
    'Prompts per suite': '1',
  });
  await ui.start.click();
  await ui.waitForPhase('done');
  const arriving = page.waitForEvent('download');
  await ui.download.click();
  const files = unzipSync(readFileSync(await (await arriving).path()));
  return Object.entries(files)
    .map(([name, bytes]) => `${name}\n${strFromU8(bytes, true)}`)
    .join('\n');
}

const ownFiles = [
  '/',
  '/assets/*.css',
  '/assets/*.js',
  '/assets/trainer.worker-*.js',
  '/datasets/alttrain-1k.jsonl',
  '/datasets/demo-suites.json',
  '/favicon.svg',
  '/models/demo/added_tokens.json', // asked for like all that a model may have
  '/models/demo/chat_template.jinja',
  '/models/demo/config.json',
  '/models/demo/generation_config.json',
  '/models/demo/model.safetensors',
  '/models/demo/special_tokens_map.json',
  '/models/demo/tokenizer.json',
  '/models/demo/tokenizer_config.json',
];

test('a whole run of the demo, from opening the page to the download, asks for the page’s own files and nothing else', async () => {
  await page.goto(`${served.url}/`);
  await runAndDownload(4);
  const isOwnBlob = (url: string): boolean => url.startsWith(`blob:${served.url}/`);
  const sent = asked.filter(({ url }) => !isOwnBlob(url));
  expect(sent.map(({ url }) => new URL(url).origin).filter((origin) => origin !== served.url)).toEqual([]);
  expect(new Set(sent.map(({ method }) => method))).toEqual(new Set(['GET', 'HEAD']));
  const paths = sent.map(({ url }) => url.slice(served.url.length));
  const kinds = paths.map((path) =>
    path.replace(/\/[\w.-]+-[\w-]{8}\.(js|css)$/, (name, ending: string) =>
      name.startsWith('/trainer.worker-') ? '/trainer.worker-*.js' : `/*.${ending}`,
    ),
  );
  expect([...new Set(kinds)].sort()).toEqual(ownFiles);
  // Chromium asks its maker for updates and the like by itself; the page could not: none of these is in its policy.
  expect(proxied.filter((line) => !/\b[\w-]+\.google(apis)?\.com\b/.test(line))).toEqual([]);
  expect(faults.all).toEqual([]); // no violation of the content policy, in page and worker
});

test('an access token goes to the hub’s own address, and into nothing that is kept, said, shown or given away', async () => {
  asked.length = 0;
  await page.goto(`${served.url}/?hub=${hub.url}`);
  await page.evaluate(async (text) => {
    localStorage.setItem('control', text);
    const file = await (await navigator.storage.getDirectory()).getFileHandle('control', { create: true });
    const writer = await file.createWritable();
    await writer.write(text);
    await writer.close();
    await new Promise((resolve) => {
      const opening = indexedDB.open('control', 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore('control');
      opening.onsuccess = () => {
        const writing = opening.result.transaction('control', 'readwrite');
        writing.objectStore('control').put(text, 'control');
        writing.oncomplete = resolve;
      };
    });
  }, control);
  await ui.waitUntilReady();

  const shown: string[] = [];
  const load = async (secret: string): Promise<void> => {
    await ui.model.selectOption({ label: 'Another model, by its id…' });
    await page.getByLabel('Model id', { exact: true }).fill('tiny/gated');
    await page.getByLabel('Access token', { exact: true }).fill(secret);
    await page.getByRole('button', { name: 'Load from the hub' }).click();
  };
  const look = async (): Promise<unknown> => shown.push(await page.locator('body').innerText());
  await load(wrongToken);
  await page.locator('[role=alert][data-code=hub-access]').waitFor();
  await look();
  hub.setFaults([{ path: 'config.json', fault: { kind: 'text', body: 'not what it was' } }]);
  await load(token);
  await page.locator('[role=alert][data-code=download-damaged]').waitFor();
  await look();
  hub.setFaults([]);
  await load(token);
  await page.getByText('tiny/gated Qwen2ForCausalLM').waitFor({ timeout: 120_000 });
  const zip = await runAndDownload(2);
  await look();
  await page.reload(); // what is kept for a visit that goes on is written now
  await ui.waitUntilReady();

  const atHub = hub.requests.filter(({ server }) => server === 'hub');
  const atStorage = hub.requests.filter(({ server }) => server === 'cdn');
  expect(new Set(atHub.map(({ authorization }) => authorization))).toEqual(
    new Set([`Bearer ${wrongToken}`, `Bearer ${token}`]),
  );
  expect(atStorage.length).toBeGreaterThan(0); // the weights came from where the hub redirects to
  expect(new Set(atStorage.map(({ authorization }) => authorization))).toEqual(new Set([null]));
  const elsewhere = asked.filter(({ url }) => new URL(url).origin !== new URL(hub.url).origin);
  const leaks = {
    addresses: asked.map(({ url }) => url),
    'headers to others': elsewhere.map(({ authorization }) => authorization ?? ''),
    console: said,
    shown,
    download: [zip],
    proxied,
  };
  for (const [where, texts] of Object.entries(leaks))
    for (const secret of [token, wrongToken]) expect(texts.join('\n'), where).not.toContain(secret);
  expect(zip).toContain('tiny/gated');

  await context.close();
  const kept = filesBelow(profile).map((path) => ({ path, bytes: readFileSync(path) }));
  const holding = (text: string): string[] =>
    kept
      .filter(({ bytes }) => bytes.includes(text) || bytes.includes(text, 0, 'utf16le'))
      .map(({ path }) => path);
  const controls = holding(control).join('\n');
  for (const place of ['Local Storage', 'IndexedDB', 'File System']) expect(controls).toContain(place);
  expect(holding('tiny/gated').length).toBeGreaterThan(0);
  expect([...holding(token), ...holding(wrongToken)]).toEqual([]);
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}
