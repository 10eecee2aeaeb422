/** `--judge`: a model that judges the answers of an evaluation, in the place of the model that wrote them. */
import type { Answers } from '../../src/evaluation/answers/evaluate.ts';
import type { AnswerStore } from '../../src/evaluation/answers/store.ts';
import {
  judgeModels,
  parseJudgeTemplate,
  type JudgeKind,
} from '../../src/evaluation/judges/guard-prompts.ts';
import { answersToJudge, judgeAnswers } from '../../src/evaluation/judges/judge-answers.ts';
import { modelJudge, type ModelJudge } from '../../src/evaluation/judges/judge-model.ts';
import type { ServedModel } from '../../src/headless/commands.ts';
import { roughTime } from '../../src/support/rough-time.ts';
import { fromWire, TrainerError } from '../../src/support/trainer-error.ts';
import type { JudgeOptions } from './evaluate-args.ts';
import { RunFailure } from './exit.ts';
import { modelIdOf } from './file-identity.ts';
import { isFile, readJson } from './files.ts';
import { modelInput, reasonOf, type HubAccess, type Input } from './inputs.ts';
import type { ProgressView } from './progress.ts';
import type { Session } from './session.ts';

export interface OpenedJudge {
  readonly judge: ModelJudge;
  readonly input: Input<ServedModel>;
  readonly quantization: JudgeOptions['quantization'];
}

/** Before anything starts. @throws TrainerError "config-invalid", "model-file-missing" */
export async function judgeInput(
  options: JudgeOptions,
  answeringId: string,
  hub: HubAccess,
): Promise<OpenedJudge> {
  const kind = kindOf(options.template);
  const input = modelInput(options.model, hub, 'local/judge');
  const id = modelIdOf(options);
  if (id === answeringId)
    throw new TrainerError(
      'config-invalid',
      `--judge ${options.model} is the model that answers. A model does not judge itself.`,
    );
  const judge = await modelJudge(kind, { name: options.model, id });
  return { judge, input, quantization: options.quantization };
}

function kindOf(template: string): JudgeKind {
  const published = judgeModels.find((name) => name === template);
  if (published !== undefined) return published;
  if (!isFile(template))
    throw new TrainerError(
      'config-invalid',
      `--judge-template ${template} is neither ${judgeModels.join(', ')} nor a file.`,
    );
  try {
    return parseJudgeTemplate(readJson(template));
  } catch (error) {
    if (error instanceof TrainerError) throw error;
    throw new TrainerError(
      'config-invalid',
      `--judge-template ${template} cannot be read: ${reasonOf(error)}.`,
    );
  }
}

/** The answers with the judge's verdicts, which are in the store as they come. Opens the judge's model only where one is missing. */
export async function judgedBy(
  { judge, input, quantization }: OpenedJudge,
  answers: Answers,
  run: {
    readonly session: Session;
    readonly store: AnswerStore;
    readonly view: ProgressView;
    readonly signal: AbortSignal;
  },
): Promise<Answers> {
  const { session, store, view, signal } = run;
  const missing = answersToJudge(answers.plan.suites, answers.answers, answers.judgements, judge);
  if (missing.length === 0) return answers;
  const opened = await session.open({ model: input.served, quantization, adapter: null });
  if (!opened.ok) throw new RunFailure(opened.error, false);
  const judged = await judgeAnswers({
    judge,
    answers: missing,
    async ask(batch) {
      const shown = batch.map(({ prompt, text }) => ({ prompt, text }));
      const { thinkPrefilled } = answers;
      const outcome = await session.askJudge({ kind: judge.kind, answers: shown, thinkPrefilled });
      if (!outcome.ok) throw fromWire(outcome.error);
      return outcome.value;
    },
    keep: (fresh) => store.append(fresh),
    signal,
    onProgress: (done, total, secondsLeft) => {
      const left = secondsLeft === null ? '' : `, about ${roughTime(secondsLeft)} left`;
      view.show({ kind: 'progress', done, total, note: `Judging the answers${left}` });
    },
    nowMs: () => performance.now(),
  });
  view.end();
  return { ...answers, judgements: [...answers.judgements, ...judged] };
}
