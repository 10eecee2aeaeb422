/** A model's folder in Firefox: chosen with the button, through Firefox's own dialog and question, and dropped as loose files. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { distFolder } from '../../scripts/cli/paths.ts';
import { openFirefoxPage, type FirefoxPage } from './open-page.ts';
import { acceptQuestion, answerFolderDialog } from './system-access.ts';

const folder = fileURLToPath(new URL('../fixtures/goldens/tied-gqa/model', import.meta.url));
const parameters = '86.9 K parameters';

let app: FirefoxPage;
beforeAll(async () => {
  app = await openFirefoxPage(distFolder);
  await app.until('an enabled "Start training"', () => app.isEnabled('button', 'Start training'));
});
afterAll(() => app.close());

const said = (): Promise<string> => app.page.evaluate(() => document.body.innerText);

test('a folder is chosen, Firefox asks about it, and the model in it is opened', async () => {
  await answerFolderDialog(app.browser, folder);
  await app.page.select('select', 'folder');
  const button = await app.page.waitForSelector('label.file-button .button');
  expect(await said()).not.toContain(parameters);
  await button?.click();
  let question: string | null = null;
  await app.until('Firefox’s question', async () => {
    question = await acceptQuestion(app.browser, app.page.url());
    return question !== null;
  });
  expect(question).toContain('upload all files from “model”');
  await app.until('the model', async () => (await said()).includes(parameters));
  expect(await app.text('alert')).toBe('');
});

test('the files of a model, dropped on the page, are opened as one', async () => {
  await app.page.select('select', 'demo');
  await app.until('the demo', async () => (await said()).includes('1.47 M'));
  const files = readdirSync(folder).map(
    (name) => [name, readFileSync(`${folder}/${name}`, 'base64')] as const,
  );
  await app.page.evaluate((list) => {
    const dataTransfer = new DataTransfer();
    for (const [name, base64] of list)
      dataTransfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    const at = { bubbles: true, cancelable: true, dataTransfer };
    document.body.dispatchEvent(new DragEvent('dragover', at));
    document.body.dispatchEvent(new DragEvent('drop', at));
  }, files);
  await app.until('the model', async () => (await said()).includes(parameters));
  expect(await app.text('alert')).toBe('');
});

test('nothing went wrong unseen', () => {
  expect(app.faults).toEqual([]);
});
