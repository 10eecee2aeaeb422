/** The worker's side of the contract (api/trainer-api.ts): owns the device, the model, the data and the run. */
import { zipFiles } from '../adapter/zip.ts';
import type {
  DatasetSettings,
  DatasetSource,
  Generation,
  GenerateRequest,
  LoadProgress,
  MemoryReport,
  ModelReport,
  ModelSource,
  TrainerApi,
  TrainEvent,
} from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import type { RunConfig } from '../config/run-config.ts';
import { sameDatasetSettings, datasetSettings } from '../config/dataset-settings.ts';
import { prepareDataset, type PreparedDataset } from '../data/dataset.ts';
import type { TokenizedExample } from '../data/mask.ts';
import { inspectTokens } from '../data/inspect-tokens.ts';
import { placeOf } from '../data/packs.ts';
import { previewColumns } from '../data/preview-columns.ts';
import { openDevice, type Gpu } from '../device/open-device.ts';
import { selfTest } from '../device/self-test.ts';
import type { TuningStore } from '../device/tuner.ts';
import { findHubDataset } from '../hub/hub-dataset.ts';
import { openCache } from '../hub/model-cache.ts';
import type { WeightFormat } from '../kernels/weight-matrix.ts';
import { Adapter, fromModules, moduleNames } from '../model/adapter.ts';
import { curatedModels } from '../model/curated-models.ts';
import { loadHubModel, type KeptContent, type KeptModels } from '../model/kept-models.ts';
import { loadModel, type LoadedModel } from '../model/load-model.ts';
import { openModelFiles } from '../model/model-files.ts';
import { builtinSuites } from './evaluate.ts';
import { doesNotFit, formatOf, memoryQuestion, quantizationOf, reportMemory } from './memory-advice.ts';
import { createDatasetOpener } from './open-dataset.ts';
import { readAdapter } from './read-adapter.ts';
import { Run, type RunHost } from './run.ts';
import { Responder, toTrace } from './traces.ts';

export interface ServiceHost {
  readonly gpu: GPU | undefined;
  readonly appBaseUrl: string;
  readonly nowMs: () => number;
  /** Where the choice of kernel variants outlives the page. */
  readonly tuning?: TuningStore;
}

interface LoadedDataset {
  readonly source: DatasetSource;
  readonly settings: DatasetSettings;
  readonly prepared: PreparedDataset;
}

export function createTrainerService(host: ServiceHost): TrainerApi {
  let gpu: Gpu | null = null;
  let model: LoadedModel | null = null;
  let modelSource: ModelSource | null = null;
  let knownRoom = Infinity; // bytes the GPU gives in all, once an allocation has failed
  let dataset: LoadedDataset | null = null;
  let run: Run | null = null;
  let looseAdapter: Adapter | null = null; // put there by loadAdapter
  let busyWith: string | null = null;
  let loading: AbortController | null = null;
  let hubState: ModelReport['hub'] = null;
  let kept: Promise<KeptModels | null> | null = null;
  let reading: AbortController | null = null;
  let finding: AbortController | null = null; // looks for a data set on the hub
  const datasets = createDatasetOpener(host.appBaseUrl);

  const requireGpu = async (): Promise<Gpu> => {
    if (gpu === null) {
      const opened = await openDevice(host.gpu);
      await selfTest(opened, host.tuning ?? null);
      gpu = opened;
    }
    gpu.assertHealthy();
    return gpu;
  };
  /** null where the browser has no storage, as in some private windows. */
  const requireKept = (): Promise<KeptModels | null> => (kept ??= openCache<KeptContent>().catch(() => null));
  const requireModel = (): LoadedModel => {
    if (model === null) throw new TrainerError('busy', 'No model is loaded yet. Choose a model first.');
    return model;
  };
  /** One thing at a time on the device; what is asked for meanwhile is refused, not queued. */
  const exclusively = async <T>(what: string, action: () => Promise<T>): Promise<T> => {
    if (busyWith !== null)
      throw new TrainerError('busy', `The trainer is busy (${busyWith}). Wait for it, or stop it first.`);
    busyWith = what;
    try {
      return await action();
    } finally {
      busyWith = null;
    }
  };
  const dropAdapters = (): void => {
    run?.dispose();
    run = null;
    looseAdapter?.dispose();
    looseAdapter = null;
  };
  const read = async (
    source: DatasetSource,
    settings: DatasetSettings,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<LoadedDataset> => {
    const { tokenizer } = requireModel();
    reading = new AbortController();
    const { signal } = reading;
    try {
      const data = await datasets.open(source, signal, onProgress);
      const suites = await builtinSuites(host.appBaseUrl);
      const prepared = await prepareDataset(data, tokenizer, settings, { onProgress, signal, suites });
      return { source, settings, prepared };
    } finally {
      reading = null;
    }
  };

  const load = async (
    source: ModelSource,
    quantization: RunConfig['quantization'],
    onProgress: (progress: LoadProgress) => void,
  ): Promise<LoadedModel> => {
    const device = await requireGpu();
    loading = new AbortController();
    const { signal } = loading;
    try {
      const format = formatOf(quantization);
      if (source.kind === 'hub') {
        const { loaded, ...hub } = await loadHubModel(
          device,
          source,
          format,
          await requireKept(),
          {
            signal,
            ...(source.hubUrl === undefined ? {} : { hubUrl: source.hubUrl }),
            onTransfer: ({ file, ...transfer }) => onProgress({ ...transfer, note: file }),
          },
          onProgress,
        );
        return useLoaded(loaded, source, hub);
      }
      const loaded = await loadModel(device, openModelFiles(source, host.appBaseUrl), format, (progress) => {
        if (signal.aborted) throw new TrainerError('cancelled', 'Loading was cancelled.');
        onProgress(progress);
      });
      return useLoaded(loaded, source, null);
    } finally {
      loading = null;
    }
  };
  const useLoaded = (loaded: LoadedModel, source: ModelSource, hub: ModelReport['hub']): LoadedModel => {
    dropAdapters();
    model?.decoder.dispose();
    model = loaded;
    modelSource = source;
    hubState = hub;
    knownRoom = Infinity;
    return loaded;
  };
  /** A run in another format loads its model again; the data set's tokens stay good. */
  const modelFor = async (config: RunConfig, onEvent: (event: TrainEvent) => void): Promise<LoadedModel> => {
    const loaded = requireModel();
    if (loaded.decoder.weights.format === formatOf(config.quantization) || modelSource === null)
      return loaded;
    onEvent({ kind: 'phase', phase: 'loading', note: `Base weights as ${config.quantization}` });
    return load(modelSource, config.quantization, ({ done, total, note }) =>
      onEvent({ kind: 'progress', done, total, note }),
    );
  };
  const memoryOf = (
    loaded: LoadedModel,
    examples: readonly TokenizedExample[],
    config: RunConfig,
  ): MemoryReport =>
    reportMemory(
      memoryQuestion(
        loaded,
        examples,
        config,
        Math.min(knownRoom, config.gpuMemoryLimitGb > 0 ? config.gpuMemoryLimitGb * 1e9 : Infinity),
      ),
    );

  return {
    openDevice: async () => (await requireGpu()).report,

    loadModel: (source, quantization, onProgress) =>
      exclusively('loading a model', async () => {
        const device = await requireGpu();
        const loaded = await load(source, quantization, onProgress);
        dataset = null; // its tokens belong to the other tokenizer
        device.assertHealthy();
        return modelReport(loaded, hubState);
      }),

    cancelLoading: () => Promise.resolve(loading?.abort()),
    listCurated: async () => curatedModels((await requireGpu()).memory.maxTensorBytes),
    listKept: async () =>
      ((await (await requireKept())?.list()) ?? []).map(({ content, quantization, ...entry }) => ({
        ...entry,
        quantization: quantizationOf(quantization as WeightFormat),
        revision: content.revision,
      })),
    removeKept: async ({ quantization, ...model }) =>
      (await requireKept())?.remove({ ...model, quantization: formatOf(quantization) }),
    removeAllKept: async () => (await requireKept())?.removeAll(),

    readDataset: (source, settings, onProgress) =>
      exclusively('reading a data set', async () => {
        dataset = await read(source, settings, onProgress);
        return dataset.prepared.report;
      }),
    findHubDataset: async (source) => {
      finding = new AbortController();
      try {
        return await findHubDataset(source, { signal: finding.signal });
      } finally {
        finding = null;
      }
    },
    cancelReading: () => {
      reading?.abort();
      finding?.abort();
      return Promise.resolve();
    },
    previewColumns: async (source) => previewColumns(await datasets.openLocal(source)),
    inspectRows: (first, count) => {
      const { tokenizer } = requireModel();
      const { examples, packs } = requireDataset(dataset).prepared;
      const rows = examples.slice(first, first + count).map((example, i) => ({
        index: first + i,
        line: example.line,
        tokens: inspectTokens(example, tokenizer),
        truncated: example.truncated,
        place: packs === null ? null : placeOf(first + i, packs, examples),
      }));
      return Promise.resolve(rows);
    },

    startTraining: ({ config, initAdapter, checkpoint }, onEvent) =>
      exclusively('training', async () => {
        const device = await requireGpu();
        const loaded = await modelFor(config, onEvent);
        const { source, settings } = requireDataset(dataset);
        if (!sameDatasetSettings(settings, datasetSettings(config)))
          dataset = await read(source, datasetSettings(config), () => undefined);
        const { report, examples } = requireDataset(dataset).prepared;
        const runHost: RunHost = {
          gpu: device,
          model: loaded,
          nowMs: host.nowMs,
          appBaseUrl: host.appBaseUrl,
        };
        const memory = memoryOf(loaded, examples, config);
        if (!memory.fits) throw doesNotFit(memory);
        const previous = run;
        const next = await Run.create(
          runHost,
          report.name,
          examples,
          config,
          memory,
          initAdapter,
          checkpoint,
        );
        previous?.dispose();
        looseAdapter?.dispose();
        looseAdapter = null;
        run = next;
        return await next.train(onEvent).catch(async (error: unknown) => {
          if (error instanceof TrainerError && error.code === 'gpu-out-of-memory') {
            knownRoom = device.memory.bytes + (await device.memory.measureRoom(memory.plan.total));
            throw doesNotFit(memoryOf(loaded, examples, config), error.detail);
          }
          throw error;
        });
      }),

    planMemory: (config) =>
      Promise.resolve(
        model === null || dataset === null ? null : memoryOf(model, dataset.prepared.examples, config),
      ),

    pause: () => Promise.resolve(run?.control.pause()),
    resume: () => Promise.resolve(run?.control.resume()),
    stop: () => Promise.resolve(run?.control.stop()),

    loadAdapter: (source) =>
      exclusively('loading an adapter', async () => {
        const device = await requireGpu();
        const { config } = requireModel();
        const { settings, modules } = await readAdapter(source);
        const adapter = await device.memory.checked(
          'the adapter',
          () => new Adapter(device, config, settings, moduleNames(modules)),
        );
        try {
          adapter.writeParameters(fromModules(adapter.plan, settings, modules));
        } catch (error) {
          adapter.dispose();
          throw error;
        }
        dropAdapters();
        looseAdapter = adapter;
      }),

    generate: (request) =>
      exclusively('generating', async () => {
        const device = await requireGpu();
        const loaded = requireModel();
        const adapter = run?.adapter ?? looseAdapter;
        if (request.useAdapter && adapter === null)
          throw new TrainerError(
            'nothing-to-export',
            'There is no adapter yet: train one or load one first.',
          );
        if (request.prompts.length === 0) return [];
        const generations = await generate(loaded, adapter, request);
        device.assertHealthy();
        return generations;
      }),

    exportFiles: () => requireRun(run).files(),
    exportZip: async () => zipFiles(await requireRun(run).files()),
    exportCheckpoint: async () => new Blob([(await requireRun(run).checkpoint()) as BlobPart]),

    destroyDevice: () => {
      gpu?.device.destroy();
      return Promise.resolve();
    },
  };
}

function requireRun(run: Run | null): Run {
  if (run === null)
    throw new TrainerError('nothing-to-export', 'Nothing has been trained yet. Start training first.');
  return run;
}

function requireDataset(dataset: LoadedDataset | null): LoadedDataset {
  if (dataset === null)
    throw new TrainerError('busy', 'No data set is read yet. Drop a file or choose the built-in one first.');
  return dataset;
}

async function generate(
  loaded: LoadedModel,
  adapter: Adapter | null,
  request: GenerateRequest,
): Promise<Generation[]> {
  const { prompts, useAdapter, templateDate, ...settings } = request;
  const model =
    templateDate === undefined ? loaded : { ...loaded, tokenizer: loaded.tokenizer.onDay(templateDate) };
  const responder = await Responder.create(model, adapter, prompts, 32, settings.maxNewTokens);
  try {
    const answers = await responder.answer(prompts, settings, useAdapter);
    return answers.map((tokenIds, i) => ({
      prompt: prompts[i] ?? '',
      tokenIds,
      trace: toTrace(tokenIds, model.tokenizer),
    }));
  } finally {
    responder.dispose();
  }
}

function modelReport(
  { name, config, notes, tokenizer, decoder }: LoadedModel,
  hub: ModelReport['hub'],
): ModelReport {
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
    quantization: quantizationOf(decoder.weights.format),
    weightBytes: decoder.weights.all.reduce((bytes, tensor) => bytes + tensor.byteSize, 0),
    notes,
    thinkPrefilled: tokenizer.thinkPrefilled,
    hub,
  };
}
