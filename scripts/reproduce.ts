/** `npm run reproduce`: what the AltTrain paper compares, trained and judged again; the table beside the paper's. `--help` says the rest. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TrainerError, toWire } from '../src/support/trainer-error.ts';
import { roughTime } from '../src/support/rough-time.ts';
import { wantsHelp, wantsJson } from './cli/args.ts';
import { runCommand } from './cli/exit.ts';
import { isFile } from './cli/files.ts';
import { projectRoot } from './cli/paths.ts';
import { printJson } from './cli/terminal.ts';
import { writeWhole } from './cli/write-whole.ts';
import { parseReproduceArgs, reproduceHelp, type ReproduceOptions } from './reproduce/args.ts';
import { writeDemoSources } from './reproduce/demo-sources.ts';
import type { Recipe } from '../src/reproduce/recipes.ts';
import { linesOf, markdownOf, svgOf } from '../src/reproduce/report.ts';
import type { Outcome } from '../src/reproduce/outcome.ts';
import { baseOutcome, runRecipe, type Setting } from './reproduce/steps.ts';

const say = (line: string): void => console.error(line);

async function reproduce(options: ReproduceOptions, asJson: boolean): Promise<void> {
  const out = resolve(options.out);
  mkdirSync(out, { recursive: true });
  refuseOthers(out, options);
  const setting = settingOf(options, out);
  const outcomes: Outcome[] = [];
  const left: string[] = [];
  const began = performance.now();
  for (const seed of options.seeds)
    for (const recipe of options.recipes) {
      try {
        const outcome = await runRecipe(setting, recipe, seed);
        if (!outcomes.some((one) => one.recipe === 'base' && one.seed === seed))
          outcomes.push(baseOutcome(setting, recipe, outcome));
        outcomes.push(outcome);
      } catch (error) {
        if (toWire(error).code === 'cancelled') throw error;
        const line = `${recipe.title}, seed ${seed}: ${toWire(error).message}`;
        left.push(line);
        say(`Left out: ${line}`);
      }
      write(out, options, outcomes, left); // what is there can be read while the rest is made
    }
  if (outcomes.length === 0) throw new TrainerError('internal', `Nothing could be made: ${left.join(' ')}`);
  say(
    `${outcomes.length} lines in ${join(out, 'table.md')}, ${roughTime((performance.now() - began) / 1000)}`,
  );
  if (asJson) printJson({ ok: left.length === 0, out, outcomes: outcomes.length, left });
  if (left.length > 0) process.exitCode = 1;
}

function settingOf(options: ReproduceOptions, out: string): Setting {
  const isDemo = options.model === 'demo';
  const reasoned = { harmful: options.harmful ?? '', benign: options.benign ?? '' };
  return {
    model: options.model,
    isDemo,
    out,
    sources: isDemo
      ? writeDemoSources(join(out, 'sources'))
      : { reasoned, math: { ...reasoned, benign: options.math ?? reasoned.benign } },
    suites: options.suites,
    sampleRows: options.sampleRows,
    maxNewTokens: options.maxNewTokens,
    hostArguments: ['--host', options.host],
    trainArguments: [
      ...(options.configPath === null ? [] : ['--config', options.configPath]),
      ...options.settings.flatMap((text) => ['--set', text]),
    ],
    say,
  };
}

/** Figures of other settings must not stand in one table. */
function refuseOthers(out: string, options: ReproduceOptions): void {
  const { seeds: _, recipes: __, out: ___, ...same } = options;
  const text = `${JSON.stringify(same, null, 1)}\n`;
  const path = join(out, 'settings.json');
  if (isFile(path) && readFileSync(path, 'utf8') !== text)
    throw new TrainerError(
      'config-invalid',
      `${out} was begun with other settings (settings.json there). Use them, or another --out.`,
    );
  writeWhole(path, text);
}

function write(
  out: string,
  { recipes, model, sampleRows, maxNewTokens }: ReproduceOptions,
  outcomes: readonly Outcome[],
  left: readonly string[],
): void {
  const lines = linesOf(recipes, outcomes);
  if (lines.length === 0) return;
  const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const trained = outcomes.find(({ recipe }) => recipe !== 'base');
  const about = [
    `Model: ${model}. ${trained?.steps ?? 0} steps each, whatever the number of rows; ${sampleRows === 0 ? 'all' : sampleRows} prompts of each suite, greedy, at most ${maxNewTokens} new tokens. Device: ${trained?.device ?? ''}. Version ${version}.`,
    ...aboutRecipes(recipes, outcomes),
    ...left.map((line) => `Left out: ${line}`),
  ];
  writeWhole(join(out, 'table.json'), `${JSON.stringify({ about, lines, left }, null, 1)}\n`);
  writeWhole(join(out, 'table.md'), markdownOf(lines, about));
  writeWhole(join(out, 'table.svg'), svgOf(lines));
}

const aboutRecipes = (recipes: readonly Recipe[], outcomes: readonly Outcome[]): string[] => [
  '',
  ...recipes
    .filter(({ id }) => outcomes.some(({ recipe }) => recipe === id))
    .map(({ title, about, rows }) => `- ${title} (${rows} rows): ${about}`),
];

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(reproduceHelp);
else await runCommand(wantsJson(argv), () => reproduce(parseReproduceArgs(argv), wantsJson(argv)));
