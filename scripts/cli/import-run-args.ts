/** The command line of `npm run import-run`. */
import { flag, optional, parse, required, text } from './args.ts';

export interface ImportRunOptions {
  readonly from: string;
  readonly model: string | null;
  readonly out: string;
  readonly overwrite: boolean;
}

export const importRunHelp = `npm run import-run -- --from <folder> --out <folder> [options]

Reads a run that was trained elsewhere, by train.py of a run bundle or by any Trainer of transformers or TRL, and writes it as
npm run train writes one: metrics.jsonl, run_config.json, and with an adapter its files and a model card. Such a folder can be
exported (npm run export), started from (npm run train -- --init-adapter) and asked (npm run generate). It cannot be resumed.
In the page, "Open a run…" among the runs reads the same files.

  --from <folder>   with trainer_state.json (of several checkpoints the one with the most steps is taken), and where they are there
                    adapter_model.safetensors, adapter_config.json and bundle_config.json
  --model <folder>  "demo", or the folder of the base model, for an adapter without bundle_config.json
  --out <folder>    where the run goes
  --overwrite       replace the run that --out holds already
  --json            the last line of the output is one JSON object
  --help

Exit code 0: done. 2: bad input. 1: failed.`;

const spec = {
  from: text,
  model: text,
  out: text,
  overwrite: flag,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws TrainerError "config-invalid" */
export function parseImportRunArgs(argv: readonly string[]): ImportRunOptions {
  const values = parse(argv, spec);
  return {
    from: required(values, 'from', 'output'),
    model: optional(values, 'model'),
    out: required(values, 'out', 'runs/from-there'),
    overwrite: values['overwrite'] === true,
  };
}
