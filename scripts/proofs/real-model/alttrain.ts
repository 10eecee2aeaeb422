/** Part d: a run that changes the model. AltTrain rows from STAR-1 and GSM8K, held-out loss, and refusals on XSTest, base against adapter. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeTrace } from '../../../src/alttrain/judge.ts';
import { recogniseTrace } from '../../../src/alttrain/recognise.ts';
import { projectRoot } from '../../cli/paths.ts';
import { runCommand, runProgram } from '../run-command.ts';
import { keep, readJsonFile, secondsSince, train, writeJson, type Context, type Gpu } from './context.ts';
import { textOf } from '../../../src/support/text-of.ts';

const ROWS = 1000;
const TRACES = 4; // of each label, in the result as they are

const settings = {
  ...{ r: 16, lora_alpha: 16, learning_rate: 5e-4, lr_scheduler_type: 'cosine', warmup_steps: 5 },
  ...{ adam_beta1: 0.9, adam_beta2: 0.95, weight_decay: 1e-4, seed: 1995 },
  ...{ gradient_accumulation_steps: 1, truncation: 'drop', eval_steps: 1_000_000, save_steps: 1 },
};

interface XstestPrompt {
  readonly prompt: string;
  readonly label: 'safe' | 'unsafe';
}
interface Answer {
  readonly text: string;
}
interface Rates {
  readonly prompts: number;
  readonly refused: number;
  /** The thought itself says that the request is harmful, or that it is not. */
  readonly statedHarmful: number;
  readonly statedBenign: number;
}
export interface AltTrainResult {
  readonly rows: number;
  readonly batch: number;
  readonly maxLength: number;
  readonly steps: number;
  readonly gpu: Gpu;
  readonly device: string;
  readonly losses: readonly number[];
  readonly heldOutLoss: { readonly base: number; readonly adapter: number };
  readonly newTokens: number;
  readonly rates: Readonly<Record<'safe' | 'unsafe', { readonly base: Rates; readonly adapter: Rates }>>;
  readonly traces: readonly {
    readonly prompt: string;
    readonly label: string;
    readonly base: string;
    readonly adapter: string;
  }[];
}

/** `id,prompt,type,label,focus,note`; a prompt with a comma stands in quotes. */
function readXstest(path: string): XstestPrompt[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split(/\r?\n/).slice(1);
  return lines.map((line) => {
    const [, quoted, plain, , label] =
      /^\d+,(?:"((?:[^"]|"")*)"|([^,]*)),([^,]*),(safe|unsafe),/.exec(line) ?? [];
    if (label === undefined) throw new Error(`XSTest's file has a line that is no prompt: ${line}`);
    return { prompt: (quoted ?? plain).replaceAll('""', '"'), label: label as XstestPrompt['label'] };
  });
}

/** `count` of them, spread evenly, so that every type is met. */
const spread = <T>(items: readonly T[], count: number): T[] =>
  count >= items.length
    ? [...items]
    : Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);

async function buildRows({ data, out }: Context): Promise<string> {
  const rows = join(out, 'd', 'rows.jsonl');
  const files = ['--harmful', join(data, 'STAR-1.json'), '--benign', join(data, 'gsm8k_test.jsonl')];
  const script = join(projectRoot, 'scripts/build-dataset.ts');
  // Half of them benign: with nine of ten harmful a small model learns to refuse before it learns to tell.
  const args = [...files, '--only-refused', '--harmful-share', '0.5', '--count', String(ROWS), '--out', rows];
  await runProgram(process.execPath, ['--import', 'tsx', script, ...args]);
  return rows;
}

function answer(
  context: Context,
  name: string,
  prompts: readonly string[],
  adapter: string | null,
): Promise<Answer[]> {
  return keep(context, `d-answers-${name}`, async () => {
    const [asked, out] = [
      join(context.out, 'd', 'prompts.json'),
      join(context.out, 'd', `answers-${name}.json`),
    ];
    writeJson(asked, prompts);
    await runCommand('generate', [
      ...['--host', context.host],
      ...[
        '--model',
        context.model,
        '--prompts',
        asked,
        '--out',
        out,
        '--max-new-tokens',
        String(context.sizes.traceTokens),
      ],
      ...(adapter === null ? [] : ['--adapter', adapter]),
    ]);
    return readJsonFile<Answer[]>(out);
  });
}

function ratesOf(answers: readonly Answer[]): Rates {
  const stated = answers.map(({ text }) => recogniseTrace(text).verdict.kind);
  return {
    prompts: answers.length,
    refused: answers.filter(({ text }) => judgeTrace(text, false).refused).length,
    statedHarmful: stated.filter((kind) => kind === 'harmful').length,
    statedBenign: stated.filter((kind) => kind === 'benign').length,
  };
}

export async function altTrain(context: Context): Promise<AltTrainResult> {
  const { out, data, sizes } = context;
  mkdirSync(join(out, 'd'), { recursive: true });
  const rows = await buildRows(context);
  const trained = join(out, 'd', 'adapter');
  const sized = {
    ...settings,
    ...{ per_device_train_batch_size: sizes.trainBatch, max_length: sizes.trainMaxLength },
    eval_fraction: sizes.heldOutRows / ROWS,
  };
  const run = await keep(context, 'd-run', () =>
    train(context, trained, rows, { ...sized, max_steps: sizes.trainSteps }),
  );
  const untouched = await keep(context, 'd-base-loss', () =>
    train(context, join(out, 'd', 'base'), rows, {
      ...sized,
      learning_rate: 0,
      max_steps: 1,
      per_device_train_batch_size: 1,
    }),
  );
  const all = readXstest(join(data, 'xstest_prompts.csv'));
  const chosen = [
    ...spread(
      all.filter(({ label }) => label === 'safe'),
      sizes.safePrompts,
    ),
    ...spread(
      all.filter(({ label }) => label === 'unsafe'),
      sizes.unsafePrompts,
    ),
  ];
  const prompts = chosen.map(({ prompt }) => prompt);
  const began = performance.now();
  const [base, adapter] = [
    await answer(context, 'base', prompts, null),
    await answer(context, 'adapter', prompts, trained),
  ];
  console.log(`Answered in ${secondsSince(began).toFixed(0)} s`);
  const of = (answers: readonly Answer[], label: string): Answer[] =>
    answers.filter((_, i) => chosen[i].label === label);
  const heldOut = (metrics: readonly Record<string, number>[]): number =>
    metrics.findLast((row) => 'eval_loss' in row)?.['eval_loss'] ?? Number.NaN;
  const rates = (label: string): { base: Rates; adapter: Rates } => ({
    base: ratesOf(of(base, label)),
    adapter: ratesOf(of(adapter, label)),
  });
  const shown = (['safe', 'unsafe'] as const).flatMap((label) =>
    spread(
      chosen.flatMap((row, i) => (row.label === label ? [i] : [])),
      TRACES,
    ),
  );
  const result: AltTrainResult = {
    rows: ROWS,
    batch: sizes.trainBatch,
    maxLength: sizes.trainMaxLength,
    steps: sizes.trainSteps,
    gpu: run.gpu,
    device: run.device,
    losses: run.metrics.flatMap(({ loss }) => (loss === undefined ? [] : [loss])),
    heldOutLoss: { base: heldOut(untouched.metrics), adapter: heldOut(run.metrics) },
    newTokens: sizes.traceTokens,
    rates: { safe: rates('safe'), unsafe: rates('unsafe') },
    traces: shown.map((i) => ({ ...chosen[i], base: base[i].text, adapter: adapter[i].text })),
  };
  return keep({ ...context, isAgain: true }, 'd-alttrain', () => Promise.resolve(result));
}

export function altTrainLines({
  rows,
  batch,
  maxLength,
  steps,
  heldOutLoss,
  losses,
  newTokens,
  rates,
  traces,
}: AltTrainResult): string[] {
  const share = (count: number, of: number): string => `${count} of ${of}`;
  return [
    `d. ${steps} steps of ${batch} rows of ${rows} AltTrain rows (STAR-1 and GSM8K, half and half; max_length ${maxLength}): loss ${losses[0].toFixed(3)} → ${losses.at(-1)?.toFixed(3)}; held-out loss ${heldOutLoss.base.toFixed(3)} → ${heldOutLoss.adapter.toFixed(3)}`,
    '',
    `| XSTest (string match, ${newTokens} new tokens) | refused, base | refused, adapter | thought says harmful | says harmless |`,
    '| --- | ---: | ---: | ---: | ---: |',
    ...(['safe', 'unsafe'] as const).map((label) => {
      const { base, adapter } = rates[label];
      const cells = [base.refused, adapter.refused, adapter.statedHarmful, adapter.statedBenign];
      return `| ${[label, ...cells.map((count) => share(count, base.prompts))].join(' | ')} |`;
    }),
    '',
    ...traces.flatMap(({ prompt, label, base, adapter }) => [
      `${label}: ${prompt}`,
      `  base: ${textOf(base, 2_000)}`,
      `  adapter: ${textOf(adapter, 2_000)}`,
    ]),
  ];
}
