/** What a run leaves behind: metrics, results and the files of the download. */
import { writePeftAdapter, type BaseModelName } from '../adapter/peft.ts';
import { modelCard } from '../adapter/model-card.ts';
import type { EvaluationReport, ExportedFile, RunResult, StepReport } from '../api/trainer-api.ts';
import type { RowCounts, StoredRecord } from '../api/stored-runs.ts';
import { toRawRunConfig, type RunConfig } from '../config/run-config.ts';
import { toModules, type AdapterPlan } from '../model/adapter.ts';
import type { Split } from './held-out.ts';
import { emptyWindow, RunMetrics, type MetricsWindow } from './run-metrics.ts';

/** What a run has counted up to a step; its checkpoints keep it, so that a resumed run reports the whole. */
export interface RunProgress {
  readonly lossFirst: number | null;
  readonly lossLast: number | null;
  readonly targetTokens: number;
  readonly tokens: number;
  readonly trainMs: number;
  readonly window: MetricsWindow;
  readonly before: EvaluationReport | null;
  readonly after: EvaluationReport | null;
}

const nothingYet: RunProgress = {
  lossFirst: null,
  lossLast: null,
  targetTokens: 0,
  tokens: 0,
  trainMs: 0,
  window: emptyWindow,
  before: null,
  after: null,
};

/** How far a run is, and what was told of it up to there (nothing where that was not kept). */
interface RunPosition {
  readonly step: number;
  readonly progress: RunProgress | null;
  readonly records: readonly StoredRecord[];
}

export function rowCounts({ train, trainRows, evaluationRows }: Split): RowCounts {
  return { rows: trainRows + evaluationRows, trainRows, evaluationRows, examples: train.length };
}

/** Grows while the run goes on; plain data, so it outlives the device. */
export class RunRecord {
  readonly config: RunConfig;
  readonly model: string;
  readonly base: BaseModelName;
  readonly dataset: string;
  readonly metrics: RunMetrics;
  readonly #counts: RowCounts;
  readonly #device: string;
  #progress: RunProgress;
  #step: number;
  gpuBytesPeak = 0;

  constructor(
    config: RunConfig,
    {
      model,
      base,
      dataset,
    }: { readonly model: string; readonly base: BaseModelName; readonly dataset: string },
    counts: RowCounts,
    device: string,
    { step, progress, records }: RunPosition,
  ) {
    this.config = config;
    this.model = model;
    this.base = base;
    this.dataset = dataset;
    this.#counts = counts;
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

  addStep(report: StepReport): void {
    const { lossFirst, targetTokens, tokens, trainMs } = this.#progress;
    this.#step = report.step;
    this.#progress = {
      ...this.#progress,
      lossFirst: lossFirst ?? report.loss,
      lossLast: report.loss,
      targetTokens: targetTokens + report.targetTokens,
      tokens: tokens + report.tokens,
      trainMs: trainMs + report.stepMs,
    };
    this.metrics.addStep(report);
  }

  addEvaluation(which: 'before' | 'after', report: EvaluationReport): void {
    this.#progress = { ...this.#progress, [which]: report };
  }

  result(finished: boolean, alreadyFinished = false): RunResult {
    const { lossFirst, lossLast, targetTokens, tokens, trainMs, before, after } = this.#progress;
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
    };
  }
}

/** The download: PEFT adapter, model card, metrics and settings. `values`: the flat adapter. */
export function exportFiles(
  record: RunRecord,
  plan: AdapterPlan,
  values: Float32Array,
  finished: boolean,
): ExportedFile[] {
  const { config, model, base, dataset } = record;
  const { config: adapterConfig, weights } = writePeftAdapter(toModules(plan, config, values), config, base);
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  return [
    { name: 'adapter_model.safetensors', bytes: weights },
    { name: 'adapter_config.json', bytes: adapterConfig },
    {
      name: 'README.md',
      bytes: text(modelCard({ config, model, base, dataset, result: record.result(finished) })),
    },
    { name: 'metrics.jsonl', bytes: text(record.metrics.text()) },
    { name: 'run_config.json', bytes: text(`${JSON.stringify(toRawRunConfig(config), null, 2)}\n`) },
  ];
}
