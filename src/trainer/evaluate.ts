/**
 * Tasks answered greedily by base and adapter, and their scores. The base is the same model with the adapter switched off,
 * so "before" can be measured after the run.
 */
import type { EvaluationReport, SuiteResult, TrainEvent } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import { withSystemPrompt } from '../data/system-prompt.ts';
import { meanScores, type Scores, type Task } from '../evaluation/task.ts';
import type { Adapter } from '../model/adapter.ts';
import type { LoadedModel } from '../model/load-model.ts';
import type { RunControl } from './run-control.ts';
import { Responder } from './traces.ts';

const batchSize = 64;

type EvaluationEvent = Extract<TrainEvent, { kind: 'phase' | 'progress' | 'evaluation' }>;

interface Evaluation {
  readonly model: LoadedModel;
  readonly responder: Responder;
  readonly tasks: readonly Task[];
  readonly config: Pick<RunConfig, 'maxNewTokens' | 'systemPrompt'>;
  readonly control: RunControl;
  readonly nowMs: () => number;
}

/** The adapter first, then the base; stopping in between is no failure, since the adapter is finished. */
export async function evaluateBoth(
  { adapter, ...given }: Omit<Evaluation, 'responder'> & { readonly adapter: Adapter },
  onEvent: (event: EvaluationEvent) => void,
): Promise<void> {
  const { model, tasks, config } = given;
  const prompts = tasks.flatMap((task) =>
    task.prompts.map(({ prompt }) => withSystemPrompt(prompt, config.systemPrompt)),
  );
  const responder = await Responder.create(model, adapter, prompts, batchSize, config.maxNewTokens);
  try {
    for (const which of ['after', 'before'] as const) {
      const note = which === 'after' ? 'Evaluating the adapter' : 'Evaluating the base';
      onEvent({ kind: 'phase', phase: 'evaluating', note });
      const report = await evaluate({ ...given, responder }, which === 'after', (done, total) =>
        onEvent({ kind: 'progress', done, total, note }),
      );
      onEvent({ kind: 'evaluation', which, report });
    }
  } catch (error) {
    if (!(error instanceof TrainerError && error.code === 'cancelled')) throw error;
  } finally {
    responder.dispose();
  }
}

async function evaluate(
  { model, responder, tasks, config, control, nowMs }: Evaluation,
  useAdapter: boolean,
  onProgress: (done: number, total: number) => void,
): Promise<EvaluationReport> {
  const started = nowMs();
  const total = tasks.reduce((n, task) => n + task.prompts.length, 0);
  const results: SuiteResult[] = [];
  let done = 0;
  let newTokens = 0;
  for (const task of tasks) {
    if (control.isStopped) throw new TrainerError('cancelled', 'The evaluation was stopped.');
    const answers = await responder.answer(
      task.prompts.map(({ prompt }) => withSystemPrompt(prompt, config.systemPrompt)),
      { maxNewTokens: config.maxNewTokens, temperature: 0, seed: 0 },
      useAdapter,
      (n) => onProgress(done + n, total),
    );
    done += task.prompts.length;
    newTokens += answers.reduce((n, ids) => n + ids.length, 0);
    const texts = answers.map((ids) => model.tokenizer.decode(ids, { skipSpecialTokens: true }));
    results.push(resultOf(task, meanScores(texts.map((text, i) => task.score(text, task.prompts[i])))));
  }
  return { suites: results, newTokens, seconds: (nowMs() - started) / 1000 };
}

/** The rates that page and model card show have fields of their own; all scores stand by name. */
function resultOf({ id, title, kind, prompts }: Task, scores: Scores): SuiteResult {
  const { refused = 0, correct, states_harmful: harmful, states_benign: benign } = scores;
  return {
    id,
    title,
    kind,
    n: prompts.length,
    scores,
    refusedRate: refused,
    correctRate: correct ?? null,
    ...(harmful !== undefined && benign !== undefined && { statedRates: { harmful, benign } }),
  };
}
