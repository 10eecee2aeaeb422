/** A model on the GPU with its tokenizer: it reads datasets, makes runs, answers prompts. */
import type {
  AdapterSource,
  DatasetSettings,
  DatasetSource,
  GateFinding,
  Generation,
  GenerateRequest,
  ModelReport,
  ModelSource,
  RunForecast,
  TrainingRequest,
} from '../api/trainer-api.ts';
import { toWire, TrainerError } from '../support/trainer-error.ts';
import { datasetSettings } from '../config/dataset-settings.ts';
import { fieldOf, type RunConfig } from '../config/run-config.ts';
import { prepareDataset, type PreparedDataset } from '../data/dataset.ts';
import { suiteTask } from '../evaluation/safety-suites.ts';
import type { Task } from '../evaluation/task.ts';
import { Adapter, fromModules, moduleNames } from '../model/adapter.ts';
import type { LoadedModel } from '../model/load-model.ts';
import { Dataset } from './dataset.ts';
import type { Engine } from './engine.ts';
import { doesNotFit, formatOf, quantizationOf } from './memory-advice.ts';
import { Playground } from './playground.ts';
import { readAdapter } from './read-adapter.ts';
import { Run } from './run.ts';
import { forecastOf, planRun, type RunPlan } from './run-plan.ts';
import { forecastStorage } from './storage-forecast.ts';
import { keptDatasetBytes, startOf } from './stored-runs.ts';
import { Responder, toTrace, type TokenPrompt } from './traces.ts';
import type { Watch } from './watch.ts';
import { textOf } from '../support/text-of.ts';

const PROMPTS_PER_BATCH = 32;

export class Model {
  readonly engine: Engine;
  readonly source: ModelSource;
  /** @internal */
  readonly loaded: LoadedModel;
  readonly #hub: ModelReport['hub'];
  readonly #adapters = new Set<{ dispose(): void }>(); // runs, adapters and playgrounds made on it
  #knownRoom = Infinity; // bytes the GPU gives in all, once an allocation has failed

  /** Takes `loaded` over. @internal */
  constructor(engine: Engine, source: ModelSource, loaded: LoadedModel, hub: ModelReport['hub']) {
    this.engine = engine;
    this.source = source;
    this.loaded = loaded;
    this.#hub = hub;
  }

  get quantization(): RunConfig['quantization'] {
    return quantizationOf(this.loaded.decoder.weights.format);
  }

  get report(): ModelReport {
    const { name, config, notes, tokenizer, decoder } = this.loaded;
    return {
      name,
      architecture: config.architecture,
      parameterCount: decoder.weights.parameterCount,
      hiddenSize: config.hiddenSize,
      layerCount: config.layerCount,
      headCount: config.headCount,
      kvHeadCount: config.kvHeadCount,
      vocabSize: config.vocabSize,
      maxPositions: config.maxPositions,
      quantization: this.quantization,
      weightBytes: decoder.weights.all.reduce((bytes, tensor) => bytes + tensor.byteSize, 0),
      thinkPrefilled: tokenizer.thinkPrefilled,
      notes,
      hub: this.#hub,
    };
  }

  /** The file's rows as this model's tokens. @throws TrainerError as `prepareDataset` */
  async readDataset(
    source: DatasetSource,
    settings: DatasetSettings,
    { signal, onProgress = () => undefined }: Watch = {},
  ): Promise<Dataset> {
    const { trainer } = this.engine;
    const watch = { onProgress, ...(signal === undefined ? {} : { signal }) };
    const files = await trainer.openDataset(source, watch);
    const suites = await trainer.suites();
    const prepared = await prepareDataset(files, this.loaded.tokenizer, settings, { ...watch, suites });
    return new Dataset(source, settings, this.#judged(source, prepared), this.loaded.tokenizer);
  }

  /** The rows that are built in are of the toy world that only the demo model knows. */
  #judged({ kind }: DatasetSource, prepared: PreparedDataset): PreparedDataset {
    if (kind !== 'builtin' || this.source.kind === 'demo') return prepared;
    const finding: GateFinding = {
      level: 'warning',
      code: 'rows-of-demo',
      message:
        'These rows were made for the demo model and its toy world. They show another model the form of AltTrain, and little else: choose data of your own for it.',
    };
    const { report } = prepared;
    return { ...prepared, report: { ...report, gate: [finding, ...report.gate] } };
  }

  /** What a run with these settings would do, and what it needs of the GPU. @internal */
  planRun({ plans }: Dataset, config: RunConfig): RunPlan {
    return planRun(this.loaded, plans.for(config), config, this.#knownRoom);
  }

  /** What such a run would do, and take of the GPU and of what can be kept. */
  async forecast(dataset: Dataset, config: RunConfig): Promise<RunForecast> {
    const { trainer } = this.engine;
    const plan = this.planRun(dataset, config);
    const runs = await trainer.openRuns().catch((error: unknown) => toWire(error).message);
    const storage = await forecastStorage(
      {
        model: this.loaded.config,
        config,
        totalSteps: plan.batches.totalSteps,
        datasetBytes: typeof runs === 'string' ? 0 : await keptDatasetBytes(dataset, runs),
      },
      {
        roomFor: (bytes) => trainer.host.roomFor(bytes),
        refusal: typeof runs === 'string' ? runs : null,
      },
    );
    const { suitePrompts } = config;
    const tasks = suitePrompts === 0 ? [] : await this.tasks();
    const questions = tasks.reduce((sum, { prompts }) => sum + Math.min(prompts.length, suitePrompts), 0);
    return forecastOf(plan, { storage, questions });
  }

  /** Suites are made for the world of the embedded demo: other models have none. @internal */
  async tasks(): Promise<Task[]> {
    if (this.source.kind !== 'demo') return [];
    const { thinkPrefilled } = this.loaded.tokenizer;
    return (await this.engine.trainer.suites()).map((suite) => suiteTask(suite, thinkPrefilled));
  }

  /** Caller disposes. @throws TrainerError "gpu-out-of-memory" with settings that fit, "config-invalid", … */
  async createRun(dataset: Dataset, request: TrainingRequest): Promise<Run> {
    const { config } = request;
    if (formatOf(config.quantization) !== this.loaded.decoder.weights.format)
      throw new TrainerError(
        'config-invalid',
        `The model is loaded as ${this.quantization}, and the run asks for ${config.quantization}. Load it again.`,
      );
    requireReadFor(dataset, config);
    const plan = this.planRun(dataset, config);
    if (!plan.memory.fits) throw doesNotFit(plan.memory);
    const start = await startOf(this, dataset, plan, request);
    try {
      const run = await Run.create(this.#runHost(dataset, plan), plan, start);
      this.#adapters.add(run);
      return run;
    } catch (error) {
      await start.kept?.log.close();
      if (!(error instanceof TrainerError) || error.code !== 'gpu-out-of-memory') throw error;
      throw await this.#runHost(dataset, plan).explainOutOfMemory(error.detail);
    }
  }

  #runHost(dataset: Dataset, { config, memory }: RunPlan): Parameters<typeof Run.create>[0] {
    const { gpu, trainer } = this.engine;
    return {
      gpu,
      model: this.loaded,
      nowMs: trainer.host.nowMs,
      tasks: () => this.tasks(),
      explainOutOfMemory: async (detail) => {
        this.#knownRoom = gpu.memory.bytes + (await gpu.memory.measureRoom(memory.plan.total));
        return doesNotFit(this.planRun(dataset, config).memory, detail);
      },
    };
  }

  /** A PEFT adapter of this model's shape, on the GPU. Caller disposes. @throws TrainerError "adapter-invalid" */
  async loadAdapter(source: AdapterSource): Promise<Adapter> {
    const { gpu, trainer } = this.engine;
    const { settings, modules } = await readAdapter(await trainer.adapterFiles(source), this.loaded.config);
    const adapter = await gpu.memory.checked(
      'the adapter',
      () => new Adapter(gpu, this.loaded.config, settings, moduleNames(modules)),
    );
    try {
      adapter.writeParameters(fromModules(adapter.plan, settings, modules));
    } catch (error) {
      adapter.dispose();
      throw error;
    }
    this.#adapters.add(adapter);
    return adapter;
  }

  /** Answers in the order of the prompts, with `adapter` or without. */
  async generate(
    { prompts, useAdapter, templateDate, ...settings }: GenerateRequest,
    adapter: Adapter | null,
  ): Promise<Generation[]> {
    if (useAdapter && adapter === null)
      throw new TrainerError('nothing-to-export', 'There is no adapter yet: train one or load one first.');
    if (prompts.length === 0) return [];
    const loaded =
      templateDate === undefined
        ? this.loaded
        : { ...this.loaded, tokenizer: this.loaded.tokenizer.onDay(templateDate) };
    const responder = await Responder.create(
      loaded,
      adapter,
      prompts,
      PROMPTS_PER_BATCH,
      settings.maxNewTokens,
    );
    try {
      const answers = await responder.answer(prompts, settings, useAdapter);
      this.engine.assertHealthy();
      return answers.map((tokenIds, i) => ({
        prompt: prompts[i] ?? '',
        tokenIds,
        trace: toTrace(tokenIds, loaded.tokenizer),
      }));
    } finally {
      responder.dispose();
    }
  }

  /** Goes on after prompts that are rendered already, greedily and without an adapter. Texts in their order. @internal */
  async complete(prompts: readonly TokenPrompt[], maxNewTokens: number): Promise<string[]> {
    if (prompts.length === 0) return [];
    const { tokenizer } = this.loaded;
    const responder = await Responder.create(this.loaded, null, prompts, prompts.length, maxNewTokens);
    try {
      const answers = await responder.answer(prompts, { maxNewTokens, temperature: 0, seed: 0 }, false);
      this.engine.assertHealthy();
      return answers.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }));
    } finally {
      responder.dispose();
    }
  }

  /** Caller releases it. @internal */
  openPlayground(): Playground {
    const playground = new Playground(this);
    this.#adapters.add(playground);
    return playground;
  }

  /** Ends one of its runs, adapters or playgrounds; null is none. */
  release(made: { dispose(): void } | null): void {
    if (made !== null && this.#adapters.delete(made)) made.dispose();
  }

  /** With every run and adapter that was made on it. */
  dispose(): void {
    for (const made of this.#adapters) made.dispose();
    this.#adapters.clear();
    this.loaded.decoder.dispose();
    this.engine.forget(this);
  }
}

/** @throws TrainerError "config-invalid" where the rows were read with other settings than the run would be told to have. */
function requireReadFor({ settings: then }: Dataset, config: RunConfig): void {
  const now = datasetSettings(config);
  const differing = (Object.keys(now) as (keyof DatasetSettings)[]).filter(
    (key) => JSON.stringify(then[key]) !== JSON.stringify(now[key]),
  );
  if (differing.length === 0) return;
  const each = differing.map((key) => `${fieldOf(key).file} ${textOf(then[key])}, not ${textOf(now[key])}`);
  throw new TrainerError(
    'config-invalid',
    `The dataset was read with ${each.join('; ')} as the run asks for. Read it again with the run's settings.`,
  );
}
