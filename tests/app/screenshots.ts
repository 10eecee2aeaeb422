/**
 * Takes the pictures of the documentation from a real run: `npx tsx tests/app/screenshots.ts [folder] [prompts per suite]`.
 * The demo model and the built-in dataset with their default settings, so a picture shows what a reader will get.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureDist } from '../../scripts/cli/build.ts';
import { openApp } from './support.ts';

const RUN_MS = 60 * 60_000;
const [folder = 'docs', suitePrompts] = process.argv.slice(2);

async function takeScreenshots(): Promise<void> {
  await ensureDist({ say: console.log });
  await mkdir(folder, { recursive: true });
  const app = await openApp('/');
  const { page, faults } = app;
  const save = async (name: string): Promise<void> => {
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(500); // the chart follows a new size or colour scheme in the next frames
    await page.screenshot({ path: join(folder, name) });
  };
  const start = page.getByRole('button', { name: 'Start training' });
  const status = page.getByRole('status');
  try {
    await page.getByText('Ready to start.').waitFor();
    if (suitePrompts !== undefined) {
      await page.getByText('More settings', { exact: true }).click();
      await page.getByLabel('Prompts per suite', { exact: true }).fill(suitePrompts);
      await page.getByText('More settings', { exact: true }).click();
    }
    await start.click();
    await status.filter({ hasText: /^(done|failed)/ }).waitFor({ timeout: RUN_MS });
    console.log(await status.innerText(), await page.getByRole('alert').allInnerTexts(), faults.all);
    await page.setViewportSize({ width: 1360, height: 1240 });
    await save('page.png');
    await page.emulateMedia({ colorScheme: 'dark' });
    await save('page-dark.png');
    await page.emulateMedia({ colorScheme: 'light' });
    // It would cover what is pictured. Not as a style tag, which the page's policy forbids.
    await page.evaluate(() =>
      document.querySelector<HTMLElement>('.run')?.style.setProperty('position', 'static'),
    );
    await page.getByRole('region', { name: 'Results' }).screenshot({ path: join(folder, 'results.png') });
    await page
      .getByRole('region', { name: 'Sample traces' })
      .screenshot({ path: join(folder, 'traces.png') });
    await page.setViewportSize({ width: 390, height: 844 });
    await start.evaluate((button) => button.scrollIntoView());
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(folder, 'page-narrow.png') });
  } finally {
    await app.close();
  }
}

await takeScreenshots();
