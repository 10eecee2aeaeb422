/**
 * The training loop: an async generator of what happened, one optimizer step at a time.
 *
 * Semantics are those of transformers 5 / TRL: the loss of a step is Σ losses / Σ target tokens over the whole
 * accumulation window, gradients are clipped by their global norm, AdamW decays decoupled, and the learning rate
 * of a step is the schedule's before it.
 */
import type { StepReport } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import { packBatch, type Batch } from '../data/pack.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { adamw, gradNorm, gradNormPartials } from '../kernels/adamw.ts';
import type { Adapter } from '../model/adapter.ts';
import { at, type Decoder } from '../model/decoder.ts';
import { TrainingPass } from '../model/training-pass.ts';
import { BatchPlan, unitsOf } from './batch-plan.ts';
import { passSize } from './pass-size.ts';
import type { RunControl } from './run-control.ts';
import { scheduleFactor, warmupSteps } from './schedule.ts';

export interface TrainInputs {
  readonly decoder: Decoder;
  readonly adapter: Adapter;
  readonly config: RunConfig;
  readonly train: readonly TokenizedExample[];
  readonly evaluation: readonly TokenizedExample[];
  readonly checkpointing: boolean; // layers are recomputed in the backward pass
  readonly firstStep: number; // 0, or the steps a checkpoint has done
  readonly control: RunControl;
  readonly nowMs: () => number;
}

export type TrainerStep =
  | { readonly kind: 'step'; readonly report: StepReport }
  | { readonly kind: 'eval-loss'; readonly step: number; readonly loss: number };

export class Training {
  readonly plan: BatchPlan;
  readonly #inputs: TrainInputs;
  readonly #pass: TrainingPass;
  readonly #partials: GpuTensor;
  readonly #warmup: number;

  private constructor(inputs: TrainInputs, plan: BatchPlan, pass: TrainingPass, partials: GpuTensor) {
    this.#inputs = inputs;
    this.plan = plan;
    this.#pass = pass;
    this.#partials = partials;
    this.#warmup = warmupSteps(inputs.config.warmupSteps, plan.totalSteps);
  }

  /** Allocates everything the run needs. @throws TrainerError "gpu-out-of-memory". Caller disposes. */
  static async prepare(inputs: TrainInputs): Promise<Training> {
    const { config, decoder, adapter, train, evaluation, checkpointing } = inputs;
    const rowUnits = unitsOf(
      train.map(({ tokens }) => tokens.length),
      config,
    );
    const plan = new BatchPlan(rowUnits, config);
    const { memory } = decoder.gpu;
    const { rows, lossRows, longest } = passSize(train, evaluation, config);
    const size = { rows, lossRows, checkpointing };
    decoder.reservePositions(longest);
    const made = await memory.checked('this run', () => ({
      pass: new TrainingPass(decoder, adapter, size),
      partials: memory.alloc('gradient norm partials', [gradNormPartials]),
    }));
    return new Training(inputs, plan, made.pass, made.partials);
  }

  /** `beforeStep` may hold the run; it ends early, between steps, when the control is stopped. */
  async *run(beforeStep: () => Promise<void> = () => Promise.resolve()): AsyncGenerator<TrainerStep> {
    const { config, control, evaluation, firstStep } = this.#inputs;
    for (let step = firstStep; step < this.plan.totalSteps; step++) {
      await beforeStep();
      if (control.isStopped) return;
      yield { kind: 'step', report: await this.#step(step) };
      const isLast = step + 1 === this.plan.totalSteps;
      if (evaluation.length > 0 && (isLast || (step + 1) % config.evalSteps === 0)) {
        yield { kind: 'eval-loss', step: step + 1, loss: await this.#evaluate() };
      }
    }
  }

  /** Compiles what a step runs. Otherwise the first step would wait for one kernel after the other. */
  async compile(): Promise<void> {
    const { decoder, firstStep } = this.#inputs;
    if (firstStep >= this.plan.totalSteps) return;
    await decoder.gpu.recorder.prepare(() => this.#recordStep(firstStep));
  }

  /** Everything of a step but submitting the end of it and reading what came out. */
  #recordStep(step: number): {
    readonly targetTokens: number;
    readonly tokens: number;
    readonly learningRate: number;
  } {
    const { config, decoder, adapter, train } = this.#inputs;
    const { gpu } = decoder;
    const batches = this.plan.window(step).map((rows) => packBatch(rows.map((row) => at(train, row))));
    const targetTokens = sum(batches, (batch) => batch.targetCount);
    const tokens = sum(batches, (batch) => batch.tokenCount);
    let lossOffset = 0;
    batches.forEach((batch, micro) => {
      const dropoutSeed =
        (Math.imul(config.seed + 1, 0x9e3779b1) ^
          Math.imul(step * config.gradientAccumulationSteps + micro + 1, 0x85ebca6b)) >>>
        0;
      this.#pass.accumulate(batch, lossOffset, 1 / targetTokens, dropoutSeed);
      lossOffset += batch.targetCount;
    });
    const { elementCount } = adapter.plan;
    const learningRate =
      config.learningRate * scheduleFactor(config.lrSchedulerType, step, this.plan.totalSteps, this.#warmup);
    gradNorm(
      gpu.recorder,
      adapter.gradients,
      this.#partials,
      this.#pass.stats,
      elementCount,
      config.maxGradNorm,
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
        step: step + 1,
      },
    );
    return { targetTokens, tokens, learningRate };
  }

  async #step(step: number): Promise<StepReport> {
    const { decoder, nowMs } = this.#inputs;
    const { gpu } = decoder;
    const started = nowMs();
    const { targetTokens, tokens, learningRate } = this.#recordStep(step);
    gpu.recorder.submit();
    const report = await this.#pass.readReport(targetTokens);
    gpu.assertHealthy();
    const loss = report.lossSum / targetTokens;
    if (!Number.isFinite(loss) || !Number.isFinite(report.gradNorm)) {
      throw notFinite(step + 1, `loss ${loss}, gradient norm ${report.gradNorm}`);
    }
    const stepMs = nowMs() - started;
    return {
      step: step + 1,
      totalSteps: this.plan.totalSteps,
      epoch: this.plan.epochAfter(step),
      loss,
      learningRate,
      gradNorm: report.gradNorm,
      targetTokens,
      tokens,
      tokensPerSecond: (tokens / Math.max(stepMs, 1e-3)) * 1000,
      stepMs,
      gpuBytes: gpu.memory.bytes,
    };
  }

  /** Mean loss per target token over the held-out rows. */
  async #evaluate(): Promise<number> {
    const { config, evaluation, decoder } = this.#inputs;
    let lossSum = 0;
    let targetCount = 0;
    for (let i = 0; i < evaluation.length; i += config.perDeviceTrainBatchSize) {
      const batch: Batch = packBatch(evaluation.slice(i, i + config.perDeviceTrainBatchSize));
      this.#pass.evaluate(batch, 0);
      lossSum += (await this.#pass.readReport(batch.targetCount)).lossSum;
      targetCount += batch.targetCount;
    }
    decoder.gpu.assertHealthy();
    return lossSum / targetCount;
  }

  dispose(): void {
    this.#pass.dispose();
    this.#inputs.decoder.gpu.memory.dispose([this.#partials]);
  }
}

export function notFinite(step: number, what: string): TrainerError {
  return new TrainerError(
    'loss-not-finite',
    `The run stopped making sense at step ${step} (${what}). Use a lower learning rate or a longer warm-up; the last sound snapshot of the adapter can be downloaded.`,
  );
}

const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0);
