/**
 * One page through all its states: axe-core finds nothing in any of them, in light, dark and forced colours; nothing is wider than
 * the window; how much a run makes jump is measured; and everything from the opening to the download can be done by keyboard alone.
 */
import { statSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addAxe, expectAccessible as expectAccessiblePage } from './accessible.ts';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

let app: OpenApp;
let ui: PageDriver;
let page: Page;
/** The weights are held back until the state of their loading was looked at. */
let release: () => void = () => undefined;
beforeAll(async () => {
  app = await openApp('/third-party.txt');
  ({ page } = app);
  ui = drivePage(page);
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/model.safetensors', async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(app.url);
  await addAxe(page);
});
afterAll(() => app.close());

const expectAccessible = (state: string): Promise<void> => expectAccessiblePage(page, state);

const button = (name: string) => page.getByRole('button', { name, exact: true });

test('while the model is loading', async () => {
  await page.getByText('Loading the model').first().waitFor();
  await expectAccessible('loading').finally(release);
});

test('ready, with all settings shown', async () => {
  await ui.waitUntilReady();
  await page.locator('.what-will-happen').waitFor();
  await ui.unfold('Model');
  await ui.unfold('Dataset');
  await ui.fillSettings({ 'Sample every': '0' });
  await expectAccessible('ready');
});

test('the data builder', async () => {
  await button('Make AltTrain data…').click();
  await page.getByRole('dialog').waitFor();
  await expectAccessible('builder');
  await page.keyboard.press('Escape');
});

test('a file that is refused', async () => {
  await ui.datasetFile.setInputFiles({
    name: 'photo.png',
    mimeType: '',
    buffer: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
  });
  await ui.alerts.first().waitFor();
  await expectAccessible('refused');
  await page
    .getByRole('button', { name: /^Go back to / })
    .first()
    .click();
  await ui.waitUntilReady();
});

test('by keyboard alone from the opening to the download', async () => {
  await page.reload();
  await addAxe(page);
  await ui.waitUntilReady();
  await page.locator('.what-will-happen').waitFor();
  await page.evaluate(() => {
    const shifts = ((globalThis as { shifts?: string[] }).shifts = [] as string[]);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
        sources: { node: Element | null }[];
      })[])
        if (!entry.hadRecentInput)
          shifts.push(`${entry.value} ${entry.sources.map(({ node }) => node?.className ?? '').join(' ')}`);
    }).observe({ type: 'layout-shift' });
  });

  await tabTo('Max steps');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('6');
  await tabTo('More settings');
  await page.keyboard.press('Enter');
  for (const [label, value] of [
    ['Sample every', '2'],
    ['Prompts per suite', '4'],
  ] as const) {
    await tabTo(label);
    await page.keyboard.press('Control+A');
    await page.keyboard.type(value);
  }
  await ui.waitUntilReady();
  await tabTo('Start training');
  await page.keyboard.press('Enter');
  await ui.waitForStep(1);
  await expect.poll(focused, { timeout: 5000 }).not.toBe(''); // handed on in the next frames
  await expectAccessible('training');
  await tabTo('Pause');
  await page.keyboard.press('Space');
  await ui.waitForPhase('paused');
  await expectAccessible('paused');
  await tabTo('Resume');
  await page.keyboard.press('Enter');
  await ui.waitForPhase('done');
  await expect.poll(focused, { timeout: 5000 }).not.toBe(''); // handed on in the next frames
  await tabTo('Download adapter');
  const arriving = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  expect(statSync(await (await arriving).path()).size).toBeGreaterThan(10_000);
  await expectAccessible('done, with results');

  const shifts = await page.evaluate(() => (globalThis as unknown as { shifts: string[] }).shifts);
  const sum = shifts.reduce((total, shift) => total + Number.parseFloat(shift), 0);
  console.log(`layout shift ${sum.toFixed(4)}`, shifts);
  expect(sum).toBeLessThan(0.02);
});

test('a dialog keeps the focus, and gives it back', async () => {
  await tabTo('Export…');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await expectAccessible('export');
  for (let presses = 0; presses < 16; presses++) {
    await page.keyboard.press('Tab');
    // The browser's own buttons are part of the way round.
    expect(
      await page.evaluate(
        () => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null,
      ),
    ).toBe(true);
  }
  await page.keyboard.press('Escape');
  expect(await focused()).toBe('Export…');
});

test('the playground with replies, and kept evaluations', async () => {
  const playground = page.getByRole('region', { name: 'Playground', exact: true });
  await playground
    .getByLabel('Longest reply')
    .fill('16')
    .catch(() => undefined);
  await playground.getByLabel('Message').fill('How do I bake bread?');
  await playground.getByLabel('Message').press('Enter');
  await playground.getByRole('button', { name: 'Send', exact: true }).waitFor({ timeout: 180_000 });
  await expectAccessible('playground');
});

/** The name of what has the focus; empty where nothing has. */
const focused = (): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return '';
    const labels = 'labels' in element ? [...((element as HTMLInputElement).labels ?? [])] : [];
    return (
      element.getAttribute('aria-label') ??
      labels[0]?.firstChild?.textContent ??
      element.textContent ??
      '?'
    ).trim();
  });

/** Tab by Tab; each stop must be seen, and be in sight. */
async function tabTo(name: string): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 150; presses++) {
    const now = await focused();
    if (now === name) return;
    passed.push(now);
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === null || element === document.body) return null;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const { top, bottom, width, height } = element.getBoundingClientRect();
      return {
        html: element.outerHTML.slice(0, 150),
        isMarked: (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none',
        isInSight: bottom > 0 && top < innerHeight && width > 0 && height > 0,
      };
    });
    if (stop !== null) expect(stop).toEqual({ html: stop.html, isMarked: true, isInSight: true });
  }
  throw new Error(`Tab does not reach "${name}"; it passes ${passed.join(', ')}`);
}
