/** Vitest's browser mode in the released Firefox: Vitest's own providers drive a Firefox of Playwright's build only. */
import { defineBrowserProvider } from '@vitest/browser';
import type { Browser } from 'puppeteer-core';
import type { BrowserProvider } from 'vitest/node';
import { launchFirefox } from '../../cli/firefox.ts';

class ReleasedFirefox implements BrowserProvider {
  readonly name = 'released-firefox';
  readonly supportsParallelism = false;
  #browser: Promise<Browser> | null = null;

  getCommandsContext(): Record<string, unknown> {
    return {};
  }

  async openPage(_session: string, url: string): Promise<void> {
    this.#browser ??= launchFirefox();
    const page = await (await this.#browser).newPage();
    page.on('pageerror', (error) => console.error(`uncaught error in Firefox: ${String(error)}`));
    await page.goto(url, { timeout: 0 });
  }

  async close(): Promise<void> {
    await (await this.#browser)?.close();
  }
}

export const releasedFirefox = () =>
  defineBrowserProvider({
    name: 'released-firefox',
    supportedBrowser: ['firefox'],
    options: {},
    providerFactory: () => new ReleasedFirefox(),
  });
