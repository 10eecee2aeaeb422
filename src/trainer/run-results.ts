/** What a run leaves behind: metrics, results and the files of the download. */
import { modelCard } from '../adapter/model-card.ts';
import { byPlace } from '../adapter/one-size.ts';
import { writePeftAdapter, type BaseModelName } from '../adapter/peft.ts';
import type { ExportedFile } from '../api/exports.ts';
import type { EvaluationReport, RunResult, StepReport, TrainEvent } from '../api/trainer-api.ts';
import type { RowCounts, StoredRecord } from '../api/stored-runs.ts';
import { toRawRunConfig, type RunConfig } from '../config/run-config.ts';
import type { TrainedAdapter } from '../exporters/subject.ts';
import { toModules, type AdapterPlan } from '../model/adapter.ts';
import { afterEvaluation, earlyStopSentence, isExhausted } from './held-out-progress.ts';
import { afterLoss, divergenceSentence } from './loss-watch.ts';
import { RunMetrics } from './run-metrics.ts';
import type { RowPlan } from './row-plan.ts';
import { nothingYet, type RunProgress } from './run-progress.ts';
import { skippedSentence } from './skipped-step.ts';

type RunWarning = Omit<Extract<TrainEvent, { readonly kind: 'warning' }>, 'kind'>;

/** How far a run is, and what was told of it up to there (nothing where that was not kept). */
interface RunPosition {
  readonly step: number;
  readonly progress: RunProgress | null;
  readonly records: readonly StoredRecord[];
}

export function rowCounts({ examples, split }: Pick<RowPlan, 'examples' | 'split'>): RowCounts {
  const { train, trainRows, evaluationRows } = split;
  const exampleTokens = train.reduce((sum, i) => sum + examples[i].tokens.length, 0);
  return {
    ...{ rows: trainRows + evaluationRows, trainRows, evaluationRows },
    ...{ examples: train.length, exampleTokens },
  };
}

/** Grows while the run goes on; plain data, so it outlives the device. */
export class RunRecord {
  readonly config: RunConfig;
  readonly model: string;
  readonly base: BaseModelName;
  readonly dataset: string;
  readonly metrics: RunMetrics;
  readonly #counts: RowCounts;
  readonly #totalSteps: number;
  readonly #device: string;
  #progress: RunProgress;
  #step: number;
  gpuBytesPeak = 0;
  /** Files and results are of the adapter with the lowest held-out loss, not of the last. */
  isBestKept = false;

  constructor(
    config: RunConfig,
    {
      model,
      base,
      dataset,
    }: { readonly model: string; readonly base: BaseModelName; readonly dataset: string },
    counts: RowCounts & { readonly totalSteps: number },
    device: string,
    { step, progress, records }: RunPosition,
  ) {
    this.config = config;
    this.model = model;
    this.base = base;
    this.dataset = dataset;
    const { totalSteps, ...rows } = counts;
    this.#counts = rows;
    this.#totalSteps = totalSteps;
    this.#device = device;
    this.#step = step;
    this.#progress = progress ?? nothingYet;
    this.metrics = RunMetrics.after(records, config.loggingSteps, this.#progress.window);
  }

  get step(): number {
    return this.#step;
  }

  get progress(): RunProgress {
    return { ...this.#progress, window: this.metrics.window };
  }

  /** Gives what the user should be told of it. */
  addStep(report: StepReport): RunWarning | null {
    const { skipped } = report;
    this.#step = report.step;
    const { tokens, trainMs } = this.#progress;
    this.#progress = {
      ...this.#progress,
      tokens: tokens + report.tokens,
      trainMs: trainMs + report.stepMs,
      skipped: { total: skipped?.total ?? this.#progress.skipped.total, inARow: skipped?.inARow ?? 0 },
    };
    this.metrics.addStep(report);
    if (skipped === undefined) return this.#addLoss(report);
    const message = skippedSentence(skipped, this.config.maxConsecutiveSkippedSteps);
    return { code: 'step-skipped', step: report.step, message };
  }

  #addLoss({ step, loss, targetTokens }: StepReport): RunWarning | null {
    const { lossFirst, targetTokens: before } = this.#progress;
    const { watch, diverges } = afterLoss(this.#progress.watch, loss);
    this.#progress = {
      ...this.#progress,
      lossFirst: lossFirst ?? loss,
      lossLast: loss,
      targetTokens: before + targetTokens,
      watch,
    };
    if (!diverges) return null;
    this.metrics.addWarning(step, 'loss-diverging');
    return { code: 'loss-diverging', step, message: divergenceSentence(watch, loss) };
  }

  /** Gives whether no evaluation before had a loss as low. */
  addEvalLoss(step: number, evalLoss: number): boolean {
    const { heldOut } = this.#progress;
    const after = afterEvaluation(heldOut, { step, evalLoss }, this.config.earlyStoppingThreshold);
    this.#progress = { ...this.#progress, heldOut: after };
    this.metrics.addEvalLoss(step, evalLoss);
    return after.best !== heldOut.best;
  }

  /** The held-out loss falls no more, and the settings end a run then. */
  get isEarlyStopped(): boolean {
    return isExhausted(this.#progress.heldOut, this.config.earlyStoppingPatience);
  }

  /** All steps are done, or no more are to be taken. */
  get isAtItsEnd(): boolean {
    return this.#step >= this.#totalSteps || this.isEarlyStopped;
  }

  /** As a sentence; null: it has not ended early. */
  get earlyStop(): string | null {
    const totalSteps = this.#totalSteps;
    if (!this.isEarlyStopped || this.#step >= totalSteps) return null;
    const { earlyStoppingThreshold: threshold } = this.config;
    return earlyStopSentence(this.#progress.heldOut, { step: this.#step, totalSteps, threshold });
  }

  /** Of a run that was trained elsewhere: what its steps do not say themselves. */
  finishAt({
    step,
    seconds,
    tokens,
  }: {
    readonly step: number;
    readonly seconds: number;
    readonly tokens: number;
  }): void {
    this.#step = step;
    this.#progress = { ...this.#progress, tokens, trainMs: seconds * 1000 };
  }

  addEvaluation(which: 'before' | 'after', report: EvaluationReport): void {
    this.#progress = { ...this.#progress, [which]: report };
  }

  result(finished: boolean, alreadyFinished = false): RunResult {
    const { lossFirst, lossLast, targetTokens, tokens, trainMs, before, after } = this.#progress;
    const { skipped, heldOut } = this.#progress;
    return {
      ok: true,
      finished,
      alreadyFinished,
      model: this.model,
      dataset: this.dataset,
      ...this.#counts,
      steps: this.#step,
      lossFirst: lossFirst ?? 0,
      lossLast: lossLast ?? 0,
      targetTokens,
      seconds: trainMs / 1000,
      tokensPerSecond: trainMs === 0 ? 0 : (tokens / trainMs) * 1000,
      gpuBytesPeak: this.gpuBytesPeak,
      before,
      after,
      device: this.#device,
      skippedSteps: skipped.total,
      best: heldOut.best,
      isBestKept: this.isBestKept,
      earlyStop: this.earlyStop,
    };
  }
}

/** `values`: the flat adapter. */
export function trainedAdapter(
  record: RunRecord,
  plan: AdapterPlan,
  values: Float32Array,
  finished: boolean,
): TrainedAdapter {
  const { config, model, base, dataset } = record;
  const { r, loraAlpha, loraDropout, useRslora, targetModules } = config;
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    settings: { r, loraAlpha, loraDropout, useRslora, targetModules },
    modules: toModules(plan, config, values).sort(byPlace),
    base,
    records: new Map([
      ['README.md', bytes(modelCard({ config, model, base, dataset, result: record.result(finished) }))],
      ['metrics.jsonl', bytes(record.metrics.text())],
      ['run_config.json', bytes(`${JSON.stringify(toRawRunConfig(config), null, 2)}\n`)],
    ]),
  };
}

/** The download: PEFT adapter, model card, metrics and settings. */
export function adapterDownload({ settings, modules, base, records }: TrainedAdapter): ExportedFile[] {
  const { config, weights } = writePeftAdapter(modules, settings, base);
  return [
    { name: 'adapter_model.safetensors', bytes: weights },
    { name: 'adapter_config.json', bytes: config },
    ...[...records].map(([name, bytes]) => ({ name, bytes })),
  ];
}
