/** The command line of `npm run export`. */
import {
  exportDtypes,
  exportFormats,
  type ExportDtype,
  type ExportFormat,
} from '../../src/config/export-choices.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { flag, optional, parse, required, text } from './args.ts';

export interface ExportOptions {
  /** What `npm run train` has written, or an adapter alone. */
  readonly folder: string;
  readonly formats: readonly ExportFormat[];
  readonly dtype: ExportDtype | null; // null: f32 for an adapter, and what the model's weights are in for a merged model
  readonly model: string | null;
  readonly out: string;
  readonly overwrite: boolean;
}

export const exportHelp = `npm run export -- --run <folder> --format <formats> --out <folder> [options]

Writes a trained adapter for other tools, each format into a folder of its own below --out. No browser and no GPU.

  --run <folder>        what npm run train has written (its --out)
  --adapter <folder>    or an adapter alone: PEFT's, mlx-lm's, or llama.cpp's *.gguf
  --format <formats>    one or more of ${exportFormats.join(',')} (default peft)
                        peft    transformers, vLLM: adapter_model.safetensors, adapter_config.json, the chat template
                        gguf    llama.cpp, LM Studio, and Ollama with the Modelfile beside it
                        mlx     mlx-lm: adapters.safetensors, adapter_config.json
                        merged  the model with the adapter in it, as a folder in Hugging Face layout; needs --model
                        record  model card, settings, metrics as JSON lines, CSV and TensorBoard events
  --dtype <name>        ${exportDtypes.join(', ')} (default f32; merged: what the model is in)
  --model <folder>      "demo", or the folder of the base model: for merged, for the chat template, and for gguf and mlx where
                        the run's checkpoint is not there to say the model's sizes
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
  const folder = run ?? adapter;
  if (folder === null || folder === '') throw wrong('--run is missing, e.g. --run runs/first');
  const formats = formatsOf((values['format'] as string[] | undefined) ?? ['peft']);
  const model = optional(values, 'model');
  if (formats.includes('merged') && model === null)
    throw wrong('--format merged needs the weights of the base: --model demo, or --model <folder>');
  return {
    folder,
    formats,
    dtype: dtypeOf(optional(values, 'dtype')),
    model,
    out: required(values, 'out', 'exports/first'),
    overwrite: values['overwrite'] === true,
  };
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
