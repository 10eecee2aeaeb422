/** What axe-core finds in a state of the page, in light, dark and forced colours; and whether anything is wider than the window. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** As a debugger would: the page's policy lets no script in. After every load. */
export const addAxe = async (page: Page): Promise<void> => {
  await page.evaluate(axe);
};

/** What axe finds with all its rules, or with those of colours. */
async function findings(page: Page, rules?: readonly string[]): Promise<string[]> {
  const found = await page.evaluate(async (only) => {
    const { axe: library } = globalThis as unknown as {
      readonly axe: {
        run(context: Document, options: object): Promise<{ readonly violations: readonly Finding[] }>;
      };
    };
    const options = only === undefined ? {} : { runOnly: { type: 'rule', values: only } };
    return (await library.run(document, { ...options, resultTypes: ['violations'] })).violations;
  }, rules);
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 200)}\n  ${failureSummary}`),
  );
}

const colours = ['color-contrast', 'link-in-text-block'] as const;
const narrow = [320, 360, 768, 2560, 1280];

/** In this state, all of it. `addAxe` comes first. */
export async function expectAccessible(page: Page, state: string): Promise<void> {
  const faults: string[] = [];
  const note = (where: string, found: readonly string[]): void => {
    faults.push(...found.map((fault) => `${state}, ${where}: ${fault}`));
  };
  await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: 'light', forcedColors: 'none' });
  note('light', await findings(page));
  await page.emulateMedia({ colorScheme: 'dark' });
  note('dark', await findings(page, colours));
  await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
  note('forced colours', await findings(page, colours));
  await page.emulateMedia({ forcedColors: 'none' });
  for (const width of narrow) {
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) faults.push(`${state}: ${wide} px of page in a window of ${width}`);
  }
  expect(faults.join('\n')).toBe('');
}
