/** A page of ours in Firefox, found and driven by accessible names as a user would, with every uncaught error in it noted. */
import { join } from 'node:path';
import type { Browser, ElementHandle, Page } from 'puppeteer-core';
import { vi } from 'vitest';
import { launchFirefox } from '../../scripts/cli/firefox.ts';
import { serve } from '../../scripts/cli/serve.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { systemAccess, systemPreferences } from './system-access.ts';

const waitMs = 120_000; // a software GPU on a busy machine
const findMs = 10_000;

export interface FirefoxPage {
  readonly browser: Browser;
  readonly page: Page;
  /** Uncaught errors and console errors so far. */
  readonly faults: readonly string[];
  /** Where files go that the page lets the user download. */
  readonly downloads: string;
  /** By accessible role and name; waits until it is there. */
  find(role: string, name: string): Promise<ElementHandle<HTMLElement>>;
  isEnabled(role: string, name: string): Promise<boolean>;
  text(role: string, name?: string): Promise<string>;
  /** Waits until it holds; fails with what the page says. */
  until(what: string, holds: () => Promise<boolean>): Promise<void>;
  close(): Promise<void>;
}

/** `root`: the folder that is served. Close it in `afterAll`. */
export async function openFirefoxPage(root: string, path = '/'): Promise<FirefoxPage> {
  const downloads = tempFolder();
  const served = await serve({ root });
  const browser = await launchFirefox(
    {
      ...systemPreferences,
      'browser.download.folderList': 2, // the folder below
      'browser.download.dir': downloads,
    },
    {},
    [systemAccess],
  );
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`uncaught error: ${String(error)}`));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console error: ${message.text()}`);
  });
  await page.goto(`${served.url}${path}`);
  const selector = (role: string, name: string): string => `::-p-aria([name="${name}"][role="${role}"])`;
  const text = async (role: string, name?: string): Promise<string> => {
    const found = await page.$(name === undefined ? `[role="${role}"]` : selector(role, name));
    return found === null ? '' : found.evaluate((element) => (element as HTMLElement).innerText);
  };
  const find = async (role: string, name: string): Promise<ElementHandle<HTMLElement>> => {
    const found = await page.waitForSelector(selector(role, name), { timeout: findMs });
    if (found === null) throw new Error(`no ${role} "${name}"`);
    return found as ElementHandle<HTMLElement>;
  };
  return {
    browser,
    page,
    faults,
    downloads,
    find,
    text,
    isEnabled: async (role, name) =>
      (await find(role, name)).evaluate((element) => !(element as HTMLButtonElement).disabled),
    until: (what, holds) =>
      vi.waitFor(
        async () => {
          if (await holds()) return;
          const said = [await text('status'), await text('alert'), ...faults].join('; ');
          throw new Error(`${what} was waited for; the page says: ${said}`);
        },
        { timeout: waitMs, interval: 200 },
      ),
    close: async () => {
      await browser.close();
      await served.close();
    },
  };
}

export const downloadedFile = (downloads: string, name: string): string => join(downloads, name);
