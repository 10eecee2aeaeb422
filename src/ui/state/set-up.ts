/** Everything before a run: the GPU, the model and the dataset, each opened by the worker and reported here. */
import { signal, type ReadonlySignal } from '@preact/signals';
import type {
  DatasetReport,
  DatasetSource,
  DeviceReport,
  LoadProgress,
  ModelReport,
  ModelSource,
  TrainerApi,
} from '../../api/trainer-api.ts';
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
  /** Max length the dataset was read with. */
  readonly datasetMaxLength: ReadonlySignal<number>;
  /** The same dataset is being read again, for another max length. */
  readonly isRefreshing: ReadonlySignal<boolean>;
  /** Opens the GPU, then the chosen model and dataset. */
  readonly open: () => Promise<void>;
  readonly loadModel: (source: ModelSource) => Promise<void>;
  readonly readDataset: (source: DatasetSource) => Promise<void>;
  /** Reads the dataset again where max length has changed since. */
  readonly refreshDataset: () => Promise<void>;
}

export function createSetUp(client: TrainerApi, settings: Settings, failures: Failures): SetUp {
  const device = signal<DeviceReport | null>(null);
  const modelSource = signal<ModelSource>({ kind: 'demo' });
  const datasetSource = signal<DatasetSource>(builtinDataset);
  const model = createSlot<ModelReport>();
  const dataset = createSlot<DatasetReport>();
  const datasetMaxLength = signal(0);
  const isRefreshing = signal(false);
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
      const report = await model.read((onProgress) => client.loadModel(source, onProgress));
      modelSource.value = source;
      settings.useDefaults(defaultsFor(source, report));
      model.report.value = report;
      return true;
    } catch (error) {
      failures.report('model', error);
      return false;
    }
  }

  async function readDatasetNow(source: DatasetSource): Promise<void> {
    if (model.report.value === null) {
      datasetSource.value = source; // read as soon as there is a tokenizer
      return;
    }
    const { maxLength } = settings.config.value;
    failures.clear('dataset');
    try {
      dataset.report.value = await dataset.read((onProgress) =>
        client.readDataset(source, maxLength, onProgress),
      );
      datasetSource.value = source;
      datasetMaxLength.value = maxLength;
    } catch (error) {
      failures.report('dataset', error);
    }
  }

  return {
    device,
    model,
    modelSource,
    dataset,
    datasetSource,
    datasetMaxLength,
    isRefreshing,
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
    readDataset: (source) => inTurn(() => readDatasetNow(source)),
    refreshDataset: () =>
      inTurn(async () => {
        if (settings.config.value.maxLength === datasetMaxLength.value || dataset.report.value === null)
          return;
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
