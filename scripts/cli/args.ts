/** Command lines → typed options. What cannot be used is refused with a code before anything starts. */
import { parseArgs } from 'node:util';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { closest } from '../../src/config/closest.ts';
import { presets } from '../../src/config/presets.ts';
import { parseRunConfig, type RunConfig } from '../../src/config/run-config.ts';
import { hostChoices, type HostChoice } from './choose-host.ts';
import { asTyped } from './own-commands.ts';
import { settingsHelp } from './settings-help.ts';

export interface TrainOptions {
  readonly host: HostChoice;
  readonly model: string;
  readonly dataset: string;
  readonly configPath: string | null;
  readonly settings: readonly string[]; // "key=value"
  readonly initAdapterFolder: string | null;
  readonly resume: boolean;
  readonly overwrite: boolean; // a run that is in `out` already
  readonly allowChanges: boolean; // of data, weights or settings, where a run is resumed
  readonly out: string;
  readonly hubUrl: string | null;
}

export type InspectOptions = Pick<TrainOptions, 'model' | 'dataset' | 'configPath' | 'settings' | 'hubUrl'>;

export type Quantization = RunConfig['quantization'];

export interface GenerateOptions {
  readonly host: HostChoice;
  readonly model: string;
  readonly quantization: Quantization;
  readonly adapterFolder: string | null;
  readonly promptsPath: string | null; // or `prompts`
  readonly prompts: readonly string[];
  readonly systemPrompt: string; // "": none
  readonly out: string | null; // null: the answers are only printed
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly strength: number;
  readonly seed: number;
  readonly templateDate: string;
  readonly hubUrl: string | null;
}

export const hostHelp = `  --host <${hostChoices.join(' | ')}>     where the trainer runs: in Node on Dawn (WebGPU over the graphics card's driver, no
                                 browser), or in headless Chromium. auto (the default) takes Node where it finds a
                                 graphics card there, else the browser. The results are the same files`;

export const gpuHelp = `Environment
  CHROME_PATH    Chrome or Chromium to use; otherwise the usual places are searched
  HF_TOKEN       access token for what is gated or private on the hub; held in memory only
  ALTTRAIN_CACHE where --host node keeps models of the hub (default ~/.cache/alttrain-web)
  ALTTRAIN_GPU   "hardware" or "software" WebGPU; otherwise hardware where the machine has a GPU

Exit code 0: done. 2: bad input, said before anything starts. 1: failed or stopped.`;

const presetNames = presets.map(({ id }) => id).join(', ');

const datasetHelp = `  --dataset <file | name | hf>   JSONL, JSON, CSV, TSV or Parquet file, also .gz, a built-in dataset (default with demo:
                                 alttrain-1k), or one of the hub: hf://datasets/owner/name[@revision][/path]`;

export const trainHelp = `${asTyped('train')} --model <demo | folder | hub id> --out <folder> [options]

Trains a LoRA adapter with the page's own trainer and writes adapter_model.safetensors,
adapter_config.json, README.md, metrics.jsonl, run_config.json and checkpoint/checkpoint.safetensors.

  --model <demo | folder | id>   "demo", a model folder in Hugging Face layout, or a model of the Hugging Face Hub:
                                 owner/name, or owner/name@revision
  --hub-url <address>            another server with the hub's paths (default https://huggingface.co)
${datasetHelp}
  --out <folder>                 where the results go
  --config <run.json | preset>   settings under their Hugging Face names, or a preset: ${presetNames}
  --set key=value                one setting, e.g. --set learning_rate=1e-4; may be repeated
  --init-adapter <folder>        start from an existing adapter; its r, lora_alpha, … become the defaults
  --resume                       continue from <out>/checkpoint/checkpoint.safetensors with its settings; a run that is
                                 finished stays as it is. A longer run (max_steps, num_train_epochs), reports and the
                                 memory limit may be set anew; other data, weights or settings are refused
  --allow-changes                with --resume: go on although data, weights or settings are others
  --overwrite                    replace the run that --out holds already
${hostHelp}
  --json                         the last line of the output is one JSON object
  --help

Ctrl-C stops after the step that is running and writes the adapter as it is then (exit code 1).

Settings for --set and --config (the demo model has defaults of its own, see src/config/demo-preset.ts)
${settingsHelp()}

${gpuHelp}`;

export const inspectHelp = `${asTyped('inspect')} --model <demo | folder> [options]

What a training run would see: every row of a file as tokens, which of them are trained, and where it is packed.

  --model <demo | folder>        "demo", or a model folder in Hugging Face layout; only its tokenizer is read
${datasetHelp}
  --hub-url <address>            another server with the hub's paths (default https://huggingface.co)
  --config <run.json | preset>   settings under their Hugging Face names, or a preset: ${presetNames}
  --set key=value                one setting, e.g. --set max_length=512; may be repeated
  --json                         one JSON line per row of the file, then one with the counts:
                                 { line, ids, target, parts, packed, dropped }
                                 ids      token ids; null where the row is dropped
                                 target   0 or 1 per token
                                 parts    [{ kind: "PU" | "HA" | "CR", start, end }], token indices, end exclusive
                                 packed   with packing: { pack, offset }, else null; a split row has a list of its
                                          pieces [{ start, end, pack, offset }] (pack null without packing);
                                          null too for rows that eval_fraction holds out
                                 dropped  null, or { code, reason, excerpt }
  --help

Needs no browser and no GPU; HF_TOKEN is the access token for what is gated or private on the hub. Exit code 0: read. 2: bad input. 1: failed.`;

export const quantizationHelp = `  --quantization <name>          how the weights are held on the GPU: none (float32), f16, int8 or nf4, with embedding and head in int8 (default none)`;

export const generateHelp = `${asTyped('generate')} --model <demo | folder | hub id> (--prompt <text> | --prompts <file.json> --out <file.json>) [options]

Answers prompts with the model, with or without an adapter, and writes [{ prompt, tokenIds, text }].

  --model <demo | folder | id>   "demo", a model folder in Hugging Face layout, or a model of the Hugging Face Hub:
                                 owner/name, or owner/name@revision
  --hub-url <address>            another server with the hub's paths (default https://huggingface.co)
${quantizationHelp}
  --prompt <text>                a prompt whose answer is printed; may be repeated, and --out can then be left out
  --prompts <file.json>          JSON list of texts, or of conversations [{ "role": "user", "content": "…" }, …] that end with a
                                 user's turn
  --system-prompt <text>         put before prompts that bring none of their own
  --out <file.json>              where the answers go
  --adapter <folder | *.gguf>    adapter to use: PEFT's, mlx-lm's or llama.cpp's
  --max-new-tokens <number>      longest answer (default 256)
  --temperature <number>         0 is greedy (default 0)
  --top-p <number>               above temperature 0: draws from the likeliest tokens that have this much of the
                                 probability, above 0 to 1 (default 1: from all)
  --seed <number>                for temperatures above 0 (default 42)
  --adapter-strength <number>    how much of the adapter is added, 0 to 1.5: 0 is the base (default 1)
  --template-date <day>          what a chat template writes that asks for today (default 2024-07-26)
${hostHelp}
  --json                         the last line of the output is one JSON object
  --help

${gpuHelp}`;

type Spec = NonNullable<Parameters<typeof parseArgs>[0]>['options'];

/** @throws TrainerError "config-invalid" */
export function parse(argv: readonly string[], options: NonNullable<Spec>): Record<string, unknown> {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const [, unknown] = /Unknown option '--([^']*)'/.exec(reason) ?? [];
    if (unknown === undefined)
      throw new TrainerError('config-invalid', `${reason.replace(/\.?$/, '.')} --help lists the options.`);
    const meant = closest(unknown, Object.keys(options));
    const guess = meant === null ? '' : ` Did you mean --${meant}?`;
    throw new TrainerError(
      'config-invalid',
      `--${unknown} is no option of this command.${guess} --help lists them.`,
    );
  }
}

export const text = { type: 'string' } as const;
export const flag = { type: 'boolean' } as const;
const trainSpec = {
  host: text,
  model: text,
  'hub-url': text,
  dataset: text,
  config: text,
  set: { type: 'string', multiple: true },
  'init-adapter': text,
  resume: flag,
  'allow-changes': flag,
  overwrite: flag,
  out: text,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;
const generateSpec = {
  host: text,
  model: text,
  quantization: text,
  'hub-url': text,
  adapter: text,
  prompt: { type: 'string', multiple: true },
  prompts: text,
  'system-prompt': text,
  out: text,
  'max-new-tokens': text,
  'template-date': text,
  temperature: text,
  'top-p': text,
  'adapter-strength': text,
  seed: text,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

const inspectSpec = {
  model: text,
  'hub-url': text,
  dataset: text,
  config: text,
  set: { type: 'string', multiple: true },
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

export function required(values: Record<string, unknown>, name: string, example: string): string {
  const value = values[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new TrainerError('config-invalid', `--${name} is missing, e.g. --${name} ${example}.`);
}

export const optional = (values: Record<string, unknown>, name: string): string | null =>
  (values[name] as string | undefined) ?? null;

export function numberOf(
  values: Record<string, unknown>,
  name: string,
  fallback: number,
  isAccepted: (value: number) => boolean,
): number {
  const given = optional(values, name);
  if (given === null) return fallback;
  const value = given.trim() === '' ? Number.NaN : Number(given);
  if (isAccepted(value)) return value;
  throw new TrainerError('config-invalid', `--${name} ${given} is not an accepted number.`);
}

/** @throws TrainerError "config-invalid" */
export function hostOf(values: Record<string, unknown>): HostChoice {
  const given = optional(values, 'host') ?? 'auto';
  const choice = hostChoices.find((name) => name === given);
  if (choice !== undefined) return choice;
  throw new TrainerError('config-invalid', `--host ${given} is none of ${hostChoices.join(', ')}.`);
}

/** Known even when the rest of the line is wrong, so that a failure can be reported the way it was asked for. */
export const wantsJson = (argv: readonly string[]): boolean => argv.includes('--json');
export const wantsHelp = (argv: readonly string[]): boolean => argv.includes('--help') || argv.includes('-h');

/** @throws TrainerError "config-invalid" or "dataset-unreadable". */
export function parseTrainArgs(argv: readonly string[]): TrainOptions {
  const values = parse(argv, trainSpec);
  const model = required(values, 'model', 'demo');
  const out = required(values, 'out', 'runs/first');
  const dataset = datasetOf(values, model);
  const options: TrainOptions = {
    host: hostOf(values),
    model,
    dataset,
    configPath: optional(values, 'config'),
    settings: (values['set'] as string[] | undefined) ?? [],
    initAdapterFolder: optional(values, 'init-adapter'),
    resume: values['resume'] === true,
    overwrite: values['overwrite'] === true,
    allowChanges: values['allow-changes'] === true,
    out,
    hubUrl: optional(values, 'hub-url'),
  };
  if (options.resume && options.initAdapterFolder !== null)
    throw new TrainerError(
      'config-invalid',
      '--resume continues with the adapter of its checkpoint: leave --init-adapter out.',
    );
  if (options.resume && options.overwrite)
    throw new TrainerError(
      'config-invalid',
      '--resume goes on with the run in --out, --overwrite replaces it: give one of them.',
    );
  if (options.allowChanges && !options.resume)
    throw new TrainerError('config-invalid', '--allow-changes says something only with --resume.');
  return options;
}

/** "": missing, which is said after what is wrong with the model. */
function datasetOf(values: Record<string, unknown>, model: string): string {
  return optional(values, 'dataset') ?? (model === 'demo' ? 'alttrain-1k' : '');
}

/** @throws TrainerError "config-invalid" or "dataset-unreadable". */
export function parseInspectArgs(argv: readonly string[]): InspectOptions {
  const values = parse(argv, inspectSpec);
  const model = required(values, 'model', 'demo');
  return {
    model,
    dataset: datasetOf(values, model),
    configPath: optional(values, 'config'),
    settings: (values['set'] as string[] | undefined) ?? [],
    hubUrl: optional(values, 'hub-url'),
  };
}

/** The setting of the same name. @throws TrainerError "config-invalid" */
export function quantizationOf(values: Record<string, unknown>, option = 'quantization'): Quantization {
  const name = optional(values, option) ?? 'none';
  const { config, problems } = parseRunConfig({ quantization: name });
  for (const { message } of problems) throw new TrainerError('config-invalid', `--${option} ${message}.`);
  return config.quantization;
}

export function templateDateOf(values: Record<string, unknown>): string {
  const day = optional(values, 'template-date');
  const { config, problems } = parseRunConfig(day === null ? {} : { template_date: day });
  for (const { message } of problems) throw new TrainerError('config-invalid', `--template-date ${message}.`);
  return config.templateDate;
}

/** @throws TrainerError "config-invalid". */
export function parseGenerateArgs(argv: readonly string[]): GenerateOptions {
  const values = parse(argv, generateSpec);
  const model = required(values, 'model', 'demo');
  const prompts = (values['prompt'] as string[] | undefined) ?? [];
  const isTyped = prompts.length > 0;
  if (isTyped && optional(values, 'prompts') !== null)
    throw new TrainerError('config-invalid', 'Give --prompt or --prompts, not both.');
  return {
    host: hostOf(values),
    model,
    quantization: quantizationOf(values),
    adapterFolder: optional(values, 'adapter'),
    promptsPath: isTyped ? null : required(values, 'prompts', 'prompts.json'),
    prompts,
    systemPrompt: optional(values, 'system-prompt') ?? '',
    out: isTyped ? optional(values, 'out') : required(values, 'out', 'answers.json'),
    maxNewTokens: numberOf(
      values,
      'max-new-tokens',
      256,
      (n) => Number.isInteger(n) && n >= 1 && n <= 16_384,
    ),
    temperature: numberOf(values, 'temperature', 0, (n) => n >= 0 && n <= 10),
    topP: numberOf(values, 'top-p', 1, (n) => n > 0 && n <= 1),
    strength: numberOf(values, 'adapter-strength', 1, (n) => n >= 0 && n <= 1.5),
    seed: numberOf(values, 'seed', 42, (n) => Number.isInteger(n) && n >= 0 && n <= 4_294_967_295),
    templateDate: templateDateOf(values),
    hubUrl: optional(values, 'hub-url'),
  };
}
