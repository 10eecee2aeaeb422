/** Part c: optimizer steps on real rows, each step's loss and gradient norm beside PEFT's, in float32 and on nf4 weights. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  inFileName,
  inspect,
  inspectAll,
  keep,
  readJsonFile,
  readJsonLines,
  referenceFormat,
  runReference,
  train,
  writeJson,
  writeJsonLines,
  type Context,
  type Gpu,
} from './context.ts';

/** Relative, of the loss and of the gradient norm of every step. */
const TOLERANCE = 1e-4;
const FULL_STEPS = 20;
export const stepFormats = ['none', 'nf4'] as const;

const adapter = { r: 16, lora_alpha: 16, seed: 1995 };
const optimizer = {
  learning_rate: 1e-4,
  lr_scheduler_type: 'constant_with_warmup', // so that a step does not depend on how many are asked for
  warmup_steps: 5,
  adam_beta1: 0.9,
  adam_beta2: 0.95,
  adam_epsilon: 1e-8,
  weight_decay: 1e-4,
  max_grad_norm: 1,
  per_device_train_batch_size: 4,
  gradient_accumulation_steps: 2,
};
const targets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

interface Step {
  readonly loss: number;
  readonly grad_norm: number;
  readonly target_tokens: number;
}
interface EngineStep extends Step {
  readonly step_ms: number;
  readonly gpu_bytes: number;
}
interface Run {
  readonly folder: string;
  readonly rows: string;
  readonly format: (typeof stepFormats)[number];
  readonly start: string;
}
interface FormatSteps {
  readonly format: string;
  readonly gpu: Gpu; // of the steps alone
  readonly tokens: number; // of all rows
  readonly engine: readonly Step[];
  readonly reference: readonly Step[];
}
export interface StepsResult {
  readonly maxLength: number;
  readonly formats: readonly FormatSteps[];
}

interface Star {
  readonly question: string;
  readonly response: string;
}

export async function steps(context: Context): Promise<StepsResult> {
  const { out, data, sizes } = context;
  const folder = join(out, `c-${sizes.maxLength}`);
  mkdirSync(folder, { recursive: true });
  const window = optimizer.per_device_train_batch_size * optimizer.gradient_accumulation_steps;
  const rows = join(folder, 'rows.jsonl');
  const star = readJsonFile<Star[]>(join(data, 'STAR-1.json')).map(({ question, response }) => ({
    question,
    response,
  }));
  // Of all rows, so that a later call with more steps goes on in the same data. A question that fills max_length by itself leaves nothing to train: the next row takes its place.
  writeJsonLines(rows, star);
  const read = await inspectAll(context, rows, { max_length: sizes.maxLength });
  const usable = star.filter((_, i) => read[i] !== null).slice(0, window * Math.max(sizes.steps, FULL_STEPS));
  if (usable.length < window * Math.max(sizes.steps, FULL_STEPS))
    throw new Error(`STAR-1 has only ${usable.length} rows for this max_length`);
  writeJsonLines(rows, usable);
  const inspected = await inspect(context, rows, { max_length: sizes.maxLength });
  const idRows = join(folder, 'ids.jsonl');
  writeJsonLines(idRows, inspected);
  const settingsFile = join(folder, 'settings.json');
  writeJson(settingsFile, { ...adapter, ...optimizer, target_modules: targets });
  const start = join(folder, 'start');
  if (!existsSync(join(start, 'adapter_model.safetensors')))
    await runReference(context, 'start', [start, settingsFile]);

  const results: FormatSteps[] = [];
  for (const format of stepFormats.filter((name) => sizes.stepFormats.includes(name))) {
    const held = referenceFormat(format);
    const lines = join(folder, `reference-${inFileName(held)}.jsonl`);
    await runReference(context, 'steps', [idRows, lines, held, start, settingsFile, String(sizes.steps)]);
    const engine = await goOn(context, { folder: join(folder, inFileName(held)), rows, format, start });
    results.push({
      format,
      gpu: gpuOf(engine.slice(0, sizes.steps)),
      tokens: inspected.slice(0, window * sizes.steps).reduce((sum, { ids }) => sum + ids.length, 0),
      engine: engine.slice(0, sizes.steps),
      reference: readJsonLines<Step>(lines).slice(0, sizes.steps),
    });
  }
  const result = { maxLength: sizes.maxLength, formats: results };
  return keep({ ...context, isAgain: true }, 'c-steps', () => Promise.resolve(result));
}

/** The engine's steps up to the number asked for, on from where an earlier call ended. */
async function goOn(context: Context, { folder, rows, format, start }: Run): Promise<EngineStep[]> {
  const { sizes } = context;
  const done = (): EngineStep[] =>
    existsSync(join(folder, 'metrics.jsonl')) ? readJsonLines<EngineStep>(join(folder, 'metrics.jsonl')) : [];
  if (done().length < sizes.steps)
    await train(
      context,
      folder,
      rows,
      {
        ...optimizer,
        seed: adapter.seed,
        quantization: format,
        max_length: sizes.maxLength,
        max_steps: sizes.steps,
        shuffle: false,
        save_steps: 1,
      },
      start,
    );
  return done();
}

const gpuOf = (steps: readonly EngineStep[]): Gpu => ({
  seconds: steps.reduce((sum, step) => sum + step.step_ms, 0) / 1000,
  bytes: Math.max(...steps.map((step) => step.gpu_bytes)),
});

function errorsOf({ engine, reference }: FormatSteps): { readonly loss: number; readonly gradNorm: number } {
  if (engine.length !== reference.length)
    throw new Error(`${engine.length} steps here, ${reference.length} by PEFT`);
  const worst = (of: (step: Step) => number): number =>
    Math.max(...reference.map((step, i) => Math.abs(of(engine[i]) / of(step) - 1)));
  return { loss: worst((step) => step.loss), gradNorm: worst((step) => step.grad_norm) };
}

export const stepsHold = ({ formats: results }: StepsResult): boolean =>
  results.every((result) => {
    const { loss, gradNorm } = errorsOf(result);
    return (
      loss < TOLERANCE &&
      gradNorm < TOLERANCE &&
      result.engine.every((step, i) => step.target_tokens === result.reference[i].target_tokens)
    );
  });

export function stepsLines({ maxLength, formats: results }: StepsResult): string[] {
  return results.map((result) => {
    const { loss, gradNorm } = errorsOf(result);
    const [first, last] = [result.engine[0], result.engine.at(-1)];
    return `c. ${result.format}: ${result.engine.length} steps of 4 × 2 rows of STAR-1 (max_length ${maxLength}, ${result.tokens} tokens), loss ${first.loss.toFixed(4)} → ${last?.loss.toFixed(4)}; worst error of the loss ${loss.toExponential(1)}, of the gradient norm ${gradNorm.toExponential(1)}`;
  });
}
