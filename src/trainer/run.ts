/**
 * One training run from first allocation to export: adapter, steps, sample traces, evaluation, snapshots.
 * The snapshot and the record live outside the GPU, so a lost device loses at most `save_steps` steps.
 */
import type { AdapterSource, ExportedFile, MemoryReport, RunResult, TrainEvent } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import type { Gpu } from '../device/open-device.ts';
import type { Assets } from '../host/host.ts';
import { Adapter, fromModules, initialValues } from '../model/adapter.ts';
import type { LoadedModel } from '../model/load-model.ts';
import { createRng } from '../support/rng.ts';
import { splitRows } from './batch-plan.ts';
import { readCheckpoint, writeCheckpoint, type Snapshot } from './checkpoint.ts';
import { evaluateBoth, suitesFor } from './evaluate.ts';
import { readAdapter } from './read-adapter.ts';
import { RunControl } from './run-control.ts';
import { exportFiles, RunRecord } from './run-results.ts';
import { RunSamples } from './run-samples.ts';
import { notFinite, Training } from './train.ts';

export interface RunHost {
  readonly gpu: Gpu;
  readonly model: LoadedModel;
  readonly nowMs: () => number;
  readonly assets: Assets;
  /** What a failed allocation left of the GPU, as an error that says what would fit. */
  readonly explainOutOfMemory: (detail: string | null) => Promise<TrainerError>;
}

/** Samples and suites are asked on the day of the training rows. */
const onDay = (model: LoadedModel, { templateDate }: RunConfig): LoadedModel => ({
  ...model,
  tokenizer: model.tokenizer.onDay(templateDate),
});

export class Run {
  readonly adapter: Adapter;
  readonly control = new RunControl();
  readonly #host: RunHost;
  readonly #config: RunConfig;
  readonly #record: RunRecord;
  readonly #memory: MemoryReport;
  readonly #train: readonly TokenizedExample[];
  readonly #evaluation: readonly TokenizedExample[];
  readonly #startsAtBase: boolean; // B is zero: the first adapter answers are the base's
  #snapshot: Snapshot;
  #step: number;
  #isBroken = false; // the device or the numbers failed: only the snapshot can be trusted
  #finished = false;

  private constructor(
    host: RunHost,
    config: RunConfig,
    record: RunRecord,
    memory: MemoryReport,
    adapter: Adapter,
    snapshot: Snapshot,
    startsAtBase: boolean,
    split: { train: TokenizedExample[]; evaluation: TokenizedExample[] },
  ) {
    this.#host = host;
    this.#config = config;
    this.#record = record;
    this.#memory = memory;
    this.adapter = adapter;
    this.#snapshot = snapshot;
    this.#step = snapshot.step;
    this.#startsAtBase = startsAtBase;
    this.#train = split.train;
    this.#evaluation = split.evaluation;
  }

  /** Makes the adapter and checks everything that can be checked before the first step. */
  static async create(
    host: RunHost,
    dataset: string,
    examples: readonly TokenizedExample[],
    config: RunConfig,
    memory: MemoryReport,
    initAdapter: AdapterSource | undefined,
    checkpoint: Blob | undefined,
  ): Promise<Run> {
    const { gpu } = host;
    const model = onDay(host.model, config);
    if (config.maxLength > model.config.maxPositions) {
      throw new TrainerError(
        'config-invalid',
        `max_length ${config.maxLength} is more than the model's ${model.config.maxPositions} positions.`,
      );
    }
    const rows = splitRows(examples.length, config.evalFraction, config.seed);
    const pick = (indices: readonly number[]): TokenizedExample[] => indices.map((i) => examples[i]);
    const adapter = await gpu.memory.checked('the adapter', () => new Adapter(gpu, model.config, config));
    try {
      const snapshot = await firstSnapshot(adapter, model, config, initAdapter, checkpoint);
      adapter.writeParameters(snapshot.parameters);
      gpu.memory.write(adapter.firstMoment, snapshot.firstMoment);
      gpu.memory.write(adapter.secondMoment, snapshot.secondMoment);
      const record = new RunRecord(config, model, dataset, examples.length, gpu.report.adapter);
      const startsAtBase = initAdapter === undefined && checkpoint === undefined;
      return new Run({ ...host, model }, config, record, memory, adapter, snapshot, startsAtBase, {
        train: pick(rows.train),
        evaluation: pick(rows.evaluation),
      });
    } catch (error) {
      adapter.dispose();
      throw error;
    }
  }

  async train(onEvent: (event: TrainEvent) => void): Promise<RunResult> {
    const { gpu, model, nowMs } = this.#host;
    gpu.memory.resetPeak();
    try {
      onEvent({
        kind: 'phase',
        phase: 'preparing',
        note: `${(this.#memory.plan.total / 1e6).toFixed(0)} MB of GPU memory planned; ${this.#memory.reason}`,
      });
      const training = await Training.prepare({
        decoder: model.decoder,
        adapter: this.adapter,
        config: this.#config,
        train: this.#train,
        evaluation: this.#evaluation,
        checkpointing: this.#memory.checkpointing,
        firstStep: this.#step,
        control: this.control,
        nowMs,
      });
      try {
        onEvent({ kind: 'phase', phase: 'preparing', note: 'Compiling for this adapter' });
        await training.compile();
        await this.#steps(training, onEvent);
      } finally {
        training.dispose();
      }
      this.#record.gpuBytesPeak = gpu.memory.peakBytes;
      const stoppedEarly = this.#step < training.plan.totalSteps;
      if (!stoppedEarly) await this.#evaluateSuites(onEvent);
      this.#finished = !stoppedEarly;
      gpu.assertHealthy();
      onEvent(
        stoppedEarly
          ? {
              kind: 'phase',
              phase: 'stopped',
              note: `Stopped after step ${this.#step} of ${training.plan.totalSteps}`,
            }
          : { kind: 'phase', phase: 'done', note: `${this.#step} steps done` },
      );
      return this.#record.result(this.#finished);
    } catch (error) {
      this.#isBroken = true;
      const failure = await this.#explain(error);
      onEvent({ kind: 'phase', phase: 'failed', note: failure.message });
      throw failure;
    }
  }

  /** When the device has failed, that is the reason, whatever was thrown because of it. */
  async #explain(error: unknown): Promise<Error> {
    await new Promise((resolve) => setTimeout(resolve, 50)); // `lost` arrives a moment after what it breaks
    let cause = error;
    try {
      this.#host.gpu.assertHealthy();
    } catch (failure) {
      cause = failure;
    }
    if (cause instanceof TrainerError && cause.code === 'gpu-out-of-memory')
      return this.#host.explainOutOfMemory(cause.detail);
    return cause instanceof Error ? cause : new Error(String(cause));
  }

  async #steps(training: Training, onEvent: (event: TrainEvent) => void): Promise<void> {
    const { sampleSteps, saveSteps } = this.#config;
    const samples = await RunSamples.create(this.#host.model, this.adapter, this.#config);
    const sampleAt = async (step: number, isBase: boolean): Promise<void> => {
      if (samples === null) return;
      onEvent({ kind: 'phase', phase: 'sampling', note: `Sample traces at step ${step}` });
      const traces = await samples.take(isBase);
      this.#record.addSamples(step, traces);
      onEvent({ kind: 'samples', step, samples: traces });
    };
    try {
      await sampleAt(this.#step, this.#startsAtBase);
      onEvent({ kind: 'phase', phase: 'training', note: `${training.plan.totalSteps} steps` });
      for await (const happened of training.run(() => this.#holdWhilePaused(onEvent))) {
        onEvent(happened);
        if (happened.kind === 'eval-loss') {
          this.#record.addEvalLoss(happened.step, happened.loss);
          continue;
        }
        const { report } = happened;
        this.#step = report.step;
        this.#record.addStep(report);
        const isLast = report.step === report.totalSteps;
        if (isLast || this.control.isStopped || report.step % saveSteps === 0) await this.#takeSnapshot();
        if (samples !== null && (isLast || report.step % sampleSteps === 0)) {
          await sampleAt(report.step, false);
          onEvent({ kind: 'phase', phase: 'training', note: '' });
        }
      }
      if (this.#snapshot.step !== this.#step) await this.#takeSnapshot();
    } finally {
      samples?.dispose();
    }
  }

  async #holdWhilePaused(onEvent: (event: TrainEvent) => void): Promise<void> {
    if (!this.control.isPaused) return;
    await this.#takeSnapshot();
    onEvent({ kind: 'phase', phase: 'paused', note: `Paused after step ${this.#step}` });
    await this.control.gate();
    if (!this.control.isStopped) onEvent({ kind: 'phase', phase: 'training', note: '' });
  }

  async #evaluateSuites(onEvent: (event: TrainEvent) => void): Promise<void> {
    const { model, nowMs, assets, gpu } = this.#host;
    const suites = await suitesFor(model, this.#config, assets);
    if (suites === null || this.control.isStopped) return;
    await evaluateBoth(model, this.adapter, suites, this.#config, this.control, nowMs, (event) => {
      if (event.kind === 'evaluation') this.#record[event.which] = event.report;
      onEvent(event);
    });
    gpu.assertHealthy();
  }

  /** @throws TrainerError "loss-not-finite", keeping the last snapshot that was sound. */
  async #takeSnapshot(): Promise<void> {
    const { memory } = this.#host.gpu;
    const { adapter } = this;
    const parameters = await memory.readFloat32(adapter.parameters);
    if (!parameters.every(Number.isFinite))
      throw notFinite(this.#step, 'the adapter holds values that are not numbers');
    this.#snapshot = {
      step: this.#step,
      parameters,
      firstMoment: await memory.readFloat32(adapter.firstMoment),
      secondMoment: await memory.readFloat32(adapter.secondMoment),
    };
  }

  async files(): Promise<ExportedFile[]> {
    const values = this.#isBroken ? this.#snapshot.parameters : await this.adapter.readParameters();
    return exportFiles(this.#record, this.adapter.plan, values, this.#finished);
  }

  /** Of the last snapshot: taken at every pause, stop and end, and every `save_steps`. */
  checkpoint(): Promise<Uint8Array> {
    return Promise.resolve(
      writeCheckpoint(this.#snapshot, this.#config, this.#record.model, this.#record.dataset),
    );
  }

  dispose(): void {
    this.#host.gpu.recorder.forgetBindGroups();
    this.adapter.dispose();
  }
}

async function firstSnapshot(
  adapter: Adapter,
  model: LoadedModel,
  config: RunConfig,
  initAdapter: AdapterSource | undefined,
  checkpoint: Blob | undefined,
): Promise<Snapshot> {
  const { plan } = adapter;
  if (checkpoint !== undefined) {
    return readCheckpoint(
      new Uint8Array(await checkpoint.arrayBuffer()),
      config,
      model.name,
      plan.elementCount,
    );
  }
  const zeros = (): Float32Array => new Float32Array(plan.elementCount);
  const fresh = { step: 0, firstMoment: zeros(), secondMoment: zeros() };
  if (initAdapter === undefined) {
    return { ...fresh, parameters: initialValues(plan, config, createRng(config.seed)) };
  }
  const { settings, modules } = await readAdapter(initAdapter);
  const differs =
    settings.r !== config.r ||
    settings.targetModules.some((target) => !config.targetModules.includes(target));
  if (differs || settings.targetModules.length !== config.targetModules.length) {
    throw new TrainerError(
      'adapter-invalid',
      `The initial adapter has r ${settings.r} and targets ${settings.targetModules.join(', ')}, the run r ${config.r} and ${config.targetModules.join(', ')}. Use the adapter's own settings.`,
    );
  }
  const wanted = plan.groups.reduce((sum, { parts }) => sum + parts.length, 0);
  if (modules.length < wanted)
    throw new TrainerError(
      'adapter-invalid',
      `The initial adapter has weights for ${modules.length} modules, and ${settings.targetModules.join(', ')} of every layer are ${wanted}: a run would train the others too. It can be used to generate, not to start a run.`,
    );
  return { ...fresh, parameters: fromModules(plan, settings, modules) };
}
