/** A training run as the page sees it: its phase, its numbers, its samples and results, and the adapter at its end. */
import { batch, computed, signal, type ReadonlySignal } from '@preact/signals';
import type {
  EvaluationReport,
  Phase,
  RunResult,
  RunWarningCode,
  SampleTrace,
  StepReport,
  TrainEvent,
  TrainerApi,
  TrainingRequest,
} from '../../api/trainer-api.ts';
import type { StoredRun, StoredRunContent } from '../../api/stored-runs.ts';
import type { RunConfig } from '../../config/run-config.ts';
import type { Failures } from './failures.ts';
import { createLossHistory, type LossHistory } from './loss-history.ts';
import { divergenceBound, jumpBound } from '../../support/loss-bounds.ts';
import { timeLeft } from '../run-words.ts';
import { createStopwatch } from './stopwatch.ts';

const STEP_SMOOTHING = 0.9;
const PUBLISH_MS = 100; // a fast GPU does hundreds of steps a second: the page is told ten times

export interface SampleSet {
  readonly step: number;
  readonly samples: readonly SampleTrace[];
}

export interface RunProgress {
  readonly done: number;
  readonly total: number;
  readonly note: string;
}

/** What a run was warned of: how often, and the latest in words. */
export interface RunWarning {
  readonly code: RunWarningCode;
  readonly step: number;
  readonly message: string;
  readonly count: number;
}

export interface Run {
  readonly phase: ReadonlySignal<Phase>;
  readonly note: ReadonlySignal<string>;
  /** From the start until the run has ended, pauses included. */
  readonly isActive: ReadonlySignal<boolean>;
  /** Asked for, and honoured after the step that is under way. */
  readonly pending: ReadonlySignal<'pause' | 'stop' | null>;
  readonly latest: ReadonlySignal<StepReport | null>;
  /** Of a part with its own count: sampling, evaluating. */
  readonly partProgress: ReadonlySignal<RunProgress | null>;
  readonly elapsedMs: ReadonlySignal<number>;
  /** For the steps and traces still to come and for the answers under way; null where nothing is known of them. */
  readonly remainingMs: ReadonlySignal<number | null>;
  readonly history: LossHistory;
  /** One of each kind, in the order of their first. */
  readonly warnings: ReadonlySignal<readonly RunWarning[]>;
  /** It was found to diverge, and its loss has not come down again. */
  readonly isDiverging: ReadonlySignal<boolean>;
  readonly sampleSets: ReadonlySignal<readonly SampleSet[]>;
  readonly before: ReadonlySignal<EvaluationReport | null>;
  readonly after: ReadonlySignal<EvaluationReport | null>;
  readonly result: ReadonlySignal<RunResult | null>;
  readonly canDownload: ReadonlySignal<boolean>;
  readonly isDownloading: ReadonlySignal<boolean>;
  /** What has been trained, or is shown, as its download. */
  readonly adapterZip: () => Promise<Blob>;
  /** There are trained steps that exist only in this tab. */
  readonly hasUnsavedAdapter: ReadonlySignal<boolean>;
  /** The stored run that is shown; null: none, or it is not kept. */
  readonly id: ReadonlySignal<string | null>;
  /** It is in the store, up to its newest step. */
  readonly isKept: ReadonlySignal<boolean>;
  /** Fresh, from an adapter, or on with a run of the store. */
  readonly start: (
    config: RunConfig,
    from?: Pick<TrainingRequest, 'runId' | 'initAdapter' | 'allowChanges'>,
  ) => Promise<void>;
  /** Draws a stored run as it was. Nothing while one is trained here. */
  readonly show: (content: StoredRunContent) => void;
  readonly pause: () => Promise<void>;
  readonly resume: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly download: (save: (zip: Blob) => void) => Promise<void>;
}

export function createRun(client: TrainerApi, failures: Failures): Run {
  const phase = signal<Phase>('idle');
  const note = signal('');
  const isActive = signal(false);
  const pending = signal<'pause' | 'stop' | null>(null);
  const latest = signal<StepReport | null>(null);
  const partProgress = signal<RunProgress | null>(null);
  const warnings = signal<readonly RunWarning[]>([]);
  const sampleSets = signal<readonly SampleSet[]>([]);
  const before = signal<EvaluationReport | null>(null);
  const after = signal<EvaluationReport | null>(null);
  const result = signal<RunResult | null>(null);
  const downloadedStep = signal(0);
  const isDownloading = signal(false);
  const id = signal<string | null>(null);
  let isShown = false; // a stored run that this worker has not trained
  const history = createLossHistory();
  const stopwatch = createStopwatch();

  let newest: StepReport | null = null;
  let averageStepMs = 0;
  let partBeganMs = 0;
  let samplings = 0; // that are over, and how long they took
  let samplingMs = 0;
  let sampleEvery = 0; // steps
  let publishTimer: ReturnType<typeof setTimeout> | null = null;

  function publish(): void {
    if (publishTimer !== null) clearTimeout(publishTimer);
    publishTimer = null;
    batch(() => {
      latest.value = newest;
      history.publish();
    });
  }

  function enter(next: Phase, text: string): void {
    publish();
    const now = performance.now();
    if (phase.peek() === 'sampling') {
      samplings++;
      samplingMs += now - partBeganMs;
    }
    partBeganMs = now;
    batch(() => {
      phase.value = next;
      note.value = text;
      partProgress.value = null;
    });
    if (next === 'paused') pending.value = null;
    if (next === 'paused') stopwatch.stop();
    else if (isActive.peek()) stopwatch.start();
  }

  /** What came after `step` is told anew. */
  function goBackTo(step: number): void {
    history.cutAfter(step);
    sampleSets.value = sampleSets.peek().filter((set) => set.step <= step);
    publish();
  }

  function onEvent(event: TrainEvent): void {
    if (!isActive.peek()) return; // a late message of a run that has already failed here
    switch (event.kind) {
      case 'run':
        id.value = event.id;
        return goBackTo(event.step);
      case 'phase':
        return enter(event.phase, event.note);
      case 'step':
        averageStepMs =
          newest === null
            ? event.report.stepMs
            : STEP_SMOOTHING * averageStepMs + (1 - STEP_SMOOTHING) * event.report.stepMs;
        newest = event.report;
        history.add(event.report);
        publishTimer ??= setTimeout(publish, PUBLISH_MS);
        return;
      case 'eval-loss':
        history.addEvalLoss(event.step, event.loss);
        publishTimer ??= setTimeout(publish, PUBLISH_MS);
        return;
      case 'metrics':
        return; // the chart has every step
      case 'samples':
        sampleSets.value = [...sampleSets.peek(), { step: event.step, samples: event.samples }];
        return;
      case 'evaluation':
        (event.which === 'before' ? before : after).value = event.report;
        return;
      case 'warning':
        warnings.value = withWarning(warnings.peek(), event);
        return;
      case 'progress':
        partProgress.value = { done: event.done, total: event.total, note: event.note };
        return;
      default:
        return event satisfies never;
    }
  }

  /** The run that is drawn goes on. */
  function resetForMore(): void {
    batch(() => {
      failures.clear('run');
      failures.clear('download');
      isActive.value = true;
      phase.value = 'preparing';
      note.value = '';
      pending.value = null;
      partProgress.value = null;
      warnings.value = [];
      result.value = null;
    });
    stopwatch.restart();
  }

  function reset(): void {
    newest = null;
    batch(() => {
      id.value = null;
      latest.value = null;
      sampleSets.value = [];
      before.value = null;
      after.value = null;
      downloadedStep.value = 0;
      history.clear();
      resetForMore();
    });
  }

  function show({ run, records }: StoredRunContent): void {
    if (isActive.peek()) return;
    reset();
    stopwatch.stop();
    for (const record of records) onEvent(record);
    batch(() => {
      isActive.value = false;
      isShown = true;
      id.value = run.id;
      before.value = run.before;
      after.value = run.after;
      result.value = run.result;
      downloadedStep.value = newest?.step ?? 0; // it is kept: nothing of it is lost
    });
    enter(phaseOf(run), '');
  }

  async function start(
    config: RunConfig,
    from: Pick<TrainingRequest, 'runId' | 'initAdapter' | 'allowChanges'> = {},
  ): Promise<void> {
    if (isActive.peek()) return;
    if (from.runId === undefined || from.runId !== id.peek()) reset();
    else resetForMore();
    isShown = false;
    samplings = 0;
    samplingMs = 0;
    sampleEvery = config.samplePrompts.length === 0 ? 0 : config.sampleSteps;
    try {
      const finished = await client.startTraining({ config, ...from }, onEvent);
      batch(() => {
        result.value = finished;
        before.value = finished.before ?? before.value;
        after.value = finished.after ?? after.value;
      });
      enter(finished.finished ? 'done' : 'stopped', '');
    } catch (error) {
      failures.report('run', error);
      enter('failed', '');
    } finally {
      isActive.value = false;
      pending.value = null;
      stopwatch.stop();
    }
  }

  /** Controls fail into the run's alert: a "Pause" that did nothing must not look like one that worked. */
  async function control(wish: 'pause' | 'stop' | null, call: () => Promise<void>): Promise<void> {
    pending.value = wish;
    try {
      await call();
    } catch (error) {
      pending.value = null;
      failures.report('run', error);
    }
  }

  function adapterZip(): Promise<Blob> {
    const stored = isShown ? id.peek() : null;
    return stored === null ? client.exportZip() : client.exportStoredRun(stored);
  }

  async function download(save: (zip: Blob) => void): Promise<void> {
    if (isDownloading.peek()) return;
    isDownloading.value = true;
    failures.clear('download');
    try {
      const step = newest?.step ?? 0;
      save(await adapterZip());
      downloadedStep.value = step;
    } catch (error) {
      failures.report('download', error);
    } finally {
      isDownloading.value = false;
    }
  }

  const remainingMs = computed(() => {
    if (!isActive.value || latest.value === null) return null;
    const { step, totalSteps } = latest.value;
    const part = partProgress.value;
    return timeLeft({
      stepsLeft: totalSteps - step,
      stepMs: averageStepMs,
      part: part === null ? null : { ...part, elapsedMs: performance.now() - partBeganMs },
      samplingMs: samplings === 0 ? 0 : samplingMs / samplings,
      samplingsLeft:
        sampleEvery === 0 ? 0 : Math.floor(totalSteps / sampleEvery) - Math.floor(step / sampleEvery),
      evaluationMs:
        phase.value === 'evaluating' || after.value !== null ? 0 : 1000 * (before.value?.seconds ?? 0),
    });
  });
  const isAtRest = computed(() => !isActive.value || phase.value === 'paused');
  return {
    phase,
    note,
    isActive,
    pending,
    latest,
    partProgress,
    elapsedMs: stopwatch.elapsedMs,
    remainingMs,
    history,
    warnings,
    isDiverging: computed(() => {
      const wasFound = warnings.value.some(({ code }) => code === 'loss-diverging');
      const rise = riseOf(history.columns.value.raw);
      return rise.by > (wasFound ? 0 : rise.bound);
    }),
    sampleSets,
    before,
    after,
    result,
    canDownload: computed(() => isAtRest.value && latest.value !== null),
    isDownloading,
    adapterZip,
    hasUnsavedAdapter: computed(() => (latest.value?.step ?? 0) > downloadedStep.value),
    id,
    isKept: computed(() => id.value !== null && !warnings.value.some(({ code }) => code === 'not-kept')),
    start,
    show,
    pause: () => control('pause', () => client.pause()),
    resume: () => control(null, () => client.resume()),
    stop: () => control('stop', () => client.stop()),
    download,
  };
}

const comparedSteps = 3; // as the watch of the trainer begins

/** By how much the mean loss of the last steps is above that of the first; beyond the bound even a short run is ruined. */
function riseOf(losses: readonly (number | null)[]): { readonly by: number; readonly bound: number } {
  const taken = losses.filter((loss) => loss !== null);
  const mean = (part: readonly number[]): number =>
    part.reduce((sum, loss) => sum + loss, 0) / Math.max(1, part.length);
  const first = taken.slice(0, comparedSteps);
  const jump = first.findIndex((loss, i) => i > 0 && loss > jumpBound(mean(first.slice(0, i))));
  const start = mean(jump === -1 ? first : first.slice(0, jump));
  const end = mean(taken.slice(-comparedSteps));
  return {
    by: taken.length <= comparedSteps ? 0 : end - start,
    bound: divergenceBound(start) - start,
  };
}

/** What a stored run was last seen doing. */
function phaseOf({ state, isHeld }: StoredRun): Phase {
  if (state === 'running') return isHeld ? 'training' : 'stopped';
  return state === 'finished' ? 'done' : state;
}

/** What a warning says is over where the other is told. */
const opposites: Partial<Record<RunWarningCode, RunWarningCode>> = {
  'not-kept': 'kept-again',
  'kept-again': 'not-kept',
};

function withWarning(
  all: readonly RunWarning[],
  { code, step, message }: Omit<RunWarning, 'count'>,
): readonly RunWarning[] {
  const warnings = all.filter((warning) => warning.code !== opposites[code]);
  const count = 1 + (warnings.find((warning) => warning.code === code)?.count ?? 0);
  const latest = { code, step, message, count };
  return count === 1
    ? [...warnings, latest]
    : warnings.map((warning) => (warning.code === code ? latest : warning));
}
