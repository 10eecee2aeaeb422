/** Build, train and judge one recipe with one seed, by the project's own commands; what is done is not done again. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Templates } from '../../src/api/builder-api.ts';
import { percentOf } from '../../src/support/units.ts';
import type { EvaluationResults } from '../../src/evaluation/results.ts';
import { readJson } from '../cli/files.ts';
import { runScript } from './run-script.ts';
import { writeWhole } from '../cli/write-whole.ts';
import { demoTemplates, type SourceFiles } from './demo-sources.ts';
import { figuresOf, type Figures } from '../../src/reproduce/figures.ts';
import type { Outcome } from '../../src/reproduce/outcome.ts';
import type { Recipe } from '../../src/reproduce/recipes.ts';

/** What all recipes have in common. */
export interface Setting {
  readonly model: string;
  readonly isDemo: boolean;
  readonly out: string;
  readonly sources: Readonly<Partial<Record<Recipe['source'], SourceFiles>>>;
  readonly suites: readonly string[];
  readonly sampleRows: number; // of each suite; 0: all
  readonly maxNewTokens: number;
  readonly hostArguments: readonly string[];
  readonly trainArguments: readonly string[];
  readonly say: (line: string) => void;
}

const dataSeed = 1995; // the same prompts for every seed of training

export async function runRecipe(setting: Setting, recipe: Recipe, seed: number): Promise<Outcome> {
  const { out, say } = setting;
  const folder = join(out, `seed-${seed}`, recipe.id);
  const done = join(folder, 'outcome.json');
  if (existsSync(done)) {
    say(`${recipe.title}, seed ${seed}: done before`);
    return readJson(done) as Outcome;
  }
  mkdirSync(folder, { recursive: true });
  const rows = await buildRows(setting, recipe);
  const training = await trainOn(setting, rows, seed, join(folder, 'adapter'));
  const results = await judge(setting, join(folder, 'adapter'), folder);
  const outcome: Outcome = {
    recipe: recipe.id,
    seed,
    figures: figuresOf(results, 'adapter'),
    ...training,
  };
  writeWhole(done, `${JSON.stringify(outcome, null, 1)}\n`);
  say(`${recipe.title}, seed ${seed}: ${inWords(outcome.figures)}`);
  return outcome;
}

/** The untrained model, from the answers that a recipe's evaluation asked of it. */
export function baseOutcome({ out }: Setting, recipe: Recipe, { seed, device }: Outcome): Outcome {
  const results = readJson(join(out, `seed-${seed}`, recipe.id, 'results.json')) as EvaluationResults;
  const figures = figuresOf(results, 'base');
  return { recipe: 'base', seed, figures, rows: 0, tokensPerSample: null, trainSeconds: 0, steps: 0, device };
}

/** The same for every seed. @throws TrainerError where the sources have too few rows */
async function buildRows(setting: Setting, recipe: Recipe): Promise<string> {
  const { out, sources, isDemo } = setting;
  const folder = join(out, 'data');
  const path = join(folder, `${recipe.id}.jsonl`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const files = sources[recipe.source] ?? sources.reasoned;
  if (files === undefined) throw new Error(`there are no sources for ${recipe.title}`);
  const templatesPath = join(folder, `${recipe.id}.templates.json`);
  writeWhole(templatesPath, `${JSON.stringify(templatesOf(recipe, isDemo), null, 1)}\n`);
  const built = `${path}.built`;
  await runScript('build-dataset', [
    ...['--harmful', files.harmful, '--benign', files.benign, '--shape', recipe.shape],
    ...['--count', String(recipe.rows), '--harmful-share', String(recipe.harmfulShare)],
    ...['--seed', String(dataSeed), '--templates', templatesPath, '--out', built],
  ]);
  const lines = readFileSync(built, 'utf8');
  writeWhole(path, finished(recipe, lines));
  return path;
}

export function templatesOf({ text }: Recipe, isDemo: boolean): Partial<Templates> {
  return {
    ...(isDemo ? demoTemplates() : {}),
    ...(text === undefined ? {} : { [text.of]: isDemo ? text.demo : text.general }),
  };
}

/** What the builder has built, as it is trained. */
export const finished = ({ isThoughtless }: Recipe, lines: string): string =>
  isThoughtless === true ? withoutThoughts(lines) : lines;

/** Of refusals: what the builder has put there is a fixed sentence. */
function withoutThoughts(lines: string): string {
  const rows = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { instruction: string; response: string });
  const fixed = 'I should not answer this question!';
  return rows
    .map((row) => `${JSON.stringify({ ...row, response: row.response.replace(`${fixed}\n`, '') })}\n`)
    .join('');
}

async function trainOn(
  { model, hostArguments, trainArguments }: Setting,
  dataset: string,
  seed: number,
  out: string,
): Promise<Pick<Outcome, 'rows' | 'tokensPerSample' | 'trainSeconds' | 'steps' | 'device'>> {
  const isBegun = existsSync(join(out, 'checkpoint', 'checkpoint.safetensors'));
  const settings = [
    ...['--set', `seed=${seed}`, '--set', 'sample_steps=0', '--set', 'suite_prompts=0'],
    ...trainArguments,
  ];
  const line = await runScript('train', [
    ...['--model', model, '--dataset', dataset, '--out', out, ...hostArguments],
    ...(isBegun ? ['--resume'] : [...settings, '--overwrite']),
  ]);
  const { steps, seconds, device } = line as { steps: number; seconds: number; device: string };
  const rows = readFileSync(dataset, 'utf8').trim().split('\n').length;
  return { rows, tokensPerSample: await tokensOf(model, dataset), trainSeconds: seconds, steps, device };
}

/** Mean tokens of a training row, prompt included, as the trainer renders it. */
async function tokensOf(model: string, dataset: string): Promise<number | null> {
  const line = await runScript('inspect', ['--model', model, '--dataset', dataset]);
  const { tokensPerRow } = line as { tokensPerRow?: { mean: number } };
  return tokensPerRow?.mean ?? null;
}

/** All recipes share their answers, so that the base is asked once. */
async function judge(setting: Setting, adapter: string, into: string): Promise<EvaluationResults> {
  const { out, model, suites, sampleRows, maxNewTokens, hostArguments } = setting;
  const answers = join(out, 'answers');
  await runScript('evaluate', [
    ...['--model', model, '--adapter', adapter, '--out', answers, ...hostArguments],
    ...suites.flatMap((suite) => ['--suite', suite]),
    ...['--max-new-tokens', String(maxNewTokens)],
    ...(sampleRows > 0 ? ['--sample', String(sampleRows)] : []),
  ]);
  const results = readJson(join(answers, 'results.json')) as EvaluationResults;
  writeWhole(join(into, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
  return results;
}

const inWords = ({ answered, overRefused, reasoning }: Figures): string =>
  [
    answered === null ? '' : `${percentOf(answered.rate)} of the harmful requests answered`,
    overRefused === null ? '' : `${percentOf(overRefused.rate)} of the harmless refused`,
    reasoning === null ? '' : `${percentOf(reasoning.rate)} right`,
  ]
    .filter((text) => text !== '')
    .join(', ');
