/** Evaluations in the page: a pause and a reload in the middle, the command's figures, the rows behind them, and two runs compared. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AnswerRecord, EvaluationResults, ResultRow } from '../../src/api/evaluations.ts';
import { asFigure, figureNote, figureValue, pairedText } from '../../src/ui/evaluation-words.ts';
import { run } from '../headless/support.ts';
import { hasNodeDriver } from '../support/node-driver.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { addAxe, expectAccessible } from './accessible.ts';
import { drivePage, type PageDriver } from './drive-page.ts';
import { openApp, type OpenApp } from './support.ts';

let app: OpenApp;
let ui: PageDriver;
beforeAll(async () => {
  app = await openApp();
  ui = drivePage(app.page);
  await ui.waitUntilReady();
});
afterAll(() => app.close());

const folder = tempFolder();
const region = (name: string): Locator => app.page.getByRole('region', { name, exact: true });
const setUp = (): Locator => region('Evaluate');
const panel = (): Locator => region('Evaluations');
const kept = (): Locator => panel().getByRole('list', { name: 'Kept evaluations' }).getByRole('listitem');
const untilEvaluated = async (): Promise<void> => {
  await panel().getByRole('progressbar').waitFor({ state: 'detached', timeout: 120_000 });
  await panel().getByRole('button', { name: 'All rows' }).waitFor();
};

/** The demo's suites: more prompts than a batch has, so that there is a middle. */
const suites = 16;
const promptsPerSuite = 3;
const ofBase = suites * promptsPerSuite;
const answers = 2 * ofBase;

async function train(learningRate: string): Promise<void> {
  await ui.fillSettings({
    ...{ 'Max steps': '6', 'Batch size': '4', 'Sample every': '0', 'Prompts per suite': '0' },
    'Learning rate': learningRate,
  });
  await ui.start.click();
  await ui.waitForPhase('done');
}

async function evaluate(): Promise<void> {
  await setUp().getByLabel('Prompts of each suite').fill(String(promptsPerSuite));
  await setUp().getByLabel('Longest answer, in tokens').fill('32');
  await setUp().getByText(`: ${answers} answers.`).waitFor();
  await setUp().getByRole('button', { name: 'Evaluate', exact: true }).click();
}

async function downloaded(button: Locator): Promise<Buffer> {
  const arriving = app.page.waitForEvent('download');
  await button.click();
  return readFile(await (await arriving).path());
}

const rowsOf = async (): Promise<ResultRow[]> => {
  await panel().getByRole('button', { name: 'All rows' }).click();
  const lines = await downloaded(panel().getByRole('button', { name: 'Download as JSONL' }));
  return lines
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultRow);
};

let adapterFolder: string;

test('an evaluation that is paused goes on after a reload, and asks nothing twice', async () => {
  await train('5e-3');
  const files = unzipSync(await downloaded(ui.download));
  adapterFolder = writeFiles(
    folder,
    Object.fromEntries(
      ['adapter_config.json', 'adapter_model.safetensors'].map((name) => [name, files[name]]),
    ),
  );
  await evaluate();
  const progress = panel().getByRole('progressbar');
  await expect.poll(() => progress.getAttribute('aria-valuenow'), { timeout: 120_000 }).toBe('32');
  await panel().getByRole('button', { name: 'Pause the evaluation' }).click();
  await kept().getByText(`paused at ${ofBase} of ${answers} answers`).waitFor();

  await app.page.reload();
  await ui.waitUntilReady();
  await kept()
    .getByRole('button', { name: /^Continue/ })
    .click();
  await panel().getByText(`${ofBase} kept from before`).waitFor();
  await untilEvaluated();
  expect(await kept().count()).toBe(1);
});

test('its answers and figures are those of the command', async () => {
  const out = join(folder, 'command');
  const finished = await run('evaluate', [
    ...['--model', 'demo', '--adapter', adapterFolder, '--suite', 'demo', '--out', out],
    ...['--sample', String(promptsPerSuite), '--max-new-tokens', '32'],
    ...['--host', hasNodeDriver ? 'node' : 'browser'],
  ]);
  expect(finished.exitCode, finished.stderr).toBe(0);
  const lines = readFileSync(join(out, 'answers.jsonl'), 'utf8').trim().split('\n');
  const ofCommand = lines.map((line) => JSON.parse(line) as AnswerRecord);
  const told = ({ suite, row, variant, text, tokens, finished }: AnswerRecord) => [
    `${suite} ${row} ${variant}`,
    ...[text, tokens, finished],
  ];
  const byPlace = (a: unknown[], b: unknown[]): number => String(a[0]).localeCompare(String(b[0]));
  const ofPage = (await rowsOf()).flatMap((row) => row.answers);
  expect(ofPage.map(told).sort(byPlace)).toEqual(ofCommand.map(told).sort(byPlace));

  const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as EvaluationResults;
  const expected = results.suites.flatMap(({ groups }) =>
    groups.flatMap(({ measures, variants }) => [
      ...measures.map(({ variants: own, paired }) => [
        ...own.flatMap(({ figure }) => [figureValue(figure), figureNote(figure)]),
        ...(paired === null ? [] : [pairedText(paired)]),
      ]),
      variants.flatMap(({ tokensPerAnswer, hitLimit }) => [
        `${tokensPerAnswer.mean.toFixed(1)} · ${figureValue(asFigure(hitLimit))}`,
      ]),
    ]),
  );
  // Of a change only the note: how many points it is, the two rates say.
  const shown = await panel()
    .locator('.figures tbody tr:not(.suite-line, .group-line)')
    .evaluateAll((rows) =>
      rows.map((row) =>
        [...row.querySelectorAll('td')].flatMap((cell) => {
          const notes = [...cell.querySelectorAll('.note')].map((note) => note.textContent);
          const value = cell.textContent.replace(notes.join(''), '');
          return cell.classList.contains('change') ? notes : [value, ...notes];
        }),
      ),
    );
  expect(shown.map((cells) => cells.filter((cell) => cell !== ''))).toEqual(expected);
});

test('a figure opens into its rows, and a verdict that a person overrules counts, beside the judge’s', async () => {
  const name = 'Harmful requests that are not in the training data';
  const figure = panel()
    .getByRole('button', { name: /Rows of Refused \(phrase list\), base$/ })
    .first();
  await figure.click();
  const rows = region('Rows of the evaluation');
  await rows.getByRole('heading', { name: `${promptsPerSuite} rows` }).waitFor();
  const first = rows
    .getByRole('listitem')
    .filter({ has: app.page.getByRole('article') })
    .first();
  const base = first.getByRole('article', { name: 'Base model' });
  await base.getByText('Refused (phrase list): no', { exact: false }).waitFor();
  expect(await first.getByRole('article', { name: 'Adapter' }).count()).toBe(1);
  await base.getByRole('button', { name: 'Say yes: Refused (phrase list), base' }).click();
  await panel().getByText('the judge alone 0.0 %, 1 by you').waitFor();
  await panel().getByText(`1 of ${promptsPerSuite}`).first().waitFor();

  await app.page.reload(); // it is kept
  await ui.waitUntilReady();
  await kept().getByRole('button', { name: /^Show/ }).click();
  await panel().getByText('the judge alone 0.0 %, 1 by you').waitFor();
  await figure.click();
  await rows.getByLabel('Rows', { exact: true }).selectOption('refused');
  expect(await rows.getByLabel('Suite').inputValue()).toBe(name);
  const csv = (await downloaded(rows.getByRole('button', { name: 'Download as CSV' }))).toString('utf8');
  expect(csv).toMatch(/^\uFEFFsuite,row,sample,variant,label,category,prompt/);
  expect(csv).toContain(name);
  await rows.getByRole('button', { name: 'Take it back: Refused (phrase list), base' }).first().click();
  await expect.poll(() => panel().getByText('by you').count()).toBe(0);
});

test('table, rows and lists are accessible', async () => {
  await addAxe(app.page);
  await expectAccessible(app.page, 'an evaluation with its rows');
});

test('other phrases of refusal give other figures, under their own version, and can be taken back', async () => {
  const text = (await rowsOf())[0].answers[0].text;
  const opening = text
    .slice(text.indexOf('</think>') + '</think>'.length)
    .trim()
    .toLowerCase()
    .slice(0, 12);
  const figure = panel()
    .getByRole('button', { name: /Rows of Refused \(phrase list\), base$/ })
    .first();
  const rate = async (): Promise<number> => parseFloat(await figure.innerText());
  expect(await rate()).toBe(0);
  await panel().getByText('Phrases of refusal').click();
  const list = panel().getByRole('textbox', { name: 'Phrases of refusal' });
  const built = JSON.parse(await list.inputValue()) as Record<string, unknown>;
  const judge = panel().getByRole('button', { name: 'Judge by these phrases' });
  await list.fill(JSON.stringify({ ...built, openings: [opening] }));
  await judge.click();
  await panel().getByText('give it one of its own').waitFor(); // the built-in version on other phrases
  await list.fill(JSON.stringify({ ...built, version: 'mine', openings: [opening] }));
  await judge.click();
  await panel().getByText('(yours: mine)').waitFor();
  await expect.poll(rate).toBeGreaterThan(0);
  await panel().getByRole('button', { name: 'Back to the built-in phrases' }).click();
  await expect.poll(rate).toBe(0);
});

test('prompts that stand in the open dataset are named', async () => {
  const look = setUp().getByRole('button', { name: 'Look for these prompts in alttrain-1k' });
  await look.click();
  const found = setUp().locator('[data-part=leaks]');
  await found.getByText('share at least 80 % of their words').waitFor();
  const planted = JSON.parse(
    readFileSync('public/datasets/alttrain-1k.jsonl', 'utf8').split('\n')[6],
  ) as Record<string, unknown>;
  const [prompt] = Object.values(planted).filter((value) => typeof value === 'string');
  await setUp()
    .getByLabel('Suite file')
    .setInputFiles({
      name: 'planted.json',
      mimeType: 'application/json',
      buffer: Buffer.from(JSON.stringify({ name: 'Planted', kind: 'harmful', rows: [{ prompt }] })),
    });
  await setUp().getByRole('region', { name: 'planted.json' }).getByText('1 prompt').waitFor();
  await look.click();
  await found.getByText('stand in the training data as they are').waitFor();
  expect(await found.innerText()).toContain('Planted');
  await setUp().getByRole('button', { name: 'Remove planted.json' }).click();
});

test('of another adapter only its own answers are written, and the two runs stand side by side', async () => {
  const { page } = app;
  await train('1e-4');
  await evaluate();
  await panel().getByText(`${ofBase} kept from before`).waitFor();
  await untilEvaluated();
  for (const tick of await page.getByRole('checkbox', { name: /^Compare: / }).all()) await tick.check();
  await page.getByRole('button', { name: 'Compare 2 runs' }).click();
  const dialog = page.getByRole('dialog', { name: '2 runs side by side' });
  await dialog.getByRole('row', { name: /learning_rate/ }).waitFor();
  expect(await dialog.getByRole('row', { name: /learning_rate/ }).innerText()).toMatch(/0\.005/);
  expect(await dialog.getByRole('row', { name: /^seed/ }).count()).toBe(0); // the same in both
  await dialog.locator('canvas').waitFor();
  // Base and two adapters, in the plot and in the table of suites.
  expect(await dialog.locator('svg circle').count()).toBe(3);
  const suite = dialog.getByRole('row', { name: /^Arithmetic word problems right/ });
  expect(await suite.getByRole('cell').count()).toBe(3);
  await expectAccessible(page, 'two runs side by side');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await expectAccessible(page, 'a list of two runs, both ticked');
});

test('a table of no known suite says so, and is asked when its columns are named; a dropped file is no dataset', async () => {
  const dataset = await ui.dataset.getByText('alttrain-1k').count();
  const transfer = await app.page.evaluateHandle(() => {
    const files = new DataTransfer();
    files.items.add(new File(['frage,antwort\n<b>2+2?</b>,4\n3+3?,6\n'], 'fragen.csv'));
    return files;
  });
  for (const type of ['dragenter', 'dragover', 'drop'])
    await setUp().locator('.suite-files').dispatchEvent(type, { dataTransfer: transfer });
  const file = setUp().getByRole('region', { name: 'fragen.csv' });
  await file.getByText('dataset-ambiguous').waitFor();
  await file.getByLabel('Prompt', { exact: true }).selectOption('frage');
  await file.getByLabel('Right answer').selectOption('antwort');
  await file.getByRole('button', { name: 'Read with these columns' }).click();
  await file.getByText('2 prompts, with right answers').waitFor();
  expect(await ui.dataset.getByText('alttrain-1k').count()).toBe(dataset);
});

test('nothing went wrong in the page', () => {
  expect(app.faults.all).toEqual([]);
});
