/** The command line of `npm run evaluate`. */
import { TrainerError } from '../../src/support/trainer-error.ts';
import { judgeModels } from '../../src/evaluation/judges/guard-prompts.ts';
import { parseMapping, type SuiteMapping } from '../../src/evaluation/suites/mapping.ts';
import type { HostChoice } from './choose-host.ts';
import { asTyped } from './own-commands.ts';
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
  templateDateOf,
  text,
  type Quantization,
} from './args.ts';

/** A model that judges the answers when all of them are there. */
export interface JudgeOptions {
  readonly model: string;
  readonly quantization: Quantization;
  /** A published template's name, or the path of a file with the user's own. */
  readonly template: string;
}

export interface EvaluateOptions {
  readonly host: HostChoice;
  readonly model: string;
  readonly quantization: Quantization;
  readonly adapterFolder: string | null;
  readonly suites: readonly string[];
  readonly mapping: SuiteMapping;
  readonly sampleRows: number | null; // of each suite
  readonly sampleSeed: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly samples: number;
  readonly seed: number;
  readonly systemPrompt: string;
  readonly templateDate: string;
  readonly batchSize: number;
  readonly phrasesPath: string | null;
  readonly judge: JudgeOptions | null;
  readonly trainedOn: string | null;
  readonly out: string;
  readonly hubUrl: string | null;
}

export const evaluateHelp = `${asTyped('evaluate')} --model <demo | folder | hub id> --suite <file | demo | hf> --out <folder> [options]

Asks a model the prompts of suites, with and without an adapter, and judges the answers. Writes answers.jsonl (as they
come), results.json, report.md and rows.csv. Started again with the same --out, it goes on where it was.

  --model <demo | folder | id>   "demo", a model folder in Hugging Face layout, or a model of the Hugging Face Hub:
                                 owner/name, or owner/name@revision
  --adapter <folder | *.gguf>    adapter: the same prompts are asked with it too, and compared
  --suite <file | demo | hf>     CSV, TSV, JSONL, JSON or Parquet file, "demo" for those of the demo, or one of the hub:
                                 hf://datasets/owner/name[@revision][/path]; may be repeated. XSTest, StrongREJECT,
                                 AdvBench, JailbreakBench, HarmBench, WildJailbreak, GSM8K, MATH, AIME, questions with
                                 answers, with choices (MMLU, CMMLU, ARC), texts with summaries are known by their columns
  --map key=value                for other tables, and where a file could be two things: prompt=<column>,
                                 expected=, reference=, choices=, label=, category=, or kind=harmful | benign | mixed |
                                 accuracy | structure; may be repeated, with one --suite
  --sample <rows>                only so many rows of each suite, drawn by --sample-seed (default 0)
  --max-new-tokens <number>      longest answer (default 256); how many answers hit it stands beside every rate
  --temperature <number>         0 is greedy (default 0)
  --samples <number>             answers per prompt, with a temperature above 0 (default 1)
  --seed <number>                for temperatures above 0 (default 42)
  --system-prompt <text>         put before prompts that bring none of their own
  --template-date <day>          what a chat template writes that asks for today (default 2024-07-26)
  --batch-size <number>          prompts that are answered at once (default 32)
  --refusal-phrases <file.json>  another list of refusal phrases; --print-refusal-phrases prints the built-in one
  --judge <folder | id>          a model that judges the answers to prompts labelled harmful or benign, when all are there,
                                 in the place of the model that answered
  --judge-template <name | file> how it is asked: ${judgeModels.join(' | ')}, or a JSON file of
                                 yours: {"name", "template" with {prompt} and {answer}, "safe": ["…"], "unsafe": ["…"]}
  --judge-quantization <name>    how the judge's weights are held (default none)
  --trained-on <file | name | hf>  the data the adapter was trained on: prompts that stand in it, or nearly, are named
${quantizationHelp}
  --hub-url <address>            another server with the hub's paths (default https://huggingface.co)
${hostHelp}
  --json                         the last line of the output is one JSON object
  --help

Ctrl-C stops after the batch that is being written (exit code 1).

${gpuHelp}`;

const spec = {
  host: text,
  model: text,
  quantization: text,
  'hub-url': text,
  adapter: text,
  suite: { type: 'string', multiple: true },
  map: { type: 'string', multiple: true },
  sample: text,
  'sample-seed': text,
  'max-new-tokens': text,
  temperature: text,
  samples: text,
  seed: text,
  'system-prompt': text,
  'template-date': text,
  'batch-size': text,
  'refusal-phrases': text,
  'print-refusal-phrases': flag,
  judge: text,
  'judge-template': text,
  'judge-quantization': text,
  'trained-on': text,
  out: text,
  json: flag,
  help: { type: 'boolean', short: 'h' },
} as const;

const count = (least: number, most: number) => (n: number) => Number.isInteger(n) && n >= least && n <= most;

/** @throws TrainerError "config-invalid" */
export function parseEvaluateArgs(argv: readonly string[]): EvaluateOptions {
  const values = parse(argv, spec);
  const model = required(values, 'model', 'demo');
  const suites = (values['suite'] as string[] | undefined) ?? [];
  const entries = (values['map'] as string[] | undefined) ?? [];
  if (suites.length === 0) throw wrong('--suite is missing, e.g. --suite xstest_prompts.csv or --suite demo');
  if (entries.length > 0 && suites.length > 1)
    throw wrong('--map says something of one file: give one --suite with it');
  const samples = numberOf(values, 'samples', 1, count(1, 1000));
  const temperature = numberOf(values, 'temperature', 0, (n) => n >= 0 && n <= 10);
  if (samples > 1 && temperature === 0)
    throw wrong(`--samples ${samples} needs a --temperature above 0: greedy answers are all the same`);
  const rows = numberOf(values, 'sample', 0, count(1, 1e9));
  return {
    host: hostOf(values),
    model,
    quantization: quantizationOf(values),
    adapterFolder: optional(values, 'adapter'),
    suites,
    mapping: parseMapping(entries),
    sampleRows: rows === 0 ? null : rows,
    sampleSeed: numberOf(values, 'sample-seed', 0, count(0, 4_294_967_295)),
    maxNewTokens: numberOf(values, 'max-new-tokens', 256, count(1, 16_384)),
    temperature,
    samples,
    seed: numberOf(values, 'seed', 42, count(0, 4_294_967_295)),
    systemPrompt: optional(values, 'system-prompt') ?? '',
    templateDate: templateDateOf(values),
    batchSize: numberOf(values, 'batch-size', 32, count(1, 1024)),
    phrasesPath: optional(values, 'refusal-phrases'),
    judge: judgeOf(values),
    trainedOn: optional(values, 'trained-on'),
    out: required(values, 'out', 'runs/evaluation'),
    hubUrl: optional(values, 'hub-url'),
  };
}

function judgeOf(values: Record<string, unknown>): JudgeOptions | null {
  const model = optional(values, 'judge');
  const template = optional(values, 'judge-template');
  if (model === null) {
    for (const option of ['judge-template', 'judge-quantization'])
      if (optional(values, option) !== null) throw wrong(`--${option} says something of a --judge: name one`);
    return null;
  }
  if (template === null)
    throw wrong(`--judge ${model} needs a --judge-template: ${judgeModels.join(', ')} or a JSON file`);
  return { model, template, quantization: quantizationOf(values, 'judge-quantization') };
}

const wrong = (message: string): TrainerError => new TrainerError('config-invalid', `${message}.`);
