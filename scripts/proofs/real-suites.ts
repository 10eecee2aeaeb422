/**
 * `npm run proof:real-suites -- --model <folder> --suite <file> [--suite …] [--sample 10] [--max-new-tokens 64]`: published
 * suites asked of a model folder by `npm run evaluate`, and in the page from the drop of the files to the table. Both must give
 * the same answers, token for token, and the same figures. Prints the command's report.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import type { AnswerRecord, EvaluationResults, ResultRow } from '../../src/api/evaluations.ts';
import { figureNote, figureValue } from '../../src/ui/evaluation-words.ts';
import { drivePage } from '../../tests/app/drive-page.ts';
import { openApp } from '../../tests/app/support.ts';
import { ensureDist } from '../cli/build.ts';
import { projectRoot } from '../cli/paths.ts';
import { runNode } from '../cli/run-process.ts';
import { numberOf, textOption, textOptions } from './arguments.ts';

const LIMIT_MS = 60 * 60_000;

interface Asked {
  readonly model: string;
  readonly suites: readonly string[];
  readonly sample: number;
  readonly maxNewTokens: number;
}

type Answers = ReadonlyMap<string, string>;

const answersBy = (records: readonly AnswerRecord[]): Answers =>
  new Map(records.map(({ suite, row, text, tokens }) => [`${suite} ${row}`, `${tokens} ${text}`]));

async function askByCommand({ model, suites, sample, maxNewTokens }: Asked, out: string): Promise<Answers> {
  const args = ['--model', model, '--host', 'browser', '--out', out, '--sample', String(sample)];
  const more = ['--max-new-tokens', String(maxNewTokens), ...suites.flatMap((path) => ['--suite', path])];
  const exitCode = await runNode('node_modules/tsx/dist/cli.mjs', ['scripts/evaluate.ts', ...args, ...more]);
  if (exitCode !== 0) throw new Error(`the command ended with ${exitCode}`);
  const lines = readFileSync(join(out, 'answers.jsonl'), 'utf8').trim().split('\n');
  return answersBy(lines.map((line) => JSON.parse(line) as AnswerRecord));
}

async function askInPage(page: Page, { model, suites, sample, maxNewTokens }: Asked): Promise<Answers> {
  const region = (name: string): Locator => page.getByRole('region', { name, exact: true });
  const [setUp, panel] = [region('Evaluate'), region('Evaluations')];
  await drivePage(page).waitUntilReady(); // until then another model cannot be chosen
  await page.getByLabel('Model', { exact: true }).selectOption('folder');
  await page.getByLabel('Model folder').setInputFiles(model);
  await page.getByRole('progressbar', { name: 'Loading the model' }).waitFor();
  await page
    .getByRole('progressbar', { name: 'Loading the model' })
    .waitFor({ state: 'detached', timeout: LIMIT_MS });
  for (const path of suites) {
    await setUp.getByLabel('Suite file').setInputFiles(path);
    await setUp
      .getByRole('region', { name: basename(path) })
      .getByRole('checkbox')
      .first()
      .waitFor();
  }
  await setUp.getByLabel('Prompts of each suite').fill(String(sample));
  await setUp.getByLabel('Longest answer, in tokens').fill(String(maxNewTokens));
  const evaluate = setUp.getByRole('button', { name: 'Evaluate', exact: true });
  await evaluate.click({ timeout: LIMIT_MS });
  await panel.getByRole('button', { name: 'All rows' }).waitFor({ timeout: LIMIT_MS });
  await panel.getByRole('button', { name: 'All rows' }).click();
  const arriving = page.waitForEvent('download');
  await panel.getByRole('button', { name: 'Download as JSONL' }).click();
  const text = await readFile(await (await arriving).path(), 'utf8');
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultRow);
  return answersBy(rows.flatMap(({ answers }) => answers));
}

/** Of every figure of the command, its value and its note: whether the page's table has them, in their order. */
async function figuresMissing(page: Page, { suites }: EvaluationResults): Promise<string[]> {
  const expected = suites.flatMap(({ groups }) =>
    groups.flatMap(({ measures }) =>
      measures.flatMap(({ variants }) =>
        variants.flatMap(({ figure }) =>
          figure.n === 0 ? [] : [figureValue(figure) ?? '', figureNote(figure)],
        ),
      ),
    ),
  );
  const shown = await page
    .getByRole('region', { name: 'Evaluations', exact: true })
    .locator('.figures')
    .innerText();
  let at = 0;
  return expected.filter((text) => {
    const found = shown.indexOf(text, at);
    if (found >= 0) at = found;
    return found < 0;
  });
}

async function main(): Promise<void> {
  const asked: Asked = {
    model: textOption('model') ?? '',
    suites: textOptions('suite'),
    sample: numberOf('sample', 10),
    maxNewTokens: numberOf('max-new-tokens', 64),
  };
  if (asked.model === '' || asked.suites.length === 0)
    throw new Error('--model <folder> and at least one --suite <file> are needed');
  await ensureDist({ say: console.log });
  const out = mkdtempSync(join(tmpdir(), 'alttrain-suites-'));
  const app = await openApp('/');
  try {
    let began = performance.now();
    const seconds = (): string => ((performance.now() - began) / 1000).toFixed(0);
    const ofPage = await askInPage(app.page, asked);
    console.log(`page: ${ofPage.size} answers in ${seconds()} s, with loading`);
    began = performance.now();
    const ofCommand = await askByCommand(asked, out);
    console.log(`command: ${ofCommand.size} answers in ${seconds()} s, with loading`);
    const differing = [...ofCommand].filter(([key, text]) => ofPage.get(key) !== text);
    const results = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as EvaluationResults;
    const missing = await figuresMissing(app.page, results);
    console.log(readFileSync(join(out, 'report.md'), 'utf8'));
    console.log(`answers that differ: ${differing.length} of ${ofCommand.size}`);
    console.log(
      `figures of the command that the page does not show: ${missing.length} ${missing.join(' | ')}`,
    );
    if (ofPage.size !== ofCommand.size || differing.length + missing.length > 0) process.exitCode = 1;
  } finally {
    await app.close();
    rmSync(out, { recursive: true, force: true });
  }
}

process.chdir(projectRoot);
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
