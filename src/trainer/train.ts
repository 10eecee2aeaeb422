/**
 * The training loop: an async generator of what happened, one optimizer step at a time. A step whose loss or gradient is not
 * finite changes nothing and is reported as skipped (skipped-step.ts).
 *
 * What the loss is, is the objective's (src/objectives). The rest follows transformers 5 / TRL: an objective's means are
 * over the whole accumulation window, gradients are clipped by their global norm, AdamW decays decoupled, and the
 * learning rate of a step is the schedule's before it.
 */
import type { SkippedStep, StepReport } from '../api/trainer-api.ts';
import { toBatch, type Batch } from '../data/batch.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { adamw, gradNorm, gradNormPartials } from '../kernels/adamw.ts';
import type { Adapter } from '../model/adapter.ts';
import { at, type Decoder } from '../model/decoder.ts';
import { TrainingPass, type PassReport } from '../model/training-pass.ts';
import { MetricSums } from '../objectives/metric-sums.ts';
import type { Objective, ScoredBatch } from '../objectives/objective.ts';
import type { RunControl } from './run-control.ts';
import type { TrainingPlan } from './run-plan.ts';
import type { SkippedSteps } from './run-progress.ts';
import { scheduleFactor, warmupSteps } from '../config/schedule.ts';
import { isTooMany, notFinite, skippedStep, tooManySkipped, unsoundRows } from './skipped-step.ts';

interface TrainInputs {
  readonly decoder: Decoder;
  readonly adapter: Adapter;
  readonly plan: TrainingPlan;
  readonly objective: Objective;
  readonly firstStep: number; // 0, or the steps a checkpoint has done
  readonly skipped?: SkippedSteps; // among those; absent: none
  readonly control: RunControl;
  readonly nowMs: () => number;
}

type TrainerStep =
  | { readonly kind: 'step'; readonly report: StepReport }
  | { readonly kind: 'eval-loss'; readonly step: number; readonly loss: number }
  /** After the held-out loss, where there is one: all that the step changes is done. */
  | { readonly kind: 'step-end'; readonly step: number };

export class Training {
  readonly #inputs: TrainInputs;
  readonly #pass: TrainingPass;
  readonly #partials: GpuTensor;
  readonly #warmup: number;
  #skipped: SkippedSteps;

  private constructor(inputs: TrainInputs, pass: TrainingPass, partials: GpuTensor) {
    const { config, batches } = inputs.plan;
    this.#inputs = inputs;
    this.#pass = pass;
    this.#partials = partials;
    this.#skipped = inputs.skipped ?? { total: 0, inARow: 0 };
    this.#warmup = warmupSteps(config.warmupSteps, batches.totalSteps);
  }

  /** Allocates everything the run needs. @throws TrainerError "gpu-out-of-memory". Caller disposes. */
  static async prepare(inputs: TrainInputs): Promise<Training> {
    const { decoder, adapter, plan } = inputs;
    const { memory } = decoder.gpu;
    decoder.reservePositions(plan.size.longest);
    const made = await memory.checked('this run', () => ({
      pass: new TrainingPass(decoder, adapter, plan.size),
      partials: memory.alloc('gradient norm partials', [gradNormPartials]),
    }));
    return new Training(inputs, made.pass, made.partials);
  }

  /** `beforeStep` may hold the run; it ends early, between steps, when the control is stopped. */
  async *run(beforeStep: () => Promise<void> = () => Promise.resolve()): AsyncGenerator<TrainerStep> {
    const { control, firstStep, plan } = this.#inputs;
    const { totalSteps } = plan.batches;
    const isEvaluated = plan.rows.split.evaluation.length > 0;
    for (let step = firstStep; step < totalSteps; step++) {
      await beforeStep();
      if (control.isStopped) return;
      const report = await this.#step(step);
      yield { kind: 'step', report };
      if (report.skipped !== undefined && isTooMany(report.skipped, plan.config.maxConsecutiveSkippedSteps))
        throw tooManySkipped(report, report.skipped);
      const isLast = step + 1 === totalSteps;
      if (isEvaluated && (isLast || (step + 1) % plan.config.evalSteps === 0)) {
        yield { kind: 'eval-loss', step: step + 1, loss: await this.#evaluate() };
      }
      yield { kind: 'step-end', step: step + 1 };
    }
  }

  /** Compiles what a step runs. Otherwise the first step would wait for one kernel after the other. */
  async compile(): Promise<void> {
    const { decoder, firstStep, objective, plan } = this.#inputs;
    if (firstStep >= plan.batches.totalSteps) return;
    await decoder.gpu.recorder.prepare(() => {
      for (const [micro, batch] of this.#batches(plan.batches.window(firstStep)).entries()) {
        if (objective.kind === 'scored' && objective.needsBase) this.#pass.evaluate(batch, 0, 'base');
        if (objective.kind === 'scored') this.#pass.evaluate(batch, 0);
        const any = new Float32Array(batch.targetCount); // nothing runs: only the kernels are asked for
        this.#pass.accumulate(batch, 0, any, this.#dropoutSeed(firstStep, micro));
      }
      this.#recordUpdate(firstStep, 0);
    });
  }

  /** Micro-batches of these rows. */
  #batches(window: readonly (readonly number[])[]): Batch[] {
    const { examples } = this.#inputs.plan.rows;
    return window.map((rows) => toBatch(rows.map((row) => at(examples, row))));
  }

  #dropoutSeed(step: number, micro: number): number {
    const { seed, gradientAccumulationSteps } = this.#inputs.plan.config;
    return (
      (Math.imul(seed + 1, 0x9e3779b1) ^
        Math.imul(step * gradientAccumulationSteps + micro + 1, 0x85ebca6b)) >>>
      0
    );
  }

  /** Adds the gradients of the window. Gives the base's log-probabilities where the objective asked for them. */
  async #accumulate(step: number, window: readonly Batch[]): Promise<(Float32Array | null)[]> {
    const { objective } = this.#inputs;
    const base: (Float32Array | null)[] = window.map(() => null);
    let first = 0;
    for (const [micro, batch] of window.entries()) {
      const seed = this.#dropoutSeed(step, micro);
      if (objective.kind === 'fixed') {
        this.#pass.accumulate(batch, first, objective.coefficients(batch, window), seed);
      } else {
        if (objective.needsBase) base[micro] = await this.#logProbs(batch, first, 'base');
        this.#pass.forward(batch, first, seed);
        const logProbs = await this.#pass.readLogProbs(first, batch.targetCount);
        this.#pass.backward(objective.coefficients({ batch, logProbs, baseLogProbs: base[micro] }, window));
      }
      first += batch.targetCount;
    }
    return base;
  }

  async #logProbs(batch: Batch, first: number, of: 'adapter' | 'base'): Promise<Float32Array> {
    this.#pass.evaluate(batch, first, of);
    return this.#pass.readLogProbs(first, batch.targetCount);
  }

  /** Clipping and AdamW, if gradients and log-probabilities are finite. Gives the learning rate. */
  #recordUpdate(step: number, targetTokens: number): number {
    const { plan, decoder, adapter } = this.#inputs;
    const { config, batches } = plan;
    const { gpu } = decoder;
    const { elementCount } = adapter.plan;
    const updates = step - this.#skipped.total;
    const learningRate =
      config.learningRate * scheduleFactor(config.lrSchedulerType, updates, batches.totalSteps, this.#warmup);
    gradNorm(
      gpu.recorder,
      adapter.gradients,
      this.#partials,
      this.#pass.stats,
      elementCount,
      config.maxGradNorm,
      { values: this.#pass.logProbs, count: targetTokens },
    );
    adamw(
      gpu.recorder,
      adapter.parameters,
      adapter.gradients,
      adapter.firstMoment,
      adapter.secondMoment,
      this.#pass.stats,
      elementCount,
      {
        learningRate,
        beta1: config.adamBeta1,
        beta2: config.adamBeta2,
        epsilon: config.adamEpsilon,
        weightDecay: config.weightDecay,
        step: updates + 1,
      },
    );
    return learningRate;
  }

  async #step(step: number): Promise<StepReport> {
    const { decoder, nowMs, plan } = this.#inputs;
    const { gpu } = decoder;
    const started = nowMs();
    const rows = plan.batches.window(step);
    const window = this.#batches(rows);
    const targetTokens = sum(window, (batch) => batch.targetCount);
    const tokens = sum(window, (batch) => batch.tokenCount);
    const base = await this.#accumulate(step, window);
    const learningRate = this.#recordUpdate(step, targetTokens);
    gpu.recorder.submit();
    const report = await this.#pass.readReport(targetTokens);
    gpu.assertHealthy();
    const sums = new MetricSums();
    let first = 0;
    for (const [micro, batch] of window.entries()) {
      const logProbs = report.logProbs.subarray(first, (first += batch.targetCount));
      this.#inputs.objective.measure({ batch, logProbs, baseLogProbs: base[micro] }, sums);
    }
    const loss = sums.mean('loss');
    const skipped = report.isApplied ? undefined : await this.#skip(rows, window, report);
    // Of finite log-probabilities and gradients: a fault of the objective, and the update is made.
    if (skipped === undefined && !Number.isFinite(loss)) throw notFinite(step + 1, `loss ${loss}`);
    this.#skipped = { total: skipped?.total ?? this.#skipped.total, inARow: skipped?.inARow ?? 0 };
    const stepMs = nowMs() - started;
    return {
      step: step + 1,
      totalSteps: plan.batches.totalSteps,
      epoch: plan.batches.epochAfter(step),
      loss,
      metrics: sums.means(),
      learningRate,
      gradNorm: report.gradNorm,
      targetTokens,
      tokens,
      tokensPerSecond: (tokens / Math.max(stepMs, 1e-3)) * 1000,
      stepMs,
      gpuBytes: gpu.memory.bytes,
      ...(skipped === undefined ? {} : { skipped }),
    };
  }

  /** Which rows of a step that changed nothing are to blame, as far as that can be told. */
  async #skip(
    rows: readonly (readonly number[])[],
    window: readonly Batch[],
    { logProbs }: PassReport,
  ): Promise<SkippedStep> {
    const { examples } = this.#inputs.plan.rows;
    const suspects = unsoundRows(rows, window, logProbs);
    // Kernels multiply what lies beside a row with 0, and 0 · NaN is NaN: each is asked by itself.
    const guilty: number[] = [];
    for (const row of suspects) {
      const [batch] = this.#batches([[row]]);
      const own = await this.#logProbs(batch, 0, 'adapter');
      if (!own.every(Number.isFinite)) guilty.push(row);
    }
    const named = guilty.length > 0 ? guilty : suspects;
    return skippedStep({
      isLoss: suspects.length > 0,
      lines: (named.length > 0 ? named : rows.flat()).map((row) => at(examples, row).line),
      isNarrowed: named.length > 0,
      inARow: this.#skipped.inARow + 1,
      total: this.#skipped.total + 1,
    });
  }

  /** The objective's loss over the held-out rows. */
  async #evaluate(): Promise<number> {
    const { plan, decoder, objective } = this.#inputs;
    const { examples, split } = plan.rows;
    const rowCount = plan.config.perDeviceTrainBatchSize;
    const sums = new MetricSums();
    for (let i = 0; i < split.evaluation.length; i += rowCount) {
      const rows = split.evaluation.slice(i, i + rowCount);
      const batch = toBatch(rows.map((row) => at(examples, row)));
      const own = new MetricSums();
      objective.measure(await this.#score(batch), own);
      sums.add(own);
    }
    decoder.gpu.assertHealthy();
    return sums.mean('loss');
  }

  async #score(batch: Batch): Promise<ScoredBatch> {
    const { objective } = this.#inputs;
    const needsBase = objective.kind === 'scored' && objective.needsBase;
    const baseLogProbs = needsBase ? await this.#logProbs(batch, 0, 'base') : null;
    return { batch, baseLogProbs, logProbs: await this.#logProbs(batch, 0, 'adapter') };
  }

  dispose(): void {
    this.#pass.dispose();
    this.#inputs.decoder.gpu.memory.dispose([this.#partials]);
  }
}

const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0);
