/** What the parts of `npm run proof:real-model` share: where things are, how results are kept, how the commands are run. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../cli/paths.ts';
import { runCommand, runProgram } from '../run-command.ts';

export interface Context {
  readonly model: string; // folder
  readonly data: string; // folder with STAR-1.json, gsm8k_test.jsonl and xstest_prompts.csv
  readonly out: string; // folder for results and what they came from
  readonly python: string;
  readonly host: string; // of train and generate
  readonly isAgain: boolean; // results that are there are made anew
  readonly sizes: Sizes;
}

/** Smaller ones are for a quick check; a result says what it was made with. */
export interface Sizes {
  readonly prompts: number;
  readonly newTokens: number;
  readonly tokens: number; // of text, for the perplexity
  readonly codedTokens: number; // of the same text, in f16, int8 and nf4
  readonly steps: number;
  readonly stepFormats: readonly string[];
  readonly maxLength: number;
  readonly trainSteps: number; // of the run that changes the model, as the four after it
  readonly trainBatch: number; // rows
  readonly trainMaxLength: number;
  readonly heldOutRows: number;
  readonly traceTokens: number; // of an answer; an AltTrain refusal of these rows has about 80
  readonly safePrompts: number;
  readonly unsafePrompts: number;
}

export interface Gpu {
  readonly seconds: number; // of the command, start and compiling included
  readonly bytes: number; // held at most
}

const reference = join(projectRoot, 'scripts/real-model/reference.py');

export const readJsonFile = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
export const readJsonLines = <T>(path: string): T[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as T);
export const writeJson = (path: string, value: unknown): void =>
  writeFileSync(path, `${JSON.stringify(value, null, 1)}\n`);
export const writeJsonLines = (path: string, rows: readonly unknown[]): void =>
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));

export const secondsSince = (began: number): number => (performance.now() - began) / 1000;

/** A result that an interruption left is taken as it is: every piece is one file. */
export async function keep<T>({ out, isAgain }: Context, name: string, make: () => Promise<T>): Promise<T> {
  const path = join(out, `${name}.json`);
  if (!isAgain && existsSync(path)) {
    console.log(`${name}: taken from ${path}`);
    return readJsonFile<T>(path);
  }
  mkdirSync(out, { recursive: true });
  const made = await make();
  writeJson(path, made);
  return made;
}

/** The reference's name for weights that the engine holds in `format` (scripts/real-model/formats.py), also in the names of files. */
export const referenceFormat = (format: string): string =>
  format === 'nf4' ? 'nf4, embedding in int8' : format;
export const inFileName = (format: string): string => format.replaceAll(/\W+/g, '-');

export const runReference = (
  { python, model }: Context,
  command: string,
  args: readonly string[],
): Promise<string> => runProgram(python, [reference, command, model, ...args]);

export interface TrainResult {
  readonly seconds: number;
  readonly gpuBytesPeak: number;
  readonly device: string;
}

/** `npm run train`, and what its metrics.jsonl holds. Goes on where an interrupted call ended, with the settings of that one. */
export async function train(
  { model, host, isAgain }: Context,
  out: string,
  dataset: string,
  settings: Readonly<Record<string, string | number | boolean>>,
  initAdapter: string | null = null,
): Promise<{ readonly gpu: Gpu; readonly device: string; readonly metrics: Record<string, number>[] }> {
  const began = performance.now();
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const isResumed = !isAgain && existsSync(join(out, 'checkpoint/checkpoint.safetensors'));
  const from = initAdapter === null ? [] : ['--init-adapter', initAdapter];
  const args = [
    ...['--host', host, '--model', model, '--dataset', dataset, '--out', out, '--json'],
    ...(isResumed
      ? ['--resume', '--set', `max_steps=${settings['max_steps']}`]
      : [...set, ...from, '--overwrite']),
  ];
  const output = await runCommand('train', args);
  const { gpuBytesPeak, device } = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as TrainResult;
  return {
    gpu: { seconds: secondsSince(began), bytes: gpuBytesPeak },
    device,
    metrics: readJsonLines<Record<string, number>>(join(out, 'metrics.jsonl')),
  };
}

export interface InspectedRow {
  readonly ids: number[];
  readonly target: (0 | 1)[];
  readonly packed: unknown; // with packing: null where the row is held out
}

/** The rows as the engine reads them; null where it drops one. */
export async function inspectAll(
  { model }: Context,
  dataset: string,
  settings: Readonly<Record<string, string | number | boolean>>,
): Promise<(InspectedRow | null)[]> {
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const script = join(projectRoot, 'scripts/inspect.ts');
  const args = ['--import', 'tsx', script, '--model', model, '--dataset', dataset, '--json', ...set];
  const output = await runProgram(process.execPath, args, { isQuiet: true });
  const lines = output.trimEnd().split('\n').slice(0, -1);
  return lines.map((line) => {
    const row = JSON.parse(line) as InspectedRow | { readonly ids: null };
    return row.ids === null ? null : row;
  });
}

/** The same where no row may be dropped. */
export async function inspect(
  context: Context,
  dataset: string,
  settings: Readonly<Record<string, string | number | boolean>>,
): Promise<InspectedRow[]> {
  const rows = await inspectAll(context, dataset, settings);
  return rows.map((row, i) => {
    if (row === null) throw new Error(`row ${i + 1} of ${dataset} is dropped`);
    return row;
  });
}
