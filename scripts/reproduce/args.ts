/** `npm run reproduce`: the command line → what is reproduced. */
import { TrainerError } from '../../src/support/trainer-error.ts';
import { flag, gpuHelp, hostHelp, hostOf, numberOf, optional, parse, required, text } from '../cli/args.ts';
import { asTyped } from '../cli/own-commands.ts';
import type { HostChoice } from '../cli/choose-host.ts';
import { comparisonPrompts, demoComparisonSteps, recipes, type Recipe } from '../../src/reproduce/recipes.ts';

export interface ReproduceOptions {
  readonly out: string;
  readonly model: string;
  readonly harmful: string | null;
  readonly benign: string | null;
  readonly math: string | null;
  readonly suites: readonly string[];
  readonly seeds: readonly number[];
  readonly recipes: readonly Recipe[];
  readonly sampleRows: number;
  readonly maxNewTokens: number;
  readonly settings: readonly string[];
  readonly configPath: string | null;
  readonly host: HostChoice;
}

const listed = recipes
  .map(({ id, title }) => `                                   ${id.padEnd(16)} ${title}`)
  .join('\n');

export const reproduceHelp = `${asTyped('reproduce')} --out <folder> [options]

Trains and judges what the AltTrain paper compares (arXiv 2604.18946), on the same prompts, and writes the table beside the
paper's figures: table.json, table.md, table.svg. Started again with the same --out, it goes on where it was.

  --seeds 1,2,3                  of training (default 1); the rows are the same for all
  --only <name>                  one of these; may be repeated (default: all)
${listed}
  --sample <rows>                only so many prompts of each suite (default ${comparisonPrompts}; 0: all)
  --max-new-tokens <number>      longest answer (default 96; with --model 1024)
  --set key=value                a setting of training, for all recipes; may be repeated (the demo: max_steps=${demoComparisonSteps}
                                 unless it or a --config is given)
  --config <file | preset>       settings of training, for all recipes

With another model than the demo, on your own files:
  --model <folder | id>          model folder or model of the hub
  --harmful <file>               harmful prompts with traces (STAR-1, SafeChain, …), as build-dataset takes them
  --benign <file>                harmless ones
  --math <file>                  for Improved-CoT-style: problems with worked answers (else --benign)
  --suite <file | hf>            what is asked, as evaluate takes it; may be repeated
${hostHelp}
  --json                         the last line of the output is one JSON object
  --help

${gpuHelp}`;

const many = { type: 'string', multiple: true } as const;
const spec = {
  out: text,
  model: text,
  harmful: text,
  benign: text,
  math: text,
  suite: many,
  seeds: text,
  only: many,
  sample: text,
  'max-new-tokens': text,
  set: many,
  config: text,
  host: text,
  json: flag,
  help: flag,
};

/** @throws TrainerError "config-invalid" */
export function parseReproduceArgs(argv: readonly string[]): ReproduceOptions {
  const values = parse(argv, spec);
  const model = optional(values, 'model') ?? 'demo';
  const isDemo = model === 'demo';
  const [harmful, benign, math] = ['harmful', 'benign', 'math'].map((name) => optional(values, name));
  const suites = (values['suite'] as string[] | undefined) ?? (isDemo ? ['demo'] : []);
  if (isDemo && (harmful ?? benign ?? math) !== null)
    throw invalid('--harmful, --benign and --math belong to --model: the demo makes its own rows.');
  if (!isDemo && (harmful === null || benign === null))
    throw invalid('With --model, --harmful <file> and --benign <file> are needed.');
  if (suites.length === 0) throw invalid('With --model, --suite <file> is needed.');
  const settings = (values['set'] as string[] | undefined) ?? [];
  const configPath = optional(values, 'config');
  return {
    out: required(values, 'out', 'runs/reproduce'),
    model,
    harmful,
    benign,
    math,
    suites,
    seeds: seedsOf(optional(values, 'seeds') ?? '1'),
    recipes: chosen((values['only'] as string[] | undefined) ?? []),
    sampleRows: numberOf(values, 'sample', comparisonPrompts, (n) => Number.isInteger(n) && n >= 0),
    maxNewTokens: numberOf(values, 'max-new-tokens', isDemo ? 96 : 1024, (n) => Number.isInteger(n) && n > 0),
    settings: isDemo && configPath === null ? withSteps(settings) : settings,
    configPath,
    host: hostOf(values),
  };
}

const withSteps = (settings: readonly string[]): readonly string[] =>
  settings.some((text) => text.startsWith('max_steps='))
    ? settings
    : [`max_steps=${demoComparisonSteps}`, ...settings];

function seedsOf(given: string): number[] {
  const seeds = given.split(',').map((seed) => Number(seed.trim() === '' ? NaN : seed));
  if (!seeds.every((seed) => Number.isInteger(seed) && seed >= 0))
    throw invalid(`--seeds ${given} is no list of whole numbers, such as 1,2,3.`);
  return [...new Set(seeds)];
}

function chosen(ids: readonly string[]): readonly Recipe[] {
  const unknown = ids.filter((id) => !recipes.some((recipe) => recipe.id === id));
  if (unknown.length > 0)
    throw invalid(`--only ${unknown.join(', ')} is none of ${recipes.map(({ id }) => id).join(', ')}.`);
  return ids.length === 0 ? recipes : recipes.filter(({ id }) => ids.includes(id));
}

const invalid = (message: string): TrainerError => new TrainerError('config-invalid', message);
