/** The command line of `npm run build-dataset` → typed options. */
import type { ShapeId } from '../../src/api/builder-api.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { shapeIds, shapes } from '../../src/alttrain/shapes.ts';
import {
  flag,
  gpuHelp,
  hostHelp,
  hostOf,
  numberOf,
  optional,
  parse,
  quantizationHelp,
  quantizationOf,
  required,
  text,
  type Quantization,
} from './args.ts';
import type { HostChoice } from './choose-host.ts';
import { asTyped } from './own-commands.ts';

export interface BuildDatasetOptions {
  readonly harmfulFiles: readonly string[];
  readonly benignFiles: readonly string[];
  readonly shape: ShapeId;
  readonly count: number | null; // null: 1,000, or as many as keep the mix
  readonly harmfulShare: number;
  readonly seed: number;
  readonly templatesPath: string | null;
  readonly model: string | null;
  readonly quantization: Quantization;
  readonly onlyRefused: boolean;
  readonly writeAssessments: boolean;
  readonly writeTraces: boolean;
  readonly maxNewTokens: number;
  readonly out: string;
  readonly hubUrl: string | null;
  readonly host: HostChoice;
}

export const defaultCount = 1000;
const defaultShare = 0.9;
const defaultSeed = 1995; // R1-Act's

export const buildDatasetHelp = `${asTyped('build-dataset')} --harmful <file> [--benign <file>] --out <rows.jsonl> [options]

Turns prompts with reasoning traces (STAR-1, SafeChain, any question and response) into rows of AltTrain or of a
baseline it is compared with. The same files and seed give the same prompts in every shape.

  --harmful <file | hf>          JSONL, JSON, CSV or Parquet whose rows are harmful unless they say otherwise, or a dataset
                                 of the hub, hf://datasets/owner/name[@revision][/path]; may be repeated
  --benign <file | hf>           the same for benign rows; may be repeated
  --hub-url <address>            another server with the hub's paths (default https://huggingface.co)
  --shape <name>                 default alttrain:
${shapes.map(({ id, title }) => `                                   ${id.padEnd(15)} ${title}`).join('\n')}
  --count <number>               rows (default ${defaultCount}, or as many as keep the mix)
  --harmful-share <0..1>         default ${defaultShare}
  --seed <number>                default ${defaultSeed}
  --only-refused                 leave out harmful rows whose own answer in the file does not refuse (string match)
  --templates <file.json>        texts to use instead of the built-in ones; --print-templates shows those
  --print-templates              prints the built-in texts as JSON, to be edited
  --model <demo | folder>        counts tokens with its tokenizer, and writes what the next two ask for
${quantizationHelp}
  --write-assessments            the model writes HA; where it gives none that fits the label, a template does
  --write-traces                 the model writes the trace of rows that have none
  --max-new-tokens <number>      longest text of the model (default 512)
  --out <rows.jsonl>             where the rows go
${hostHelp}
  --json                         the last line of the output is one JSON object
  --help

${gpuHelp}`;

const files = { type: 'string', multiple: true } as const;
const spec = {
  harmful: files,
  benign: files,
  'hub-url': text,
  shape: text,
  count: text,
  'harmful-share': text,
  seed: text,
  'only-refused': flag,
  templates: text,
  'print-templates': flag,
  model: text,
  quantization: text,
  'write-assessments': flag,
  'write-traces': flag,
  'max-new-tokens': text,
  out: text,
  host: text,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

export const wantsTemplates = (argv: readonly string[]): boolean => argv.includes('--print-templates');

/** @throws TrainerError "config-invalid" */
export function parseBuildDatasetArgs(argv: readonly string[]): BuildDatasetOptions {
  const values = parse(argv, spec);
  const harmfulFiles = (values['harmful'] as string[] | undefined) ?? [];
  const benignFiles = (values['benign'] as string[] | undefined) ?? [];
  if (harmfulFiles.length + benignFiles.length === 0) required(values, 'harmful', 'STAR-1.json');
  const shape = optional(values, 'shape') ?? 'alttrain';
  if (!shapeIds.includes(shape))
    throw new TrainerError('config-invalid', `--shape ${shape} is none of ${shapeIds.join(', ')}.`);
  const count = numberOf(values, 'count', 0, (n) => Number.isInteger(n) && n >= 1 && n <= 1_000_000);
  const model = optional(values, 'model');
  const options: BuildDatasetOptions = {
    harmfulFiles,
    benignFiles,
    shape: shape as ShapeId,
    count: count === 0 ? null : count,
    harmfulShare: numberOf(values, 'harmful-share', defaultShare, (n) => n >= 0 && n <= 1),
    seed: numberOf(values, 'seed', defaultSeed, (n) => Number.isInteger(n) && n >= 0 && n <= 4_294_967_295),
    templatesPath: optional(values, 'templates'),
    model,
    quantization: quantizationOf(values),
    onlyRefused: values['only-refused'] === true,
    writeAssessments: values['write-assessments'] === true,
    writeTraces: values['write-traces'] === true,
    maxNewTokens: numberOf(
      values,
      'max-new-tokens',
      512,
      (n) => Number.isInteger(n) && n >= 1 && n <= 16_384,
    ),
    out: required(values, 'out', 'rows.jsonl'),
    hubUrl: optional(values, 'hub-url'),
    host: hostOf(values),
  };
  if (model === null && (options.writeAssessments || options.writeTraces))
    throw new TrainerError(
      'config-invalid',
      '--write-assessments and --write-traces need a --model that writes.',
    );
  return options;
}
