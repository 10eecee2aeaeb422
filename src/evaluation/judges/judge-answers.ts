/** Answers shown to a judge model, batch after batch, each judged once and kept as it comes. Who has the model open gives `ask`. */
import type { AnswerRecord, JudgementRecord, JudgeReply, Suite } from '../../api/evaluations.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import type { StoredRecord } from '../answers/store.ts';
import { judgementsOf, notJudged, type ModelJudge } from './judge-model.ts';

/** Prompts of a judge are ten times as long as those of a suite. */
const answersPerBatch = 8;

export const reportsOf = ({ unsafe, refused }: ModelJudge) => [
  unsafe,
  ...(refused === null ? [] : [refused]),
];

/**
 * Of rows that are labelled harmful or benign, the answers that this judge has not seen.
 * @throws TrainerError "config-invalid" where no row has such a label
 */
export function answersToJudge(
  suites: readonly Suite[],
  answers: readonly AnswerRecord[],
  judgements: readonly StoredRecord[],
  { unsafe }: ModelJudge,
): AnswerRecord[] {
  const labelled = new Set(
    suites.flatMap(({ name, rows }) =>
      rows.filter(({ label }) => label !== null).map((row) => JSON.stringify([name, row.id])),
    ),
  );
  if (labelled.size === 0)
    throw new TrainerError(
      'config-invalid',
      'A judge model says what is harmful: this evaluation has no prompts that are labelled harmful or benign.',
    );
  const known = new Set(
    judgements.flatMap((one) => (one.kind === 'judgement' && one.judge === unsafe.id ? [one.key] : [])),
  );
  return answers.filter(({ key, suite, row, problem }) => {
    if (problem !== null || known.has(key) || !labelled.has(JSON.stringify([suite, row]))) return false;
    known.add(key); // base and adapter may share an answer
    return true;
  });
}

export interface Judging {
  readonly judge: ModelJudge;
  readonly answers: readonly AnswerRecord[];
  /** The judge's replies, in the order of the answers. */
  readonly ask: (batch: readonly AnswerRecord[]) => Promise<readonly JudgeReply[]>;
  readonly keep: (judged: readonly JudgementRecord[]) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, secondsLeft: number | null) => void;
  readonly nowMs: () => number;
}

/** @throws TrainerError "cancelled" where it was stopped: what is judged is kept */
export async function judgeAnswers({
  judge,
  answers,
  ask,
  keep,
  signal,
  onProgress,
  nowMs,
}: Judging): Promise<JudgementRecord[]> {
  const all: JudgementRecord[] = [];
  const started = nowMs();
  for (let done = 0; done < answers.length;) {
    const seconds = (nowMs() - started) / 1000;
    onProgress(done, answers.length, done === 0 ? null : (seconds / done) * (answers.length - done));
    if (signal.aborted)
      throw new TrainerError(
        'cancelled',
        `Stopped after ${done} of ${answers.length} answers; what was judged is kept.`,
      );
    const batch = answers.slice(done, done + answersPerBatch);
    const replies = await ask(batch);
    const judged = batch.flatMap(({ key }, i) => {
      const reply = replies[i];
      return reply.problem === null
        ? judgementsOf(judge, key, reply.text)
        : notJudged(judge, key, reply.problem);
    });
    await keep(judged);
    all.push(...judged);
    done += batch.length;
  }
  return all;
}
