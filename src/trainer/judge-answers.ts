/** The loaded model as a judge of an evaluation's answers, batch after batch, each kept as it comes. */
import type { JudgeKind, JudgeQuestion, JudgeReply, StoredEvaluation } from '../api/evaluations.ts';
import { answersToJudge, judgeAnswers, reportsOf } from '../evaluation/judges/judge-answers.ts';
import { judgedConversation, MAX_VERDICT_TOKENS, modelJudge } from '../evaluation/judges/judge-model.ts';
import { judgePrompt, parseJudgeTemplate } from '../evaluation/judges/guard-prompts.ts';
import type { AnswerRecord } from '../evaluation/answers/store.ts';
import { toWire, TrainerError } from '../support/trainer-error.ts';
import { judgedEvaluation, modelIdOf, type EvaluationWatch } from './evaluations.ts';
import type { Model } from './model.ts';
import type { TokenPrompt } from './traces.ts';

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
    const given = records.filter((record) => record.kind === 'answer');
    const answers = answersToJudge(suites, given, records, judge);
    const reports = reportsOf(judge);
    const others = (evaluation.judgedBy ?? []).filter((one) => reports.every((own) => own.id !== one.id));
    const judgedBy = [...others, ...reports];
    await log.append([], { judgedBy });
    const { thinkPrefilled } = evaluation.model;
    const judged = await judgeAnswers({
      judge,
      answers,
      ask: (batch) => askJudge(model, { kind: judge.kind, answers: batch, thinkPrefilled }),
      keep: (fresh) => log.append(fresh),
      signal: watch.signal,
      onProgress: (done, total, secondsLeft) =>
        watch.onProgress({ id, done, total, reused: 0, secondsLeft, note: 'Judging the answers' }),
      nowMs: model.engine.trainer.host.nowMs,
    });
    const all = { evaluation: { ...evaluation, judgedBy }, suites, records: [...records, ...judged] };
    await log.append([], { results: (await judgedEvaluation(all)).results });
    return { ...log.stored, isHeld: false };
  } finally {
    log.close();
  }
}

/** The model's replies to answers as a judge is shown them. */
export async function askJudge(
  model: Model,
  { kind, answers, thinkPrefilled }: JudgeQuestion,
): Promise<JudgeReply[]> {
  const rendered = answers.map((answer) => renderedFor(model, kind, answer, thinkPrefilled));
  const replies = await model.complete(
    rendered.filter((one) => typeof one !== 'string'),
    MAX_VERDICT_TOKENS,
  );
  return rendered.map((one): JudgeReply =>
    typeof one === 'string' ? { text: null, problem: one } : { text: replies.shift() ?? '', problem: null },
  );
}

/** As a sentence where the judge cannot be asked. */
function renderedFor(
  { loaded }: Model,
  kind: JudgeKind,
  answer: Pick<AnswerRecord, 'prompt' | 'text'>,
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
