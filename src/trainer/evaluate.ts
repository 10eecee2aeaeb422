/**
 * Evaluation suites: prompts answered greedily, judged by string match (src/alttrain/judge.ts). The base is the
 * same model with the adapter switched off, so "before" can be measured after the run.
 */
import { judgeTrace, matchesExpected } from '../alttrain/judge.ts';
import { recogniseTrace } from '../alttrain/recognise.ts';
import type { EvaluationReport, SuiteResult, TrainEvent } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import { withSystemPrompt } from '../data/system-prompt.ts';
import type { Assets } from '../host/host.ts';
import type { Adapter } from '../model/adapter.ts';
import type { LoadedModel } from '../model/load-model.ts';
import type { RunControl } from './run-control.ts';
import { Responder } from './traces.ts';

export interface SuitePrompt {
  readonly prompt: string;
  readonly expected?: string;
}
export interface Suite {
  readonly id: string;
  readonly title: string;
  readonly kind: 'harmful' | 'benign' | 'accuracy';
  readonly prompts: readonly SuitePrompt[];
}

/** Reads public/datasets/demo-suites.json. @throws TrainerError "dataset-unreadable" */
function parseSuites(text: string): Suite[] {
  const value = JSON.parse(text) as { readonly suites?: readonly Suite[] };
  if (!Array.isArray(value.suites))
    throw new TrainerError('dataset-unreadable', 'The evaluation suites have no "suites" list.');
  return value.suites as Suite[];
}

/** At most `count` prompts, spread evenly over the suite so that every group is met. */
function thin<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)]);
}

type Asking = Pick<RunConfig, 'maxNewTokens' | 'systemPrompt'>;

async function evaluateSuites(
  model: LoadedModel,
  responder: Responder,
  suites: readonly Suite[],
  useAdapter: boolean,
  { maxNewTokens, systemPrompt }: Asking,
  control: RunControl,
  nowMs: () => number,
  onProgress: (done: number, total: number) => void,
): Promise<EvaluationReport> {
  const started = nowMs();
  const total = suites.reduce((n, suite) => n + suite.prompts.length, 0);
  const results: SuiteResult[] = [];
  let done = 0;
  let newTokens = 0;
  for (const { id, title, kind, prompts } of suites) {
    if (control.isStopped) throw new TrainerError('cancelled', 'The evaluation was stopped.');
    const settings = { maxNewTokens, temperature: 0, seed: 0 };
    const answers = await responder.answer(
      prompts.map(({ prompt }) => withSystemPrompt(prompt, systemPrompt)),
      settings,
      useAdapter,
      (n) => onProgress(done + n, total),
    );
    done += prompts.length;
    newTokens += answers.reduce((n, ids) => n + ids.length, 0);
    const texts = answers.map((ids) => model.tokenizer.decode(ids, { skipSpecialTokens: true }));
    const judged = texts.map((text) => judgeTrace(text, model.tokenizer.thinkPrefilled));
    const stated = texts.map((text) => recogniseTrace(text).verdict.kind);
    const shareOf = (kind: 'harmful' | 'benign'): number =>
      stated.filter((found) => found === kind).length / prompts.length;
    const refused = judged.filter((verdict) => verdict.refused).length;
    const correct = judged.filter((verdict, i) =>
      matchesExpected(verdict.answer, prompts[i]?.expected ?? ''),
    ).length;
    results.push({
      id,
      title,
      kind,
      n: prompts.length,
      refusedRate: refused / prompts.length,
      correctRate: kind === 'accuracy' ? correct / prompts.length : null,
      statedRates: { harmful: shareOf('harmful'), benign: shareOf('benign') },
    });
  }
  return { suites: results, newTokens, seconds: (nowMs() - started) / 1000 };
}

/** All prompts of the embedded suites; none where the page comes without them. */
export async function builtinSuites(assets: Assets): Promise<readonly Suite[]> {
  const blob = await assets.blob('datasets/demo-suites.json');
  return blob === null ? [] : parseSuites(await blob.text());
}

const batchSize = 64;

/** Suites exist for the embedded demo only; null for other models, or where the settings ask for none. */
export async function suitesFor(
  model: LoadedModel,
  config: RunConfig,
  assets: Assets,
): Promise<Suite[] | null> {
  if (model.name !== 'demo' || config.suitePrompts === 0) return null;
  const suites = await builtinSuites(assets);
  return suites.length === 0
    ? null
    : suites.map((suite) => ({ ...suite, prompts: thin(suite.prompts, config.suitePrompts) }));
}

type EvaluationEvent = Extract<TrainEvent, { kind: 'phase' | 'progress' | 'evaluation' }>;

/** The adapter first, then the base; stopping in between is no failure, since the adapter is finished. */
export async function evaluateBoth(
  model: LoadedModel,
  adapter: Adapter,
  suites: readonly Suite[],
  config: Asking,
  control: RunControl,
  nowMs: () => number,
  onEvent: (event: EvaluationEvent) => void,
): Promise<void> {
  const prompts = suites.flatMap((suite) =>
    suite.prompts.map(({ prompt }) => withSystemPrompt(prompt, config.systemPrompt)),
  );
  const responder = await Responder.create(model, adapter, prompts, batchSize, config.maxNewTokens);
  try {
    for (const which of ['after', 'before'] as const) {
      const note = which === 'after' ? 'Evaluating the adapter' : 'Evaluating the base';
      onEvent({ kind: 'phase', phase: 'evaluating', note });
      const onProgress = (done: number, total: number): void =>
        onEvent({ kind: 'progress', done, total, note });
      const useAdapter = which === 'after';
      const report = await evaluateSuites(
        model,
        responder,
        suites,
        useAdapter,
        config,
        control,
        nowMs,
        onProgress,
      );
      onEvent({ kind: 'evaluation', which, report });
    }
  } catch (error) {
    if (!(error instanceof TrainerError && error.code === 'cancelled')) throw error;
  } finally {
    responder.dispose();
  }
}
