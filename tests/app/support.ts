/** For the whole-app tests: the built page, served and opened in Chromium, with everything that goes wrong in it noted. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { distFolder } from '../../scripts/cli/paths.ts';
import { launchBrowser } from '../../scripts/cli/browser.ts';
import { watchPage, type PageFaults } from '../../scripts/cli/page-faults.ts';
import { serve } from '../../scripts/cli/serve.ts';
import { hubSourcesOf } from '../../scripts/vite/page-policy.ts';

export interface OpenApp {
  readonly url: string; // without a trailing slash
  readonly browser: Browser;
  readonly context: BrowserContext;
  readonly page: Page;
  /** Uncaught errors, console errors and crashes so far, of page and worker. */
  readonly faults: PageFaults;
  close(): Promise<void>;
}

/** `path`: "/", "/?run=demo", "/?headless". Close it in `afterAll`. */
export async function openApp(path = '/'): Promise<OpenApp> {
  const hub = new URL(path, 'http://page').searchParams.get('hub');
  const served = await serve({ root: distFolder, connect: hub === null ? [] : hubSourcesOf(hub) });
  const { browser } = await launchBrowser((line) => console.log(line));
  const context = await browser.newContext({
    acceptDownloads: true,
    viewport: { width: 1280, height: 900 },
    serviceWorkers: 'block', // each page's own fetches the whole page once more; tests/app/offline.test.ts is about it
  });
  const page = await context.newPage();
  const faults = watchPage(page);
  await page.goto(`${served.url}${path}`);
  return {
    url: served.url,
    browser,
    context,
    page,
    faults,
    close: async () => {
      await browser.close();
      await served.close();
    },
  };
}
