/** Everything before a run: the GPU, the model and the dataset, each opened by the worker and reported here. */
import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type {
  DatasetReport,
  DatasetSettings,
  DatasetSource,
  DeviceReport,
  GateFinding,
  LoadProgress,
  ModelReport,
  ModelSource,
  TrainerApi,
} from '../../api/trainer-api.ts';
import { toWire } from '../../support/trainer-error.ts';
import { datasetSettings, sameDatasetSettings } from '../../config/dataset-settings.ts';
import { demoRunConfig } from '../../config/demo-preset.ts';
import { defaultRunConfig, type RunConfig } from '../../config/run-config.ts';
import type { Failures } from './failures.ts';
import type { Settings } from './settings.ts';

export const builtinDataset: DatasetSource = { kind: 'builtin', name: 'alttrain-1k' };

/** `report` stays while another one is being read, so that the page does not jump. */
export interface Loaded<Report> {
  readonly report: ReadonlySignal<Report | null>;
  readonly progress: ReadonlySignal<LoadProgress | null>; // null: nothing is being read
}

export interface SetUp {
  readonly device: ReadonlySignal<DeviceReport | null>;
  readonly model: Loaded<ModelReport>;
  readonly modelSource: ReadonlySignal<ModelSource>;
  readonly dataset: Loaded<DatasetReport>;
  readonly datasetSource: ReadonlySignal<DatasetSource>;
  /** The dataset was read with other settings than those of the form now. */
  readonly isDatasetStale: ReadonlySignal<boolean>;
  /** The source that failed last; it can be read after its columns are mapped. */
  readonly refusedSource: ReadonlySignal<DatasetSource | null>;
  /** The same dataset is being read again, for other settings. */
  readonly isRefreshing: ReadonlySignal<boolean>;
  /** The message of the gate's stop that the user has decided to train in spite of; another one stops again. */
  readonly acceptedStop: Signal<string | null>;
  /** The stop that holds; null: none, or it was accepted. */
  readonly standingStop: ReadonlySignal<GateFinding | null>;
  /** Opens the GPU, then the chosen model and dataset. */
  readonly open: () => Promise<void>;
  readonly loadModel: (source: ModelSource) => Promise<void>;
  readonly cancelLoading: () => Promise<void>;
  readonly readDataset: (source: DatasetSource) => Promise<void>;
  readonly cancelReading: () => Promise<void>;
  /** Reads the dataset again where the settings it depends on have changed since. */
  readonly refreshDataset: () => Promise<void>;
}

export function createSetUp(client: TrainerApi, settings: Settings, failures: Failures): SetUp {
  const device = signal<DeviceReport | null>(null);
  const modelSource = signal<ModelSource>({ kind: 'demo' });
  const datasetSource = signal<DatasetSource>(builtinDataset);
  const model = createSlot<ModelReport>();
  const dataset = createSlot<DatasetReport>();
  const datasetReadWith = signal<DatasetSettings | null>(null);
  const refusedSource = signal<DatasetSource | null>(null);
  const wanted = computed(() => datasetSettings(settings.config.value));
  const isDatasetStale = computed(
    () => datasetReadWith.value !== null && !sameDatasetSettings(datasetReadWith.value, wanted.value),
  );
  const isRefreshing = signal(false);
  const acceptedStop = signal<string | null>(null);
  const standingStop = computed(
    () =>
      dataset.report.value?.gate.find(
        ({ level, message }) => level === 'stop' && message !== acceptedStop.value,
      ) ?? null,
  );
  const inTurn = createQueue();

  async function openDevice(): Promise<void> {
    device.value = null;
    failures.clear('device');
    try {
      device.value = await client.openDevice();
    } catch (error) {
      failures.report('device', error);
    }
  }

  /** A model that cannot be read leaves the one before in place, in the worker as here. */
  async function loadModelNow(source: ModelSource): Promise<boolean> {
    failures.clear('model');
    try {
      const { quantization } = settings.config.value;
      const report = await model.read((onProgress) => client.loadModel(source, quantization, onProgress));
      modelSource.value = source;
      settings.useDefaults(defaultsFor(source, report));
      model.report.value = report;
      return true;
    } catch (error) {
      if (toWire(error).code !== 'cancelled') failures.report('model', error); // the user sees that it has ended
      return false;
    }
  }

  async function readDatasetNow(source: DatasetSource): Promise<void> {
    if (model.report.value === null) {
      datasetSource.value = source; // read as soon as there is a tokenizer
      return;
    }
    const readWith = wanted.value;
    failures.clear('dataset');
    refusedSource.value = null;
    try {
      const report = await dataset.read((onProgress) => client.readDataset(source, readWith, onProgress));
      batch(() => {
        dataset.report.value = report;
        datasetSource.value = source;
        datasetReadWith.value = readWith;
      });
    } catch (error) {
      if (toWire(error).code === 'cancelled') return; // asked for by the user, who sees that it has ended
      failures.report('dataset', error);
      refusedSource.value = source;
    }
  }

  return {
    device,
    model,
    modelSource,
    dataset,
    datasetSource,
    isDatasetStale,
    refusedSource,
    isRefreshing,
    acceptedStop,
    standingStop,
    open: () =>
      inTurn(async () => {
        await openDevice();
        if (device.value === null) return;
        if (await loadModelNow(modelSource.value)) await readDatasetNow(datasetSource.value);
      }),
    loadModel: (source) =>
      inTurn(async () => {
        // The tokens of the dataset depend on the model.
        if (await loadModelNow(source)) await readDatasetNow(datasetSource.value);
      }),
    cancelLoading: () => client.cancelLoading(),
    readDataset: (source) => inTurn(() => readDatasetNow(source)),
    cancelReading: () => client.cancelReading(),
    refreshDataset: () =>
      inTurn(async () => {
        if (!isDatasetStale.value || dataset.report.value === null) return;
        isRefreshing.value = true;
        await readDatasetNow(datasetSource.value);
        isRefreshing.value = false;
      }),
  };
}

/** Max length within what the model was made for. */
function defaultsFor(source: ModelSource, { maxPositions }: ModelReport): RunConfig {
  const defaults = source.kind === 'demo' ? demoRunConfig : defaultRunConfig;
  return { ...defaults, maxLength: Math.min(defaults.maxLength, maxPositions) };
}

function createSlot<Report>() {
  const report = signal<Report | null>(null);
  const progress = signal<LoadProgress | null>(null);
  async function read(call: (onProgress: (p: LoadProgress) => void) => Promise<Report>): Promise<Report> {
    let isOpen = true;
    progress.value = { done: 0, total: 0, note: '' };
    try {
      return await call((latest) => {
        if (isOpen) progress.value = latest;
      });
    } finally {
      isOpen = false;
      progress.value = null;
    }
  }
  return { report, progress, read };
}

/** One after the other: the worker has one model and one dataset at a time. */
function createQueue(): (task: () => Promise<void>) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (task) => (last = last.then(task));
}
