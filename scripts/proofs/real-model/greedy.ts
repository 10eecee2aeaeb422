/** Part a: the same tokens as transformers in float32, prompt by prompt. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { planMemory } from '../../../src/model/memory-plan.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { generatorSpecs } from '../../../src/model/generation-session.ts';
import { bytesOf } from '../../../src/model/buffers.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { runCommand } from '../run-command.ts';
import {
  keep,
  readJsonFile,
  runReference,
  secondsSince,
  writeJson,
  type Context,
  type Gpu,
} from './context.ts';
import { namedPrompts } from './prompts.ts';

/** Logits nearer than this may change places when sums are added in another order. */
const NARROW_GAP = 1e-4;

interface Answer {
  readonly tokenIds: number[];
  readonly text: string;
}
interface Expected {
  readonly promptTokens: number;
  readonly ids: number[];
  readonly gaps: number[];
  readonly ended: boolean; // the answer's last token is the end token
}
interface Compared {
  readonly kind: string;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly smallestGap: number;
  /** The first token that differs, and the gap between the two largest logits there; null: all are equal. */
  readonly parts: { readonly at: number; readonly gap: number } | null;
}
export interface GreedyResult {
  readonly newTokens: number;
  readonly gpu: Gpu;
  readonly prompts: readonly Compared[];
}

export function greedy(context: Context): Promise<GreedyResult> {
  return keep(context, 'a-greedy', async () => {
    const { model, out, sizes } = context;
    mkdirSync(out, { recursive: true });
    const asked = namedPrompts.slice(0, sizes.prompts);
    const [prompts, answers, expected] = ['prompts', 'answers', 'expected'].map((name) =>
      join(out, `a-${name}.json`),
    );
    writeJson(
      prompts,
      asked.map(({ prompt }) => prompt),
    );
    const began = performance.now();
    const length = String(sizes.newTokens);
    await runCommand('generate', [
      ...['--host', context.host, '--model', model],
      '--prompts',
      prompts,
      '--out',
      answers,
      '--max-new-tokens',
      length,
    ]);
    const seconds = secondsSince(began);
    await runReference(context, 'greedy', [prompts, answers, expected]);
    const given = readJsonFile<Answer[]>(answers);
    const wanted = readJsonFile<Expected[]>(expected);
    const compared = asked.map(({ kind }, i) =>
      compare({ kind, ids: given[i].tokenIds, newTokens: sizes.newTokens }, wanted[i]),
    );
    const longest = Math.max(...compared.map(({ promptTokens }) => promptTokens)) + sizes.newTokens;
    return {
      newTokens: sizes.newTokens,
      gpu: { seconds, bytes: heldBytes(model, asked.length, longest) },
      prompts: compared,
    };
  });
}

function compare(
  {
    kind,
    ids,
    newTokens,
  }: { readonly kind: string; readonly ids: readonly number[]; readonly newTokens: number },
  { promptTokens, ids: wanted, gaps, ended }: Expected,
): Compared {
  const at = wanted.findIndex((id, i) => ids[i] !== id);
  if (at < 0 && !ended && ids.length < newTokens)
    throw new Error(`an answer to "${kind}" stops after ${ids.length} tokens without an end token`);
  return {
    kind,
    promptTokens,
    newTokens: ids.length,
    smallestGap: Math.min(...(at < 0 ? gaps : gaps.slice(0, at + 1))),
    parts: at < 0 ? null : { at, gap: gaps[at] },
  };
}

/** Weights in float32, rotary table, and what a generator allocates (docs/memory.md). */
function heldBytes(folder: string, sequences: number, context: number): number {
  const model = parseModelConfig(readJsonFile(join(folder, 'config.json')));
  const size = { rows: 1, lossRows: 1, checkpointing: true };
  const plan = planMemory({
    model,
    format: 'f32',
    lora: defaultRunConfig,
    size,
    longest: context,
    samples: null,
    maxTensorBytes: Infinity,
  });
  return plan.weights + plan.rope + bytesOf(Object.values(generatorSpecs(model, null, sequences, context)));
}

/** Everything equal but where the gap is too narrow to mean anything. */
export const greedyHolds = ({ prompts }: GreedyResult): boolean =>
  prompts.every(({ parts }) => parts === null || parts.gap < NARROW_GAP);

export function greedyLines({ prompts, newTokens }: GreedyResult): string[] {
  const equal = prompts.filter(({ parts }) => parts === null).length;
  const total = prompts.reduce((sum, prompt) => sum + prompt.newTokens, 0);
  const smallest = Math.min(...prompts.map(({ smallestGap }) => smallestGap));
  return [
    `a. ${equal} of ${prompts.length} continuations of at most ${newTokens} tokens (${total} in all) equal transformers' in float32; smallest gap between the two largest logits ${smallest.toExponential(1)}`,
    ...prompts.flatMap(({ kind, parts }) =>
      parts === null
        ? []
        : [`   "${kind}" parts at token ${parts.at + 1}, where the gap is ${parts.gap.toExponential(1)}`],
    ),
  ];
}
