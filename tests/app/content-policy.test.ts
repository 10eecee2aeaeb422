/** The content policy, tried from inside: what a stranger's text would do if it got into the page is stopped, and the page itself is not. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Worker } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

type Attack = (url: string) => unknown;
declare global {
  var attacks: Readonly<Record<string, Attack>>;
  var succeeded: string[];
  var violated: string[];
}

let app: OpenApp;
let ui: PageDriver;
/** Another origin, which would answer anybody. */
let elsewhere: Server;
let elsewhereUrl = '';
const reached: string[] = [];
beforeAll(async () => {
  elsewhere = createServer((request, response) => {
    reached.push(request.url ?? '');
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    response.writeHead(200, { 'Content-Type': 'text/javascript' }).end('succeeded.push("remote script")');
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  elsewhereUrl = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  app = await openApp();
  ui = drivePage(app.page);
  await ui.waitUntilReady();
});
afterAll(async () => {
  await app.close();
  elsewhere.close();
});

test('model and data are loaded and everything is drawn without a violation', () => {
  expect(app.faults.all).toEqual([]); // a violation is an error on the console
});

describe('in the page', () => {
  beforeAll(async () => {
    await app.page.evaluate(() => {
      globalThis.succeeded = [];
      globalThis.violated = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
        globalThis.violated.push(effectiveDirective),
      );
      const added = <Name extends keyof HTMLElementTagNameMap>(
        name: Name,
        set: (element: HTMLElementTagNameMap[Name]) => void,
      ): void => {
        const element = document.createElement(name);
        set(element);
        document.body.append(element);
      };
      globalThis.attacks = {
        'inline script': () => added('script', (script) => script.append('succeeded.push("inline script")')),
        'inline script as text': () =>
          added('script', (script) => (script.text = 'succeeded.push("inline script")')),
        'event handler': () =>
          added('img', (image) => {
            image.setAttribute('onerror', 'succeeded.push("event handler")');
            image.src = 'data:,x';
          }),
        markup: () => {
          document.body.innerHTML += '<img src="data:,x" onerror="succeeded.push(\'markup\')">';
        },
        'script of a frame': () =>
          added('iframe', (frame) => (frame.srcdoc = '<script>parent.succeeded.push("frame")</script>')),
        eval: () => (globalThis.eval as (text: string) => unknown)('succeeded.push("eval")'),
        'new Function': () =>
          (Reflect.construct(Function, ['succeeded.push("Function")']) as () => unknown)(),
        'timer with text': () => setTimeout('succeeded.push("timer")' as unknown as () => void),
        'remote script': (url) => added('script', (script) => (script.src = url)),
        'worker from text': () =>
          new Worker(URL.createObjectURL(new Blob(['postMessage(1)']))).addEventListener('message', () =>
            globalThis.succeeded.push('worker'),
          ),
        'worker of our own origin that is none of ours': () =>
          new Worker('/models/demo/config.json').addEventListener('message', () =>
            globalThis.succeeded.push('worker'),
          ),
        fetch: (url) => fetch(url),
        'fetch of a look-alike': () => fetch('https://huggingface.co.invalid/'),
        beacon: (url) => {
          if (navigator.sendBeacon(url, 'x')) throw new Error('it is queued, and stopped there');
        },
        socket: (url) =>
          new Promise((resolve, reject) => {
            const socket = new WebSocket(url.replace('http', 'ws'));
            socket.onopen = resolve;
            socket.onerror = () => reject(new Error('no connection'));
          }),
        image: (url) => added('img', (image) => (image.src = url)),
        'style sheet': (url) =>
          added('link', (link) => {
            link.rel = 'stylesheet';
            link.href = url;
          }),
        'inline style': () =>
          added('style', (style) => {
            style.append('#app { visibility: hidden }');
          }),
        form: (url) => {
          added('form', (form) => (form.action = url));
          document.forms[document.forms.length - 1].submit();
        },
        base: (url) =>
          added('base', (base) => {
            base.href = url;
            if (document.baseURI.startsWith(url)) globalThis.succeeded.push('base');
          }),
        WebAssembly: () =>
          new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])) &&
          globalThis.succeeded.push('WebAssembly'),
      };
    });
    // As text: the test's own tool would put its loader in the place of import().
    await app.page.evaluate(`attacks['import'] = (url) => import(url);
      attacks['data script'] = () => import('data:text/javascript,succeeded.push("data")')`);
  });

  test.each([
    ['inline script', "requires 'TrustedScript' assignment"], // no event, but a word on the console
    ['inline script as text', 'require-trusted-types-for'],
    ['event handler', 'require-trusted-types-for'],
    ['markup', 'require-trusted-types-for'],
    ['script of a frame', 'require-trusted-types-for'],
    ['eval', 'require-trusted-types-for'],
    ['new Function', 'require-trusted-types-for'],
    ['timer with text', 'require-trusted-types-for'],
    ['remote script', 'require-trusted-types-for'],
    ['import', 'script-src-elem'],
    ['data script', 'script-src-elem'],
    ['worker from text', 'require-trusted-types-for'],
    ['worker of our own origin that is none of ours', 'require-trusted-types-for'],
    ['fetch', 'connect-src'],
    ['fetch of a look-alike', 'connect-src'],
    ['beacon', 'connect-src'],
    ['socket', 'connect-src'],
    ['image', 'img-src'],
    ['style sheet', 'style-src-elem'],
    ['inline style', 'style-src-elem'],
    ['form', 'form-action'],
    ['base', 'base-uri'],
    ['WebAssembly', 'script-src'],
  ])('%s is stopped by %s', async (name, directive) => {
    // In a task of the page's own: what a debugger evaluates itself is allowed more.
    await app.page.evaluate(
      ([attack, url]) =>
        new Promise<void>((resolve) => {
          globalThis.violated = [];
          setTimeout(() => {
            Promise.resolve()
              .then(() => globalThis.attacks[attack](url))
              .then(
                () => resolve(),
                () => resolve(),
              );
          });
        }),
      [name, elsewhereUrl] as const,
    );
    await vi.waitFor(
      async () => {
        const violated = await app.page.evaluate(() => globalThis.violated);
        expect([...violated, ...app.faults.all].join('\n')).toContain(directive);
      },
      { timeout: 20_000 },
    );
    expect(await app.page.evaluate(() => globalThis.succeeded)).toEqual([]);
    expect(await app.page.locator('#app').isVisible()).toBe(true);
    expect(reached).toEqual([]);
  });
});

describe('in the training worker', () => {
  const worker = (): Worker => {
    const found = app.page.workers().find((one) => one.url().includes('trainer.worker'));
    if (found === undefined) throw new Error('the page has no training worker');
    return found;
  };

  test('code from text and requests to another origin are stopped', async () => {
    const outcome = await worker().evaluate(
      (url) =>
        new Promise<readonly string[]>((resolve) => {
          setTimeout(() => {
            const attempts: readonly (() => unknown)[] = [
              () => (globalThis.eval as (text: string) => unknown)('1'),
              () => Reflect.construct(Function, ['return 1']),
              () => import(/* @vite-ignore */ url),
              () => fetch(url),
              () => new Worker(URL.createObjectURL(new Blob([''])), { type: 'module' }),
            ];
            void Promise.all(
              attempts.map((attempt) =>
                Promise.resolve()
                  .then(attempt)
                  .then(
                    () => 'succeeded',
                    () => 'stopped',
                  ),
              ),
            ).then(resolve);
          });
        }),
      elsewhereUrl,
    );
    expect(outcome).toEqual(Array.from({ length: 5 }, () => 'stopped'));
    expect(reached).toEqual([]);
  });
});

describe('Parquet files that are compressed with zstd', () => {
  beforeAll(() => app.page.goto(app.url)); // the form's stopped way out is still waited for
  const bytes = readFileSync(new URL('../fixtures/parquet/zstd-1.parquet', import.meta.url));
  const choose = (name: string): Promise<void> =>
    ui.datasetFile.setInputFiles({ name, mimeType: 'application/octet-stream', buffer: bytes });

  test('are read: their library compiles WebAssembly when it is loaded, in the worker', async () => {
    await ui.waitUntilReady();
    await choose('with.parquet');
    await ui.dataset.getByText('with.parquet').waitFor();
    await ui.waitUntilReady();
    expect(await ui.alerts.count()).toBe(0);
  });

  test('are why the worker’s policy allows it: without, they are not', async () => {
    const policies: string[] = [];
    // The same server, with a stricter word in its answers.
    const stricter = createServer((request, response) => {
      void fetch(`${app.url}${request.url}`).then(async (answer) => {
        const policy = answer.headers.get('Content-Security-Policy') ?? '';
        if (policy.includes("'wasm-unsafe-eval'")) policies.push(request.url ?? '');
        for (const name of ['Content-Type', 'Cross-Origin-Embedder-Policy', 'Cross-Origin-Opener-Policy'])
          response.setHeader(name, answer.headers.get(name) ?? '');
        response.setHeader('Content-Security-Policy', policy.replace(" 'wasm-unsafe-eval'", ''));
        response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
      });
    });
    await new Promise<void>((resolve) => stricter.listen(0, '127.0.0.1', resolve));
    await app.page.goto(`http://127.0.0.1:${(stricter.address() as AddressInfo).port}/`);
    await ui.waitUntilReady();
    await choose('without.parquet');
    const alert = app.page.locator('[role=alert][data-code]').first();
    await alert.waitFor();
    expect(await alert.textContent()).toContain('WebAssembly');
    expect(policies.map((path) => path.replace(/-[\w-]+\.js$/, ''))).toContain('/assets/trainer.worker');
    stricter.close();
  });
});
