/** The command line of `npm run export`. */
import {
  exportDtypes,
  exportFormats,
  type ExportDtype,
  type ExportFormat,
} from '../../src/config/export-choices.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { flag, optional, parse, required, text } from './args.ts';
import { asTyped } from './own-commands.ts';

export interface ExportOptions {
  /** What `npm run train` has written, or an adapter alone; null: nothing was trained yet, and only a bundle can be made. */
  readonly folder: string | null;
  readonly formats: readonly ExportFormat[];
  readonly dtype: ExportDtype | null; // null: f32 for an adapter, and what the model's weights are in for a merged model
  readonly model: string | null;
  readonly bundle: BundleOptions;
  readonly out: string;
  readonly overwrite: boolean;
}

/** What only a run bundle asks for. */
export interface BundleOptions {
  readonly dataset: string | null;
  readonly configPath: string | null;
  readonly settings: readonly string[]; // "key=value"
  readonly initAdapterFolder: string | null;
  readonly hubUrl: string | null;
}

export const exportHelp = `${asTyped('export')} --run <folder> --format <formats> --out <folder> [options]

Writes a trained adapter for other tools, each format into a folder of its own below --out. No browser and no GPU.

  --run <folder>        what train has written (its --out)
  --adapter <folder>    or an adapter alone: PEFT's, mlx-lm's, or llama.cpp's *.gguf
  --format <formats>    one or more of ${exportFormats.join(',')} (default peft)
                        peft    transformers, vLLM: adapter_model.safetensors, adapter_config.json, the chat template
                        gguf    llama.cpp, LM Studio, and Ollama with the Modelfile beside it
                        mlx     mlx-lm: adapters.safetensors, adapter_config.json
                        merged  the model with the adapter in it, as a folder in Hugging Face layout; needs --model
                        bundle  the run for TRL, PEFT and Accelerate on machines with more GPUs: train.py, the dataset
                                as token ids, settings, a README; needs --model and --dataset
                        record  model card, settings, metrics as JSON lines, CSV and TensorBoard events
  --dtype <name>        ${exportDtypes.join(', ')} (default f32; merged: what the model is in)
  --model <folder>      "demo", or the folder of the base model: for merged, for the chat template, and for gguf and mlx where
                        the run's checkpoint is not there to say the model's sizes
  --dataset <file | name | hf>  for a bundle: the data of the run, as train takes them. A bundle holds them.
                        Without --run or --adapter it is made of settings, model and data, before anything is trained:
  --config <run.json | preset>, --set key=value, --init-adapter <folder>   as train takes them
  --out <folder>        where the results go
  --overwrite           replace what is there
  --json                the last line of the output is one JSON object
  --help

Exit code 0: done. 2: bad input. 1: failed.`;

const spec = {
  run: text,
  adapter: text,
  format: { type: 'string', multiple: true },
  dtype: text,
  model: text,
  dataset: text,
  config: text,
  set: { type: 'string', multiple: true },
  'init-adapter': text,
  'hub-url': text,
  out: text,
  overwrite: flag,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws TrainerError "config-invalid" */
export function parseExportArgs(argv: readonly string[]): ExportOptions {
  const values = parse(argv, spec);
  const [run, adapter] = [optional(values, 'run'), optional(values, 'adapter')];
  if (run !== null && adapter !== null)
    throw wrong('--run and --adapter both name what is exported: give one');
  const formats = formatsOf((values['format'] as string[] | undefined) ?? ['peft']);
  const model = optional(values, 'model');
  const folder = run ?? adapter;
  const isOnlyBundle = formats.length === 1 && formats[0] === 'bundle';
  if (folder === '' || (folder === null && !isOnlyBundle))
    throw wrong('--run is missing, e.g. --run runs/first');
  if (formats.includes('merged') && model === null)
    throw wrong('--format merged needs the weights of the base: --model demo, or --model <folder>');
  return {
    folder,
    formats,
    dtype: dtypeOf(optional(values, 'dtype')),
    model,
    bundle: bundleOf(values, { run, folder, isAsked: formats.includes('bundle'), model }),
    out: required(values, 'out', 'exports/first'),
    overwrite: values['overwrite'] === true,
  };
}

interface BundleQuestion {
  readonly run: string | null;
  readonly folder: string | null;
  readonly isAsked: boolean;
  readonly model: string | null;
}

function bundleOf(
  values: Record<string, unknown>,
  { run, folder, isAsked, model }: BundleQuestion,
): BundleOptions {
  const options = {
    dataset:
      optional(values, 'dataset') ?? (isAsked && folder === null && model === 'demo' ? 'alttrain-1k' : null),
    configPath: optional(values, 'config'),
    settings: (values['set'] as string[] | undefined) ?? [],
    initAdapterFolder: optional(values, 'init-adapter'),
    hubUrl: optional(values, 'hub-url'),
  };
  if (!isAsked) {
    const given = ['dataset', 'config', 'set', 'init-adapter'].find((name) => values[name] !== undefined);
    if (given !== undefined) throw wrong(`--${given} is for --format bundle`);
    return options;
  }
  if (model === null)
    throw wrong(
      '--format bundle needs the tokenizer and the sizes of the base: --model demo, or --model <folder>',
    );
  if (folder !== null && run === null)
    throw wrong(
      '--format bundle takes a run (--run), or none: an adapter alone does not say how it was trained',
    );
  if (run !== null && (options.configPath !== null || options.settings.length > 0))
    throw wrong('--format bundle of a run has the settings of the run: leave --config and --set out');
  return options;
}

function formatsOf(given: readonly string[]): ExportFormat[] {
  const names = [...new Set(given.flatMap((one) => one.split(',')).map((name) => name.trim()))];
  return names.map((name) => {
    const format = exportFormats.find((known) => known === name);
    if (format !== undefined) return format;
    throw wrong(`--format ${name === '' ? 'is empty' : `${name} is none`} of ${exportFormats.join(', ')}`);
  });
}

function dtypeOf(given: string | null): ExportDtype | null {
  if (given === null) return null;
  const dtype = exportDtypes.find((known) => known === given);
  if (dtype !== undefined) return dtype;
  throw wrong(`--dtype ${given} is none of ${exportDtypes.join(', ')}`);
}

const wrong = (message: string): TrainerError => new TrainerError('config-invalid', `${message}.`);
