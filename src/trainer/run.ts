/**
 * One training run from first allocation to export: adapter, steps, sample traces, evaluation, snapshots.
 * The snapshot and the record live outside the GPU, so a lost device loses at most `save_steps` steps.
 */
import type {
  AdapterSource,
  EvaluationReport,
  ExportedFile,
  RunResult,
  SampleTrace,
  Trace,
  TrainEvent,
} from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import type { Gpu } from '../device/open-device.ts';
import { Adapter, fromModules, initialValues } from '../model/adapter.ts';
import type { LoadedModel } from '../model/load-model.ts';
import { createRng } from '../support/rng.ts';
import { splitRows } from './batch-plan.ts';
import { readCheckpoint, writeCheckpoint, type Snapshot } from './checkpoint.ts';
import { evaluateSuites, parseSuites, thin, type Suite } from './evaluate.ts';
import { readAdapter } from './read-adapter.ts';
import { RunControl } from './run-control.ts';
import { exportFiles, RunRecord } from './run-results.ts';
import { Responder } from './traces.ts';
import { notFinite, Training } from './train.ts';

export interface RunHost {
  readonly gpu: Gpu;
  readonly model: LoadedModel;
  readonly nowMs: () => number;
  readonly appBaseUrl: string;
}

const evaluationBatch = 64;

export class Run {
  readonly adapter: Adapter;
  readonly control = new RunControl();
  readonly #host: RunHost;
  readonly #config: RunConfig;
  readonly #record: RunRecord;
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
    adapter: Adapter,
    snapshot: Snapshot,
    startsAtBase: boolean,
    split: { train: TokenizedExample[]; evaluation: TokenizedExample[] },
  ) {
    this.#host = host;
    this.#config = config;
    this.#record = record;
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
    initAdapter: AdapterSource | undefined,
    checkpoint: Blob | undefined,
  ): Promise<Run> {
    const { gpu, model } = host;
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
      const record = new RunRecord(config, model.name, dataset, examples.length, gpu.report.adapter);
      const startsAtBase = initAdapter === undefined && checkpoint === undefined;
      return new Run(host, config, record, adapter, snapshot, startsAtBase, {
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
      onEvent({ kind: 'phase', phase: 'preparing', note: 'Planning memory' });
      const training = await Training.prepare({
        decoder: model.decoder,
        adapter: this.adapter,
        config: this.#config,
        train: this.#train,
        evaluation: this.#evaluation,
        firstStep: this.#step,
        control: this.control,
        nowMs,
      });
      try {
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
    try {
      this.#host.gpu.assertHealthy();
    } catch (cause) {
      return cause as TrainerError;
    }
    return error instanceof Error ? error : new Error(String(error));
  }

  async #steps(training: Training, onEvent: (event: TrainEvent) => void): Promise<void> {
    const { sampleSteps, saveSteps } = this.#config;
    const samples = await this.#sampler();
    try {
      if (samples !== null) await samples(this.#step, onEvent);
      onEvent({ kind: 'phase', phase: 'training', note: `${training.plan.totalSteps} steps` });
      for await (const happened of training.run()) {
        if (happened.kind === 'eval-loss') {
          this.#record.addEvalLoss(happened.step, happened.loss);
          onEvent(happened);
          continue;
        }
        const { report } = happened;
        this.#step = report.step;
        this.#record.addStep(report);
        onEvent(happened);
        const isLast = report.step === report.totalSteps;
        if (isLast || this.control.isStopped || report.step % saveSteps === 0) await this.#takeSnapshot();
        if (samples !== null && (isLast || report.step % sampleSteps === 0)) {
          await samples(report.step, onEvent);
          onEvent({ kind: 'phase', phase: 'training', note: '' });
        }
        if (this.control.isPaused) {
          await this.#takeSnapshot();
          onEvent({ kind: 'phase', phase: 'paused', note: `Paused after step ${report.step}` });
          await this.control.gate();
          if (!this.control.isStopped) onEvent({ kind: 'phase', phase: 'training', note: '' });
        }
      }
      if (this.#snapshot.step !== this.#step) await this.#takeSnapshot();
    } finally {
      this.#disposeSampler?.();
    }
  }

  #disposeSampler: (() => void) | null = null;

  /** null when the settings ask for no samples. The base answers once: it does not change. */
  async #sampler(): Promise<((step: number, onEvent: (event: TrainEvent) => void) => Promise<void>) | null> {
    const { samplePrompts, sampleSteps, maxNewTokens, temperature, seed } = this.#config;
    if (sampleSteps === 0 || samplePrompts.length === 0) return null;
    const responder = await Responder.create(
      this.#host.model,
      this.adapter,
      samplePrompts,
      samplePrompts.length,
      maxNewTokens,
    );
    this.#disposeSampler = () => {
      responder.dispose();
      this.#disposeSampler = null;
    };
    const settings = { maxNewTokens, temperature, seed };
    let base: Trace[] | null = null;
    return async (step, onEvent) => {
      onEvent({ kind: 'phase', phase: 'sampling', note: `Sample traces at step ${step}` });
      base ??= await responder.traces(samplePrompts, settings, false);
      const isBase = step === 0 && this.#startsAtBase;
      const adapted = isBase ? base : await responder.traces(samplePrompts, settings, true);
      const samples = samplePrompts.map((prompt, i): SampleTrace => ({
        prompt,
        base: base?.[i] as Trace,
        adapter: adapted[i],
      }));
      this.#record.addSamples(step, samples);
      onEvent({ kind: 'samples', step, samples });
    };
  }

  async #evaluateSuites(onEvent: (event: TrainEvent) => void): Promise<void> {
    const { suitePrompts, maxNewTokens } = this.#config;
    const { model, nowMs, gpu } = this.#host;
    if (suitePrompts === 0 || this.control.isStopped) return;
    const suites = await this.#suites(suitePrompts);
    if (suites === null) return;
    const prompts = suites.flatMap((suite) => suite.prompts.map(({ prompt }) => prompt));
    const responder = await Responder.create(model, this.adapter, prompts, evaluationBatch, maxNewTokens);
    try {
      for (const which of ['after', 'before'] as const) {
        const note = which === 'after' ? 'Evaluating the adapter' : 'Evaluating the base';
        onEvent({ kind: 'phase', phase: 'evaluating', note });
        const report: EvaluationReport = await evaluateSuites(
          model,
          responder,
          suites,
          which === 'after',
          maxNewTokens,
          this.control,
          nowMs,
          (done, total) => onEvent({ kind: 'progress', done, total, note }),
        );
        this.#record[which] = report;
        onEvent({ kind: 'evaluation', which, report });
      }
    } catch (error) {
      // Stopping the evaluation is no failure: the adapter is finished.
      if (!(error instanceof TrainerError && error.code === 'cancelled')) throw error;
    } finally {
      responder.dispose();
      gpu.assertHealthy();
    }
  }

  /** Suites exist for the embedded demo only; null for other models. */
  async #suites(count: number): Promise<Suite[] | null> {
    if (this.#host.model.name !== 'demo') return null;
    const response = await fetch(new URL('datasets/demo-suites.json', this.#host.appBaseUrl));
    if (!response.ok) return null;
    return parseSuites(await response.text()).map((suite) => ({
      ...suite,
      prompts: thin(suite.prompts, count),
    }));
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
  return { ...fresh, parameters: fromModules(plan, settings, modules) };
}
