/** The loaded model as a judge of an evaluation's answers, batch after batch, each kept as it comes. */
import type { EvaluationProgress, JudgeKind, JudgementRecord, StoredEvaluation } from '../api/evaluations.ts';
import {
  judgedConversation,
  judgementsOf,
  MAX_VERDICT_TOKENS,
  modelJudge,
  notJudged,
  type ModelJudge,
} from '../evaluation/judges/judge-model.ts';
import { judgePrompt, parseJudgeTemplate } from '../evaluation/judges/guard-prompts.ts';
import type { AnswerRecord } from '../evaluation/answers/store.ts';
import type { KeptEvaluation } from '../runs/evaluation-store.ts';
import { toWire, TrainerError } from '../support/trainer-error.ts';
import { judgedEvaluation, modelIdOf, type EvaluationWatch } from './evaluations.ts';
import type { Model } from './model.ts';
import type { TokenPrompt } from './traces.ts';

/** Prompts of a judge are ten times as long as those of a suite. */
const promptsPerBatch = 8;

/** @throws TrainerError "not-ready", "config-invalid", "cancelled" where it was paused */
export async function judgeEvaluation(
  model: Model,
  id: string,
  kind: JudgeKind,
  watch: EvaluationWatch,
): Promise<StoredEvaluation> {
  const store = await model.engine.trainer.evaluations();
  const opened = await store.open(id);
  const { log, evaluation, suites, records } = opened;
  try {
    if (evaluation.results === null)
      throw new TrainerError('not-ready', 'Answers can be judged by a model when all of them are there.');
    const modelId = await modelIdOf(model);
    if (modelId === evaluation.model.id)
      throw new TrainerError(
        'not-ready',
        `“${model.loaded.name}” is the model that answered. Open the judge model in its place, then judge.`,
      );
    const judge = await modelJudge(typeof kind === 'string' ? kind : parseJudgeTemplate(kind), {
      name: model.loaded.name,
      id: modelId,
    });
    const answers = toBeJudged(opened, judge);
    if (answers.length === 0)
      throw new TrainerError(
        'config-invalid',
        'A judge model says what is harmful: this evaluation has no prompts that are labelled harmful or benign.',
      );
    const reports = [judge.unsafe, ...(judge.refused === null ? [] : [judge.refused])];
    const others = (evaluation.judgedBy ?? []).filter((one) => reports.every((own) => own.id !== one.id));
    const judgedBy = [...others, ...reports];
    await log.append([], { judgedBy });
    const judged = await judgeAll(model, judge, { ...opened, answers }, watch);
    const all = { evaluation: { ...evaluation, judgedBy }, suites, records: [...records, ...judged] };
    await log.append([], { results: (await judgedEvaluation(all)).results });
    return { ...log.stored, isHeld: false };
  } finally {
    log.close();
  }
}

/** Of labelled rows, all that were answered; those that this judge has seen are kept from before. */
function toBeJudged({ suites, records }: KeptEvaluation, { unsafe }: ModelJudge): AnswerRecord[] {
  const labelled = new Set(
    suites.flatMap(({ name, rows }) =>
      rows.filter(({ label }) => label !== null).map((row) => JSON.stringify([name, row.id])),
    ),
  );
  const known = new Set(
    records.flatMap((one) => (one.kind === 'judgement' && one.judge === unsafe.id ? [one.key] : [])),
  );
  const seen = new Set<string>(); // base and adapter may share an answer
  return records.flatMap((one) => {
    if (one.kind !== 'answer' || one.problem !== null) return [];
    const isAsked = labelled.has(JSON.stringify([one.suite, one.row])) && !known.has(one.key);
    if (!isAsked || seen.has(one.key)) return [];
    seen.add(one.key);
    return [one];
  });
}

async function judgeAll(
  model: Model,
  judge: ModelJudge,
  {
    log,
    evaluation,
    answers,
  }: Pick<Opened, 'log' | 'evaluation'> & { readonly answers: readonly AnswerRecord[] },
  { signal, onProgress }: EvaluationWatch,
): Promise<JudgementRecord[]> {
  const { nowMs } = model.engine.trainer.host;
  const all: JudgementRecord[] = [];
  const started = nowMs();
  for (let done = 0; done < answers.length;) {
    onProgress(progressOf(evaluation.id, done, answers.length, (nowMs() - started) / 1000));
    if (signal.aborted)
      throw new TrainerError(
        'cancelled',
        `Stopped after ${done} of ${answers.length} answers; what was judged is kept.`,
      );
    const batch = answers.slice(done, done + promptsPerBatch);
    const judged = await judgeBatch(model, judge, batch, evaluation.model.thinkPrefilled);
    await log.append(judged);
    all.push(...judged);
    done += batch.length;
  }
  return all;
}

type Opened = Awaited<ReturnType<Awaited<ReturnType<Model['engine']['trainer']['evaluations']>>['open']>>;

const progressOf = (id: string, done: number, total: number, seconds: number): EvaluationProgress => ({
  ...{ id, done, total, reused: 0, note: 'Judging the answers' },
  secondsLeft: done === 0 ? null : (seconds / done) * (total - done),
});

async function judgeBatch(
  model: Model,
  judge: ModelJudge,
  batch: readonly AnswerRecord[],
  thinkPrefilled: boolean,
): Promise<JudgementRecord[]> {
  const asked: { readonly key: string; readonly prompt: TokenPrompt }[] = [];
  const left: JudgementRecord[] = [];
  for (const answer of batch) {
    const prompt = renderedFor(model, judge, answer, thinkPrefilled);
    if (typeof prompt === 'string') left.push(...notJudged(judge, answer.key, prompt));
    else asked.push({ key: answer.key, prompt });
  }
  const replies = await model.complete(
    asked.map(({ prompt }) => prompt),
    MAX_VERDICT_TOKENS,
  );
  return [...left, ...asked.flatMap(({ key }, i) => judgementsOf(judge, key, replies[i]))];
}

/** As a sentence where the judge cannot be asked. */
function renderedFor(
  { loaded }: Model,
  { kind }: ModelJudge,
  answer: AnswerRecord,
  thinkPrefilled: boolean,
): TokenPrompt | string {
  try {
    const parts = judgePrompt(kind, judgedConversation(kind, answer, thinkPrefilled));
    const ids = loaded.tokenizer.encodeRendered(parts);
    const most = loaded.config.maxPositions - MAX_VERDICT_TOKENS;
    if (ids.length <= most) return { ids };
    return `The judge would have to read ${ids.length} tokens, and has room for ${most}.`;
  } catch (error) {
    return toWire(error).message;
  }
}
