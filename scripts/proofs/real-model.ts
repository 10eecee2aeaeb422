/**
 * `npm run proof:real-model -- <folder> [--only a,b,c,d] [--host node]`: a pre-trained language model in this engine, beside transformers and PEFT.
 *
 *   a  20 prompts answered greedily: the same tokens as transformers in float32
 *   b  the loss over real text in float32, f16, int8 and nf4: transformers' on the same weights, and what each format costs
 *   c  LoRA steps on real rows, in float32 and on nf4: PEFT's loss and gradient norm at every step
 *   d  a run that changes the model: AltTrain rows, held-out loss, refusals on XSTest
 *
 * The folder is SmolLM2-135M-Instruct (scripts/real-model/make_smollm2.py makes it) or another checkpoint. Needs Python with torch,
 * transformers and peft (scripts/real-model/requirements.txt; PYTHON names the program), and the datasets STAR-1.json, gsm8k_test.jsonl
 * and xstest_prompts.csv in --data. Every piece of a result is a JSON file in --out, and is taken from there the next time (not with
 * --again), so that an interruption loses one piece. Exit code 0 only if what was asked for holds.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../cli/paths.ts';
import { altTrain, altTrainLines } from './real-model/alttrain.ts';
import type { Context, Gpu } from './real-model/context.ts';
import { greedy, greedyHolds, greedyLines } from './real-model/greedy.ts';
import { perplexity, perplexityHolds, perplexityLines } from './real-model/perplexity.ts';
import { steps, stepsHold, stepsLines } from './real-model/steps.ts';
import { runProgram } from './run-command.ts';

const text = (fallback: string): { readonly type: 'string'; readonly default: string } => ({
  type: 'string',
  default: fallback,
});
const options = {
  only: text('a,b,c,d'),
  out: text(join(projectRoot, 'runs/real-model')),
  host: text('auto'),
  data: text(process.env['ALTTRAIN_SHARED_DATA'] ?? join(projectRoot, '../shared/data')),
  again: { type: 'boolean', default: false },
  prompts: text('20'),
  'new-tokens': text('64'),
  tokens: text('20000'),
  'coded-tokens': text('20000'),
  steps: text('20'),
  'step-formats': text('none,nf4'),
  'max-length': text('512'),
  'train-steps': text('125'),
  'train-batch': text('8'),
  'train-max-length': text('256'),
  'held-out-rows': text('30'),
  'trace-tokens': text('160'),
  'safe-prompts': text('250'),
  'unsafe-prompts': text('200'),
} as const;

interface Part {
  readonly holds: boolean;
  readonly lines: readonly string[];
  readonly costs: readonly (readonly [what: string, gpu: Gpu])[];
}

const parts: Readonly<Record<string, (context: Context) => Promise<Part>>> = {
  a: async (context) => {
    const result = await greedy(context);
    return { holds: greedyHolds(result), lines: greedyLines(result), costs: [['a. greedy', result.gpu]] };
  },
  b: async (context) => {
    const result = await perplexity(context);
    const costs = result.formats.flatMap(({ format, engine }) =>
      engine === null ? [] : [[`b. ${format}, ${engine.tokens} tokens`, engine.gpu] as const],
    );
    return { holds: perplexityHolds(result), lines: perplexityLines(result), costs };
  },
  c: async (context) => {
    const result = await steps(context);
    const costs = result.formats.map(
      ({ format, gpu, engine }) => [`c. ${format}, ${engine.length} steps`, gpu] as const,
    );
    return { holds: stepsHold(result), lines: stepsLines(result), costs };
  },
  d: async (context) => {
    const result = await altTrain(context);
    return { holds: true, lines: altTrainLines(result), costs: [[`d. ${result.steps} steps`, result.gpu]] };
  },
};

function contextOf(): { readonly context: Context; readonly only: readonly string[] } {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [folder] = positionals;
  if (folder === undefined)
    throw new Error('Name the folder: npm run proof:real-model -- checkpoints/smollm2');
  const only = values.only.split(',');
  const unknown = only.filter((name) => !(name in parts));
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(',')}: the parts are a, b, c and d`);
  const data = resolve(values.data);
  for (const name of ['STAR-1.json', 'gsm8k_test.jsonl', 'xstest_prompts.csv'])
    if (only.join() !== 'a' && !existsSync(join(data, name)))
      throw new Error(`${data} has no ${name}; --data names the folder`);
  const context = {
    model: resolve(folder),
    data,
    out: resolve(values.out),
    python: process.env['PYTHON'] ?? 'python3',
    host: values.host,
    isAgain: values.again,
    sizes: {
      prompts: Number(values.prompts),
      newTokens: Number(values['new-tokens']),
      tokens: Number(values.tokens),
      codedTokens: Number(values['coded-tokens']),
      steps: Number(values.steps),
      stepFormats: values['step-formats'].split(','),
      maxLength: Number(values['max-length']),
      trainSteps: Number(values['train-steps']),
      trainBatch: Number(values['train-batch']),
      trainMaxLength: Number(values['train-max-length']),
      heldOutRows: Number(values['held-out-rows']),
      traceTokens: Number(values['trace-tokens']),
      safePrompts: Number(values['safe-prompts']),
      unsafePrompts: Number(values['unsafe-prompts']),
    },
  };
  return { context, only };
}

async function main(): Promise<void> {
  const { context, only } = contextOf();
  await runProgram(context.python, ['-c', 'import torch, transformers, peft, bitsandbytes']).catch(() => {
    throw new Error(
      `${context.python} lacks what scripts/real-model/requirements.txt lists; PYTHON names another.`,
    );
  });
  const done: Part[] = [];
  for (const name of only) done.push(await parts[name](context));
  const costs = done.flatMap((part) => part.costs);
  console.log(`\n${done.flatMap(({ lines }) => lines).join('\n')}\n`);
  console.log('| e. | seconds | GPU MiB |\n| --- | ---: | ---: |');
  for (const [what, { seconds, bytes }] of costs)
    console.log(`| ${what} | ${seconds.toFixed(0)} | ${Math.round(bytes / 2 ** 20)} |`);
  if (done.every(({ holds }) => holds)) return;
  console.error('It does not hold: see above.');
  process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
