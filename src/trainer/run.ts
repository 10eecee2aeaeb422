/**
 * One training run from first allocation to export: adapter, steps, sample traces, evaluation, snapshots.
 * The snapshot and the record live outside the GPU, so a lost device loses at most `save_steps` steps.
 */
import type { ExportedFile } from '../api/exports.ts';
import type { AdapterFiles, RunResult, TrainEvent, TrainingRequest } from '../api/trainer-api.ts';
import type { RunHead, RunState } from '../api/stored-runs.ts';
import { roughTime } from '../support/rough-time.ts';
import { toWire, TrainerError } from '../support/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { Gpu } from '../device/open-device.ts';
import { thinned, type Task } from '../evaluation/task.ts';
import type { TrainedAdapter } from '../exporters/subject.ts';
import { Adapter } from '../model/adapter.ts';
import type { LoadedModel } from '../model/load-model.ts';
import { sft } from '../objectives/sft.ts';
import { inPrecision } from '../self-test/precision.ts';
import { checkHeldOut, checkLengths } from './check-rows.ts';
import { readCheckpoint, writeCheckpoint, type BestAdapter, type Snapshot } from './checkpoint.ts';
import { evaluateBoth } from './evaluate.ts';
import { seal } from './file-seal.ts';
import { firstSnapshot } from './first-snapshot.ts';
import { checkLayout, resumedSnapshot } from './fit-checkpoint.ts';
import { judgeResume } from './resume.ts';
import { RunControl } from './run-control.ts';
import { RunKeeper, type KeptRun } from './run-keeper.ts';
import { runIdentity, type RunIdentity } from './run-identity.ts';
import type { RunPlan } from './run-plan.ts';
import { adapterDownload, rowCounts, RunRecord, trainedAdapter } from './run-results.ts';
import { RunSamples } from './run-samples.ts';
import { notFinite } from './skipped-step.ts';
import { Training } from './train.ts';

interface RunHost {
  readonly gpu: Gpu;
  readonly model: LoadedModel;
  readonly nowMs: () => number;
  /** What base and adapter are asked after the run, and how answers are judged; none: there is nothing to ask. */
  readonly tasks: () => Promise<readonly Task[]>;
  /** What a failed allocation left of the GPU, as an error that says what would fit. */
  readonly explainOutOfMemory: (detail: string | null) => Promise<TrainerError>;
}

/** Samples and suites are asked on the day of the training rows. */
const onDay = (model: LoadedModel, { templateDate }: RunConfig): LoadedModel => ({
  ...model,
  tokenizer: model.tokenizer.onDay(templateDate),
});

/** What a run starts from, beside its plan: fresh values, an adapter, or a checkpoint. @internal */
export interface RunStart {
  readonly initAdapter: AdapterFiles | undefined;
  readonly allowChanges: TrainingRequest['allowChanges'];
  readonly dataset: string; // name
  readonly checkpoint: Uint8Array | null;
  readonly startNotes: readonly string[]; // about what it starts from, said at the start
  readonly kept: KeptRun | null; // closed by the run
  readonly notKept: string | null; // why the run is not kept although it should be, as a sentence
}

/** What a run is made of, once it is known to be possible. */
interface RunParts {
  readonly host: RunHost;
  readonly plan: RunPlan;
  readonly identity: RunIdentity;
  readonly record: RunRecord;
  readonly adapter: Adapter;
  /** Of a run that goes on from a checkpoint: what is said at its start. */
  readonly resumeNotes: readonly string[] | null;
  readonly changes: readonly string[]; // since then
  readonly startsAtBase: boolean; // B is zero: the first adapter answers are the base's
  readonly kept: KeptRun | null;
  readonly notKept: string | null;
}

export class Run {
  readonly adapter: Adapter;
  readonly control = new RunControl();
  readonly #parts: RunParts;
  #snapshot: Snapshot;
  #best: BestAdapter | null;
  #isBroken = false; // the device or the numbers failed: only the snapshot can be trusted
  #finished = false;
  readonly #keeper: RunKeeper;

  /** The first snapshot is not kept: with a large model it is hundreds of megabytes. */
  private constructor(parts: RunParts, snapshot: Snapshot) {
    this.#parts = parts;
    this.adapter = parts.adapter;
    this.#snapshot = snapshot;
    this.#best = snapshot.best;
    this.#keeper = new RunKeeper(parts.kept, (snapshot) => this.#fileOf(snapshot));
  }

  /** Makes the adapter and checks everything that can be checked before the first step. @internal */
  static async create(
    host: RunHost,
    plan: RunPlan,
    { dataset, initAdapter, checkpoint: file, allowChanges = false, startNotes, kept, notKept }: RunStart,
  ): Promise<Run> {
    const { gpu } = host;
    const { config } = plan;
    const { examples, split } = plan.rows;
    const { totalSteps } = plan.batches;
    const model = onDay(host.model, config);
    checkLengths(examples, model.config.maxPositions, config);
    checkHeldOut(split, config);
    const found = file === null ? null : await readCheckpoint(file);
    const identity = await runIdentity(model, dataset, examples);
    const initial = initAdapter === undefined ? undefined : { files: initAdapter, model: model.config };
    const adapter = await gpu.memory.checked('the adapter', () => new Adapter(gpu, model.config, config));
    try {
      const { elementCount } = adapter.plan;
      const resumed = { config, identity, totalSteps, elementCount };
      const judged = found === null ? null : judgeResume(found, resumed, allowChanges);
      if (found !== null) checkLayout(found, model.config, config);
      const from = found === null ? null : resumedSnapshot(found, { config, identity });
      const resumeNotes = judged === null ? null : [...judged.notes, ...(from?.notes ?? [])];
      const snapshot = from?.snapshot ?? (await firstSnapshot(adapter, config, initial));
      await gpu.memory.writeInPieces(adapter.parameters, snapshot.parameters);
      await gpu.memory.writeInPieces(adapter.firstMoment, snapshot.firstMoment);
      await gpu.memory.writeInPieces(adapter.secondMoment, snapshot.secondMoment);
      const names = { model: model.name, base: model.base, dataset };
      const position = { ...snapshot, records: kept?.records ?? [] };
      const parts: RunParts = {
        host: { ...host, model },
        plan,
        identity,
        record: new RunRecord(
          config,
          names,
          { ...rowCounts(plan.rows), totalSteps },
          gpu.report.gpu,
          position,
        ),
        adapter,
        resumeNotes: resumeNotes === null ? null : [...startNotes, ...resumeNotes],
        changes: judged?.changes ?? [],
        startsAtBase: initAdapter === undefined && found === null,
        kept,
        notKept,
      };
      return new Run(parts, snapshot);
    } catch (error) {
      adapter.dispose();
      throw error;
    }
  }

  /** What it is a run of. @internal */
  get identity(): RunIdentity {
    return this.#parts.identity;
  }

  async train(onEvent: (event: TrainEvent) => void): Promise<RunResult> {
    const { record, changes, notKept } = this.#parts;
    const keeper = this.#keeper;
    const tell = (event: TrainEvent): void => {
      keeper.add(event);
      onEvent(event);
    };
    keeper.onWarning = (warning) => tell({ kind: 'warning', ...warning });
    record.metrics.onRow = (row) => tell({ kind: 'metrics', row });
    try {
      const { step } = record;
      // With its records known, the row of the step it goes on from is still open.
      tell({ kind: 'run', id: keeper.id, step, rowsFrom: step === 0 || keeper.hasRecords ? step : step + 1 });
      if (changes.length > 0)
        tell({ kind: 'warning', code: 'settings-changed', step, message: `${changes.join('; ')}.` });
      if (notKept !== null) keeper.onWarning({ code: 'not-kept', step, message: notKept });
      return await this.#train(tell);
    } catch (error) {
      // Skipped steps left the adapter as it was: nothing of it is lost.
      const isNumbers = error instanceof TrainerError && error.code === 'loss-not-finite';
      const sound = isNumbers ? await this.#takeSnapshot().catch(() => null) : null;
      this.#isBroken = true;
      this.#useBest();
      record.metrics.close();
      const failure = await this.#explain(error);
      const { code, message } = toWire(failure);
      await keeper.save({ ...this.#headAs('failed'), failure: { code, message } }, sound);
      tell({ kind: 'phase', phase: 'failed', note: failure.message });
      throw failure;
    } finally {
      await keeper.close();
      this.#forgetMoments();
    }
  }

  /** Of a run that has ended, where they are kept: with a large model they are hundreds of megabytes. */
  #forgetMoments(): void {
    if (this.#keeper.keptStep !== this.#snapshot.step) return;
    const { parameters, firstMoment, secondMoment } = this.#snapshot;
    for (const { buffer } of [firstMoment, secondMoment]) if (buffer !== parameters.buffer) giveBack(buffer);
    const none = new Float32Array(0);
    this.#snapshot = { ...this.#snapshot, firstMoment: none, secondMoment: none };
  }

  async #train(tell: (event: TrainEvent) => void): Promise<RunResult> {
    const { host, plan, record, resumeNotes } = this.#parts;
    const { config } = plan;
    const { totalSteps } = plan.batches;
    host.gpu.memory.resetPeak();
    const say = (note: string): void => tell({ kind: 'phase', phase: 'preparing', note });
    for (const note of resumeNotes ?? []) say(note);
    const tasks = await this.#tasks();
    if (this.#isNothingLeft(tasks)) {
      this.#finished = true;
      this.#useBest();
      const note = `Already finished: ${record.step} of ${totalSteps} steps done, nothing to do`;
      tell({ kind: 'phase', phase: 'done', note });
      return record.result(true, true);
    }
    // A run has a checkpoint from its first moment on, so that every run that is kept can go on.
    await this.#keeper.save(this.#headAs('running'), record.step === 0 ? this.#snapshot : null);
    const { memory, time } = plan;
    say(`${(memory.plan.total / 1e6).toFixed(0)} MB of GPU memory planned; ${memory.reason}`);
    const share = 1 - record.step / totalSteps; // of the run that is left
    say(
      `${totalSteps - record.step} steps of ${roughTime(time.secondsPerStep)}: about ${roughTime(time.seconds * share)} by forecast, without sample traces and results`,
    );
    host.gpu.recorder.expectWork(time.flops * share);
    await inPrecision(host.gpu, config.precision, () => this.#takeSteps(tell));
    record.gpuBytesPeak = host.gpu.memory.peakBytes;
    this.#useBest();
    const stoppedEarly = !record.isAtItsEnd; // by the user
    if (!stoppedEarly) await this.#evaluateTasks(tasks, tell);
    this.#finished = !stoppedEarly;
    host.gpu.assertHealthy();
    const result = record.result(this.#finished);
    await this.#keeper.save(
      { ...this.#headAs(stoppedEarly ? 'stopped' : 'finished'), result },
      this.#snapshot,
    );
    tell(
      stoppedEarly
        ? { kind: 'phase', phase: 'stopped', note: `Stopped after step ${record.step} of ${totalSteps}` }
        : { kind: 'phase', phase: 'done', note: record.earlyStop ?? `${record.step} steps done` },
    );
    return result;
  }

  /** What the store is told of the run as it is now. */
  #headAs(state: RunState): Partial<RunHead> {
    const { lossLast, before, after } = this.#parts.record.progress;
    return { state, failure: null, result: null, lossLast, before, after };
  }

  /** Of the model, as many prompts of each as the settings ask for. */
  async #tasks(): Promise<Task[]> {
    const { host, plan } = this.#parts;
    const { suitePrompts } = plan.config;
    if (suitePrompts === 0) return [];
    return (await host.tasks()).map((task) => thinned(task, suitePrompts));
  }

  /** A checkpoint of the end, with everything measured that these settings ask for; older ones do not say what was. */
  #isNothingLeft(tasks: readonly Task[]): boolean {
    const { resumeNotes, record } = this.#parts;
    if (resumeNotes === null || !record.isAtItsEnd) return false;
    const { progress } = this.#snapshot;
    return tasks.length === 0 || progress === null || (progress.before !== null && progress.after !== null);
  }

  async #takeSteps(onEvent: (event: TrainEvent) => void): Promise<void> {
    const { host, plan, record } = this.#parts;
    const training = await Training.prepare({
      decoder: host.model.decoder,
      adapter: this.adapter,
      plan,
      objective: sft,
      firstStep: record.step,
      skipped: record.progress.skipped,
      control: this.control,
      nowMs: host.nowMs,
    });
    try {
      onEvent({ kind: 'phase', phase: 'preparing', note: 'Compiling for this GPU' });
      await training.compile();
      await this.#steps(training, onEvent);
    } finally {
      training.dispose();
    }
  }

  /** When the device has failed, that is the reason, whatever was thrown because of it. */
  async #explain(error: unknown): Promise<Error> {
    const { host } = this.#parts;
    const { gpu } = host;
    // A failure is told in its turn: it is known once the device has answered what it was asked before.
    await Promise.race([gpu.failed, gpu.waits.workDone().catch(() => undefined)]);
    let cause = error;
    try {
      gpu.assertHealthy();
    } catch (failure) {
      cause = failure;
    }
    if (cause instanceof TrainerError && cause.code === 'gpu-out-of-memory')
      return host.explainOutOfMemory(cause.detail);
    return cause instanceof Error ? cause : new Error(String(cause));
  }

  async #steps(training: Training, onEvent: (event: TrainEvent) => void): Promise<void> {
    const { host, plan, record, resumeNotes, startsAtBase } = this.#parts;
    const { config } = plan;
    const { totalSteps } = plan.batches;
    const samples = await RunSamples.create(host.model, this.adapter, config);
    const sampleAt = async (step: number, isBase: boolean): Promise<void> => {
      if (samples === null) return;
      onEvent({ kind: 'phase', phase: 'sampling', note: `Sample traces at step ${step}` });
      const traces = await samples.take(isBase);
      record.metrics.addSamples(step, traces);
      onEvent({ kind: 'samples', step, samples: traces });
    };
    try {
      // The row of the step that a resumed run starts from is written, with its samples.
      if (resumeNotes === null || record.step === 0) await sampleAt(record.step, startsAtBase);
      onEvent({ kind: 'phase', phase: 'training', note: `${totalSteps} steps` });
      const happenings = record.isAtItsEnd ? [] : training.run(() => this.#betweenSteps(onEvent));
      for await (const happened of happenings) {
        if (happened.kind === 'step') {
          const warning = record.addStep(happened.report); // before it is told: by then the rows before are complete
          onEvent(happened);
          if (warning !== null) onEvent({ kind: 'warning', ...warning });
          continue;
        }
        const { step } = happened;
        if (happened.kind === 'eval-loss') {
          if (record.addEvalLoss(step, happened.loss)) await this.#keepBest();
          onEvent(happened);
          continue;
        }
        const isLast = record.isAtItsEnd;
        if (isLast) record.metrics.endWindow();
        if (samples !== null && (isLast || step % config.sampleSteps === 0)) {
          await sampleAt(step, false);
          onEvent({ kind: 'phase', phase: 'training', note: '' });
        }
        if (isLast) break;
      }
      record.metrics.close();
      if (this.#snapshot.step !== record.step) await this.#takeSnapshot();
    } finally {
      samples?.dispose();
    }
  }

  /** Here everything of a step is known: its held-out loss and traces too. */
  async #betweenSteps(onEvent: (event: TrainEvent) => void): Promise<void> {
    const { record, plan } = this.#parts;
    const isAsked = this.control.takeSave();
    const isDue = isAsked || this.control.isPaused || record.step % plan.config.saveSteps === 0;
    if (isDue && record.step > this.#snapshot.step) {
      await this.#takeSnapshot();
      await this.#keeper.save(this.#headAs('running'), this.#snapshot);
    }
    if (!this.control.isPaused) return;
    onEvent({ kind: 'phase', phase: 'paused', note: `Paused after step ${this.#parts.record.step}` });
    await this.control.gate();
    if (!this.control.isStopped) onEvent({ kind: 'phase', phase: 'training', note: '' });
  }

  async #evaluateTasks(tasks: readonly Task[], onEvent: (event: TrainEvent) => void): Promise<void> {
    const { host, plan, record } = this.#parts;
    const { config } = plan;
    const { model, nowMs, gpu } = host;
    if (tasks.length === 0 || this.control.isStopped) return;
    const evaluation = { model, adapter: this.adapter, tasks, config, control: this.control, nowMs };
    await evaluateBoth(evaluation, (event) => {
      if (event.kind === 'evaluation') record.addEvaluation(event.which, event.report);
      onEvent(event);
    });
    this.#snapshot = { ...this.#snapshot, progress: record.progress };
    gpu.assertHealthy();
  }

  /** The held-out loss is the lowest so far. */
  async #keepBest(): Promise<void> {
    const { host, plan, record } = this.#parts;
    const { best } = record.progress.heldOut;
    if (best === null || !plan.config.loadBestModelAtEnd) return;
    this.#best = { ...best, parameters: await host.gpu.memory.readFloat32(this.adapter.parameters) };
  }

  /** From here on the adapter is that of the lowest held-out loss; a checkpoint goes on from the last step. */
  #useBest(): void {
    if (this.#best === null) return;
    if (!this.#isBroken) this.adapter.writeParameters(this.#best.parameters);
    this.#parts.record.isBestKept = true;
  }

  /** @throws TrainerError "loss-not-finite", keeping the last snapshot that was sound. */
  async #takeSnapshot(): Promise<Snapshot> {
    const { host, record } = this.#parts;
    const { memory } = host.gpu;
    const { adapter } = this;
    const parameters = await memory.readFloat32(adapter.parameters);
    if (!parameters.every(Number.isFinite))
      throw notFinite(record.step, 'the adapter holds values that are not numbers');
    this.#snapshot = {
      step: record.step,
      parameters,
      firstMoment: await memory.readFloat32(adapter.firstMoment),
      secondMoment: await memory.readFloat32(adapter.secondMoment),
      progress: record.progress,
      best: this.#best,
    };
    return this.#snapshot;
  }

  /** In the store; null: it is not kept. */
  get id(): string | null {
    return this.#keeper.id;
  }

  /** What it trains, on what, and how far it is. */
  get name(): string {
    const { model, dataset, step } = this.#parts.record;
    return `${model} · ${dataset}, step ${step}`;
  }

  async files(): Promise<ExportedFile[]> {
    return adapterDownload(await this.trained());
  }

  async trained(): Promise<TrainedAdapter> {
    return trainedAdapter(this.#parts.record, this.adapter.plan, await this.#values(), this.#finished);
  }

  /** At a pause and after the end they are here already, so that a GPU that is lost later takes nothing with it. */
  async #values(): Promise<Float32Array> {
    const { record } = this.#parts;
    if (this.#best !== null && (this.#isBroken || record.isBestKept)) return this.#best.parameters;
    const isHere = this.#isBroken || this.#snapshot.step === record.step;
    return isHere ? this.#snapshot.parameters : this.adapter.readParameters();
  }

  /** Of the last snapshot: taken at every pause, stop and end, and every `save_steps`. */
  async checkpoint(): Promise<Uint8Array> {
    if (this.#snapshot.firstMoment.length > 0) return seal(this.#fileOf(this.#snapshot));
    const kept = await this.#keeper.checkpoint();
    if (kept !== null) return seal(kept);
    throw new TrainerError(
      'checkpoint-invalid',
      'The checkpoint of this run is no longer in the storage, or it was damaged there. Its adapter is still here: download it.',
    );
  }

  /** Not sealed. */
  #fileOf(snapshot: Snapshot): Uint8Array {
    const { plan, identity } = this.#parts;
    return writeCheckpoint(snapshot, plan.config, identity, plan.batches.totalSteps);
  }

  dispose(): void {
    void this.#keeper.close();
    this.#parts.host.gpu.recorder.forgetBindGroups();
    this.adapter.dispose();
  }
}

/** At once, not when a garbage collector comes by. Node 20 does not know it yet. */
function giveBack(buffer: ArrayBufferLike & { readonly transfer?: (bytes: number) => ArrayBuffer }): void {
  buffer.transfer?.(0);
}
