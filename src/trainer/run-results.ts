/** What a run leaves behind: metrics, results and the files of the download. */
import { writePeftAdapter, type BaseModelName } from '../adapter/peft.ts';
import { sampleTexts, stepRow } from '../api/metrics-row.ts';
import { modelCard } from '../adapter/model-card.ts';
import type {
  EvaluationReport,
  ExportedFile,
  RunResult,
  SampleTrace,
  StepReport,
} from '../api/trainer-api.ts';
import { toRawRunConfig, type RunConfig } from '../config/run-config.ts';
import { toModules, type AdapterPlan } from '../model/adapter.ts';

/** Grows while the run goes on; plain data, so it outlives the device. */
export class RunRecord {
  readonly config: RunConfig;
  readonly model: string;
  readonly base: BaseModelName;
  readonly dataset: string;
  readonly rows: number;
  readonly device: string;
  readonly #rows: Record<string, unknown>[] = [];
  #first: StepReport | null = null;
  #last: StepReport | null = null;
  #targetTokens = 0;
  #tokens = 0;
  #trainMs = 0;
  gpuBytesPeak = 0;
  before: EvaluationReport | null = null;
  after: EvaluationReport | null = null;

  constructor(
    config: RunConfig,
    { name, base }: { readonly name: string; readonly base: BaseModelName },
    dataset: string,
    rows: number,
    device: string,
  ) {
    this.config = config;
    this.model = name;
    this.base = base;
    this.dataset = dataset;
    this.rows = rows;
    this.device = device;
  }

  addStep(report: StepReport): void {
    this.#first ??= report;
    this.#last = report;
    this.#targetTokens += report.targetTokens;
    this.#tokens += report.tokens;
    this.#trainMs += report.stepMs;
    if (report.step % this.config.loggingSteps !== 0 && report.step !== report.totalSteps) return;
    this.#row(report.step, stepRow(report));
  }

  addEvalLoss(step: number, loss: number): void {
    this.#row(step, { eval_loss: loss });
  }

  addSamples(step: number, samples: readonly SampleTrace[]): void {
    this.#row(step, { samples: sampleTexts(samples) });
  }

  /** One JSON object per step: what happens at a step that is already there joins its row. */
  #row(step: number, values: Record<string, unknown>): void {
    const last = this.#rows.at(-1);
    if (last?.['step'] === step) Object.assign(last, values);
    else this.#rows.push({ step, ...values });
  }

  result(finished: boolean): RunResult {
    return {
      ok: true,
      finished,
      model: this.model,
      dataset: this.dataset,
      rows: this.rows,
      steps: this.#last?.step ?? 0,
      lossFirst: this.#first?.loss ?? 0,
      lossLast: this.#last?.loss ?? 0,
      targetTokens: this.#targetTokens,
      seconds: this.#trainMs / 1000,
      tokensPerSecond: this.#trainMs === 0 ? 0 : (this.#tokens / this.#trainMs) * 1000,
      gpuBytesPeak: this.gpuBytesPeak,
      before: this.before,
      after: this.after,
      device: this.device,
    };
  }

  metricsText(): string {
    return this.#rows.map((row) => `${JSON.stringify(row)}\n`).join('');
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
    { name: 'metrics.jsonl', bytes: text(record.metricsText()) },
    { name: 'run_config.json', bytes: text(`${JSON.stringify(toRawRunConfig(config), null, 2)}\n`) },
  ];
}
