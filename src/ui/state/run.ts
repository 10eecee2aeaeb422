/** A training run as the page sees it: its phase, its numbers, its samples and results, and the adapter at its end. */
import { batch, computed, signal, type ReadonlySignal } from '@preact/signals';
import type {
  EvaluationReport,
  Phase,
  RunResult,
  SampleTrace,
  StepReport,
  TrainEvent,
  TrainerApi,
} from '../../api/trainer-api.ts';
import type { RunConfig } from '../../config/run-config.ts';
import type { Failures } from './failures.ts';
import { createLossHistory, type LossHistory } from './loss-history.ts';
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
  /** For the optimizer steps still to come; null before the first and after the last. */
  readonly remainingMs: ReadonlySignal<number | null>;
  readonly history: LossHistory;
  readonly sampleSets: ReadonlySignal<readonly SampleSet[]>;
  readonly before: ReadonlySignal<EvaluationReport | null>;
  readonly after: ReadonlySignal<EvaluationReport | null>;
  readonly result: ReadonlySignal<RunResult | null>;
  readonly canDownload: ReadonlySignal<boolean>;
  readonly isDownloading: ReadonlySignal<boolean>;
  /** There are trained steps that exist only in this tab. */
  readonly hasUnsavedAdapter: ReadonlySignal<boolean>;
  readonly start: (config: RunConfig) => Promise<void>;
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
  const sampleSets = signal<readonly SampleSet[]>([]);
  const before = signal<EvaluationReport | null>(null);
  const after = signal<EvaluationReport | null>(null);
  const result = signal<RunResult | null>(null);
  const downloadedStep = signal(0);
  const isDownloading = signal(false);
  const history = createLossHistory();
  const stopwatch = createStopwatch();

  let newest: StepReport | null = null;
  let averageStepMs = 0;
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
    batch(() => {
      phase.value = next;
      note.value = text;
      partProgress.value = null;
    });
    if (next === 'paused') pending.value = null;
    if (next === 'paused') stopwatch.stop();
    else if (isActive.peek()) stopwatch.start();
  }

  function onEvent(event: TrainEvent): void {
    if (!isActive.peek()) return; // a late message of a run that has already failed here
    switch (event.kind) {
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
      case 'progress':
        partProgress.value = { done: event.done, total: event.total, note: event.note };
        return;
      default:
        return event satisfies never;
    }
  }

  function reset(): void {
    newest = null;
    batch(() => {
      failures.clear('run');
      failures.clear('download');
      isActive.value = true;
      phase.value = 'preparing';
      note.value = '';
      pending.value = null;
      latest.value = null;
      partProgress.value = null;
      sampleSets.value = [];
      before.value = null;
      after.value = null;
      result.value = null;
      downloadedStep.value = 0;
      history.clear();
    });
    stopwatch.restart();
  }

  async function start(config: RunConfig): Promise<void> {
    if (isActive.peek()) return;
    reset();
    try {
      const finished = await client.startTraining({ config }, onEvent);
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

  async function download(save: (zip: Blob) => void): Promise<void> {
    if (isDownloading.peek()) return;
    isDownloading.value = true;
    failures.clear('download');
    try {
      const step = newest?.step ?? 0;
      save(await client.exportZip());
      downloadedStep.value = step;
    } catch (error) {
      failures.report('download', error);
    } finally {
      isDownloading.value = false;
    }
  }

  const remainingMs = computed(() => {
    if (!isActive.value || latest.value === null) return null;
    const stepsLeft = latest.value.totalSteps - latest.value.step;
    return stepsLeft === 0 ? null : stepsLeft * averageStepMs;
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
    sampleSets,
    before,
    after,
    result,
    canDownload: computed(() => isAtRest.value && latest.value !== null),
    isDownloading,
    hasUnsavedAdapter: computed(() => (latest.value?.step ?? 0) > downloadedStep.value),
    start,
    pause: () => control('pause', () => client.pause()),
    resume: () => control(null, () => client.resume()),
    stop: () => control('stop', () => client.stop()),
    download,
  };
}
