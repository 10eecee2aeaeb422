/**
 * Suites answered by each variant of a model, batch after batch, and stored as they come. Which prompts stand together in a batch,
 * and with which seed, follows from suites and settings alone: an evaluation that was killed goes on with the same batches, and
 * ends with the answers of one that was not.
 */
import type { EvaluationProgress as Progress } from '../../api/evaluations.ts';
import type { Prompt } from '../../api/trainer-api.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import { withSystemPrompt } from '../../data/system-prompt.ts';
import type { Suite, SuiteRow } from '../suites/suite.ts';
import type { GenerationSettings, Generator, Variant, WrittenAnswer } from './generator.ts';
import { answerKey } from './keys.ts';
import { memoryStore, type AnswerRecord, type AnswerStore, type StoredRecord } from './store.ts';

export interface EvaluationPlan {
  readonly suites: readonly Suite[];
  readonly variants: readonly Variant[];
  readonly settings: GenerationSettings;
  readonly batchSize: number;
}

export type EvaluationProgress = Omit<Progress, 'id'>;

export interface EvaluationWatch {
  readonly onProgress?: (progress: EvaluationProgress) => void;
  readonly signal?: AbortSignal;
  readonly nowMs?: () => number;
}

export interface Answers {
  readonly plan: EvaluationPlan;
  readonly modelId: string;
  readonly thinkPrefilled: boolean;
  /** By suite, row, sample and variant, in this order. */
  readonly answers: readonly AnswerRecord[];
  readonly overrules: readonly Extract<StoredRecord, { kind: 'overrule' }>[];
  readonly judgements: readonly Extract<StoredRecord, { kind: 'judgement' }>[]; // of judge models
}

interface Item {
  readonly suite: Suite;
  readonly row: SuiteRow;
  readonly sample: number;
  readonly prompt: Prompt;
}
interface Batch {
  readonly variant: Variant;
  readonly items: readonly Item[];
  readonly keys: readonly string[];
  readonly seed: number;
}

/** @throws TrainerError "config-invalid", "cancelled" after the batch that is being written, and what the generator throws */
export async function evaluate(
  plan: EvaluationPlan,
  generator: Generator,
  store: AnswerStore = memoryStore(),
  { onProgress = () => undefined, signal, nowMs = () => performance.now() }: EvaluationWatch = {},
): Promise<Answers> {
  checkPlan(plan);
  const stored = await store.readAll();
  const known = answersIn(stored);
  const batches = await batchesOf(plan, generator.modelId);
  const total = answerCount(plan);
  const started = nowMs();
  let done = 0;
  let reused = 0;
  let written = 0;
  for (const batch of batches) {
    const missing = batch.keys.filter((key) => !known.has(key));
    if (missing.length > 0) {
      if (signal?.aborted === true) throw cancelled(done, total);
      // All of the batch: what stands beside a prompt may change the last bits of its answer, and sampled ones altogether.
      const records = await writeBatch(batch, plan.settings, generator);
      const fresh = records.filter(({ key }) => !known.has(key));
      await store.append(fresh);
      for (const record of fresh) known.set(record.key, record);
      written += batch.items.length;
    } else reused += batch.items.length;
    done += batch.items.length;
    const perAnswer = written === 0 ? null : (nowMs() - started) / 1000 / written;
    onProgress({
      ...{ done, total, reused },
      secondsLeft: perAnswer === null ? null : perAnswer * (total - done),
      note: `Answers of the ${batch.variant.id}`,
    });
  }
  return {
    plan,
    modelId: generator.modelId,
    thinkPrefilled: generator.thinkPrefilled,
    answers: placed(batches, known),
    overrules: stored.filter((record) => record.kind === 'overrule'),
    judgements: stored.filter((record) => record.kind === 'judgement'),
  };
}

/** What a store holds of an evaluation, without asking anybody: fewer answers than planned where some are missing. */
export async function storedAnswers(
  plan: EvaluationPlan,
  { modelId, thinkPrefilled }: Pick<Generator, 'modelId' | 'thinkPrefilled'>,
  stored: readonly StoredRecord[],
): Promise<Answers> {
  const answers = placed(await batchesOf(plan, modelId), answersIn(stored));
  const overrules = stored.filter((record) => record.kind === 'overrule');
  const judgements = stored.filter((record) => record.kind === 'judgement');
  return { plan, modelId, thinkPrefilled, answers, overrules, judgements };
}

export const answerCount = ({ suites, variants, settings }: EvaluationPlan): number =>
  suites.reduce((sum, { rows }) => sum + rows.length, 0) * variants.length * settings.samples;

function answersIn(stored: readonly StoredRecord[]): Map<string, AnswerRecord> {
  const known = new Map<string, AnswerRecord>();
  for (const record of stored) if (record.kind === 'answer') known.set(record.key, record);
  return known;
}

/** The record is another's where base and adapter, or two suites of one name, share a key. */
function placed(batches: readonly Batch[], known: ReadonlyMap<string, AnswerRecord>): AnswerRecord[] {
  return batches.flatMap(({ items, keys, variant }) =>
    keys.flatMap((key, i) => {
      const record = known.get(key);
      const { suite, row, sample } = items[i];
      return record === undefined
        ? []
        : [{ ...record, suite: suite.name, row: row.id, sample, variant: variant.id }];
    }),
  );
}

function checkPlan({ suites, variants, settings, batchSize }: EvaluationPlan): void {
  const wrong = (what: string): TrainerError => new TrainerError('config-invalid', `Evaluation: ${what}.`);
  if (suites.length === 0 || variants.length === 0) throw wrong('there is nothing to ask, or nobody');
  const twice = suites.find(({ name }, i) => suites.findIndex((one) => one.name === name) !== i);
  if (twice !== undefined) throw wrong(`two suites are called "${twice.name}"`);
  if (!Number.isInteger(batchSize) || batchSize < 1) throw wrong(`a batch of ${batchSize} prompts`);
  const { samples, temperature, maxNewTokens } = settings;
  if (!Number.isInteger(samples) || samples < 1) throw wrong(`${samples} answers a prompt`);
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1) throw wrong(`${maxNewTokens} new tokens`);
  if (samples > 1 && temperature === 0)
    throw wrong(`${samples} greedy answers a prompt would be the same one: give a temperature above 0`);
}

async function batchesOf(
  { suites, variants, settings, batchSize }: EvaluationPlan,
  modelId: string,
): Promise<Batch[]> {
  const items = suites.flatMap((suite) =>
    suite.rows.flatMap((row) =>
      Array.from({ length: settings.samples }, (_, sample): Item => {
        return { suite, row, sample, prompt: withSystemPrompt(row.prompt, settings.systemPrompt) };
      }),
    ),
  );
  const batches: Batch[] = [];
  for (const variant of variants)
    for (let first = 0, number = 0; first < items.length; first += batchSize, number++) {
      const batch = items.slice(first, first + batchSize);
      // Batches with one seed would draw the same numbers at the same places.
      const seed = (settings.seed + number * 0x9e3779b1) >>> 0;
      const keys = await Promise.all(
        batch.map(({ suite, row, sample }, placeInBatch) =>
          answerKey({ modelId, variant, suite: suite.name, row, settings, sample, seed, placeInBatch }),
        ),
      );
      batches.push({ variant, items: batch, keys, seed });
    }
  return batches;
}

async function writeBatch(
  batch: Batch,
  settings: GenerationSettings,
  generator: Generator,
): Promise<AnswerRecord[]> {
  const { variant, items, keys, seed } = batch;
  const ask = (prompts: readonly Prompt[]): Promise<readonly WrittenAnswer[]> =>
    generator.generate({ prompts, variant, settings, seed });
  const recordOf = (i: number, written: WrittenAnswer, problem: string | null): AnswerRecord => {
    const { suite, row, sample, prompt } = items[i];
    const { text, tokens, finished } = written;
    return {
      ...{
        kind: 'answer',
        key: keys[i],
        suite: suite.name,
        row: row.id,
        variant: variant.id,
        sample,
        prompt,
      },
      ...{ text, tokens, finished, problem },
    };
  };
  try {
    return (await ask(items.map(({ prompt }) => prompt))).map((written, i) => recordOf(i, written, null));
  } catch (error) {
    // One prompt that is too long for the context must not cost the others of its batch.
    if (!isTooLong(error) || items.length === 1) throw error;
  }
  const records: AnswerRecord[] = [];
  let tooLong: unknown = null;
  for (const [i, { prompt }] of items.entries())
    try {
      const [written] = await ask([prompt]);
      records.push(recordOf(i, written, null));
    } catch (error) {
      if (!isTooLong(error)) throw error;
      tooLong = error;
      records.push(recordOf(i, { text: '', tokens: 0, finished: false }, error.message));
    }
  if (records.every(({ problem }) => problem !== null)) throw tooLong;
  return records;
}

const isTooLong = (error: unknown): error is TrainerError =>
  error instanceof TrainerError && error.code === 'config-invalid';

const cancelled = (done: number, total: number): TrainerError =>
  new TrainerError('cancelled', `Stopped after ${done} of ${total} answers; they are kept.`);
