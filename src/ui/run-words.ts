/** What a run will do, in a sentence, and how far it is in all its phases. */
import type { RunForecast } from '../api/trainer-api.ts';
import { roughTime } from '../support/rough-time.ts';
import { formatBytes, formatCountOf } from './format.ts';

interface Plan extends Pick<RunForecast, 'totalSteps' | 'stepsPerEpoch' | 'time' | 'questions'> {
  readonly rows: number; // that can be trained on
}

/** "126 steps over 1,000 rows, about 4 min; then 800 questions are answered twice, by base and adapter." */
export function planSentence({ totalSteps, stepsPerEpoch, time, questions, rows }: Plan): string {
  const epochs = totalSteps / stepsPerEpoch;
  const share =
    epochs < 1
      ? `a part of ${formatCountOf(rows, 'row')}`
      : `${formatCountOf(rows, 'row')}${epochs >= 1.5 ? `, each seen about ${Math.round(epochs)} times` : ''}`;
  const training = `${formatCountOf(totalSteps, 'step')} over ${share}, about ${roughTime(time.seconds)}`;
  if (questions === 0) return `${training}.`;
  return `${training}; then ${formatCountOf(questions, 'question')} ${questions === 1 ? 'is' : 'are'} answered twice, by base and adapter.`;
}

export function needsSentence({
  memory,
  storage,
}: {
  readonly memory: { readonly plan: { readonly total: number }; readonly available: number | null };
  readonly storage: Pick<RunForecast['storage'], 'neededBytes' | 'refusal'>;
}): string {
  const gpu = `${formatBytes(memory.plan.total)} of GPU memory`;
  return storage.refusal === null
    ? `It takes ${gpu} and up to ${formatBytes(storage.neededBytes)} of disk.`
    : `It takes ${gpu}.`;
}

export interface PhaseBar {
  readonly name: 'prepare' | 'train' | 'evaluate';
  readonly share: number; // of it that is done, 0..1
}

interface Standing {
  readonly phase: string;
  readonly step: number;
  readonly totalSteps: number;
  readonly part: { readonly done: number; readonly total: number } | null;
  readonly hasResults: boolean;
}

/** One after the other; what is done stays full. */
export function phaseBars({ phase, step, totalSteps, part, hasResults }: Standing): PhaseBar[] {
  const hasBegun = step > 0 || phase === 'training';
  const trained = totalSteps === 0 ? 0 : step / totalSteps;
  const partShare = part === null ? 0 : part.done / Math.max(1, part.total);
  return [
    { name: 'prepare', share: hasBegun ? 1 : ['preparing', 'loading'].includes(phase) ? partShare : 0 },
    { name: 'train', share: trained },
    { name: 'evaluate', share: hasResults ? 1 : phase === 'evaluating' && trained > 0 ? partShare : 0 },
  ];
}

interface Pace {
  readonly stepsLeft: number;
  readonly stepMs: number;
  /** Of the part that is under way: sampling, evaluating. */
  readonly part: { readonly done: number; readonly total: number; readonly elapsedMs: number } | null;
  /** How long traces took on average, and how often they will be taken again. */
  readonly samplingMs: number;
  readonly samplingsLeft: number;
  /** What the suites took before the run, where they are still to be asked after it. */
  readonly evaluationMs: number;
}

/** null: nothing is left, or nothing is known of it yet. */
export function timeLeft(pace: Pace): number | null {
  const { stepsLeft, stepMs, part, samplingMs, samplingsLeft, evaluationMs } = pace;
  const ofPart =
    part === null || part.done === 0 ? 0 : (part.elapsedMs * (part.total - part.done)) / part.done;
  const all = stepsLeft * stepMs + ofPart + samplingsLeft * samplingMs + evaluationMs;
  return all > 0 ? all : null;
}
