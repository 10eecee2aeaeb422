/**
 * Rows of metrics.jsonl, under the names of transformers' log history. All that happens at one step is one row. With
 * `logging_steps` n the loss of a row, and what else an objective measures, is the mean of the steps since the row before, as in transformers' Trainer; learning rate and
 * gradient norm are those of the step itself. The last step has a row in any case, over the steps that are left.
 */
import type { StoredRecord } from '../api/stored-runs.ts';
import type { MetricsRow, RunWarningCode, SampleTrace, SkippedStep, StepReport } from '../api/trainer-api.ts';

/** Sums over the steps since the last row with a loss. */
export interface MetricsWindow {
  readonly steps: number;
  readonly lossSum: number;
  readonly targetTokens: number;
  readonly tokens: number;
  readonly ms: number;
  /** Sums of what the objective measures besides the loss, by name; absent where it measures nothing else. */
  readonly metrics?: Readonly<Record<string, number>>;
}

export const emptyWindow: MetricsWindow = { steps: 0, lossSum: 0, targetTokens: 0, tokens: 0, ms: 0 };

export class RunMetrics {
  readonly #loggingSteps: number;
  readonly #rows: MetricsRow[] = [];
  #open: Record<string, unknown> & { step: number } = { step: -1 };
  #latest: StepReport | null = null;
  /** Steps that no row covers yet. */
  window: MetricsWindow;
  /** Told of every row once nothing can join it any more. */
  onRow: (row: MetricsRow) => void = () => undefined;

  constructor(loggingSteps: number, window: MetricsWindow = emptyWindow) {
    this.#loggingSteps = loggingSteps;
    this.window = window;
  }

  /** With the rows of what was recorded before, and the sums of the steps that they do not cover. */
  static after(records: readonly StoredRecord[], loggingSteps: number, window: MetricsWindow): RunMetrics {
    const metrics = new RunMetrics(loggingSteps);
    for (const record of records) {
      if (record.kind === 'step') metrics.addStep(record.report);
      else if (record.kind === 'eval-loss') metrics.addEvalLoss(record.step, record.loss);
      else if (record.kind === 'samples') metrics.addSamples(record.step, record.samples);
      else metrics.addWarning(record.step, record.code);
    }
    if (window.steps === 0) metrics.endWindow(); // as it was, where the run ended within a window
    metrics.window = window;
    return metrics;
  }

  /** Of a skipped step there is a row in any case, and its numbers enter no mean. */
  addStep(report: StepReport): void {
    const { step, totalSteps, skipped } = report;
    this.#enter(step);
    if (skipped === undefined) this.#count(report);
    else this.#join(step, skippedRow(report, skipped));
    this.#latest = report;
    if (step % this.#loggingSteps === 0 || step === totalSteps) this.endWindow();
  }

  /** A row over the steps since the last one, at the latest: the run ends with it. */
  endWindow(): void {
    if (this.window.steps === 0 || this.#latest === null) return;
    this.#join(this.#latest.step, lossRow(this.#latest, this.window));
    this.window = emptyWindow;
  }

  #count({ loss, targetTokens, tokens, stepMs, ...report }: StepReport): void {
    const { steps, lossSum, ...before } = this.window;
    const metrics = { ...before.metrics };
    for (const [name, value] of Object.entries(report.metrics))
      if (name !== 'loss') metrics[name] = (metrics[name] ?? 0) + value;
    this.window = {
      steps: steps + 1,
      lossSum: lossSum + loss,
      targetTokens: before.targetTokens + targetTokens,
      tokens: before.tokens + tokens,
      ms: before.ms + stepMs,
      ...(Object.keys(metrics).length > 0 ? { metrics } : {}),
    };
  }

  addEvalLoss(step: number, loss: number): void {
    this.#join(step, { eval_loss: loss });
  }

  /** That a step was skipped is in its own row already. */
  addWarning(step: number, code: RunWarningCode): void {
    if (code !== 'step-skipped') this.#join(step, { warning: code });
  }

  addSamples(step: number, samples: readonly SampleTrace[]): void {
    this.#join(step, {
      samples: samples.map(({ prompt, base, adapter }) => ({
        prompt,
        base: base.text,
        adapter: adapter.text,
      })),
    });
  }

  /** Nothing more happens at this step. */
  close(): void {
    const row = this.#open;
    if (Object.keys(row).length === 1) return;
    this.#open = { step: row.step };
    this.#rows.push(row);
    this.onRow(row);
  }

  text(): string {
    const rows = Object.keys(this.#open).length > 1 ? [...this.#rows, this.#open] : this.#rows;
    return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  }

  #enter(step: number): void {
    if (this.#open.step === step) return;
    this.close();
    this.#open = { step };
  }

  #join(step: number, values: Record<string, unknown>): void {
    this.#enter(step);
    Object.assign(this.#open, values);
  }
}

const skippedRow = (
  { epoch, learningRate }: StepReport,
  { reason, lines, rows, isNarrowed }: SkippedStep,
): Record<string, unknown> => ({
  epoch,
  learning_rate: learningRate,
  skipped: true,
  skipped_reason: `${reason} not finite`,
  skipped_lines: lines,
  skipped_rows: rows,
  skipped_narrowed: isNarrowed,
});

function lossRow(report: StepReport, window: MetricsWindow): Record<string, number | null> {
  return {
    epoch: report.epoch,
    loss: window.lossSum / window.steps,
    learning_rate: report.learningRate,
    grad_norm: Number.isFinite(report.gradNorm) ? report.gradNorm : null, // of a skipped step
    target_tokens: window.targetTokens,
    tokens_per_second: (window.tokens / Math.max(window.ms, 1e-3)) * 1000,
    step_ms: window.ms / window.steps,
    gpu_bytes: report.gpuBytes,
    ...Object.fromEntries(
      Object.entries(window.metrics ?? {}).map(([name, sum]) => [name, sum / window.steps]),
    ),
  };
}
