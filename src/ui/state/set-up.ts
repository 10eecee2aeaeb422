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
import { fittingDefaults } from '../../config/fitting-defaults.ts';
import type { Failures } from './failures.ts';
import type { Settings } from './settings.ts';

export const builtinDataset: DatasetSource = { kind: 'builtin', name: 'alttrain-1k' };

/** `report` stays while another one is being read, so that the page does not jump. */
export interface Loaded<Report> {
  readonly report: ReadonlySignal<Report | null>;
  readonly progress: ReadonlySignal<LoadProgress | null>; // null: nothing is being read
}

/** Chosen, and not in use. */
export interface Unmet {
  readonly name: string;
  readonly why: 'not loaded' | 'refused';
}
export interface UnmetModel extends Unmet {
  readonly option: string; // of the list of models
}

export interface Used {
  readonly model: ModelSource;
  readonly dataset: DatasetSource;
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
  /** What was chosen last and is not what is loaded. Nothing is trained before it is, or the user has gone back. */
  readonly unmetModel: ReadonlySignal<UnmetModel | null>;
  readonly unmetDataset: ReadonlySignal<Unmet | null>;
  /** Chosen in the list of models, and not loaded yet. */
  readonly pickModel: (picked: Omit<UnmetModel, 'why'>) => void;
  /** Chosen, and it could not even be begun to read it. */
  readonly refuseModel: (name: string, error: unknown) => void;
  readonly refuseDataset: (name: string, error: unknown) => void;
  /** A dataset that is known by name, and of which a file has to be chosen. */
  readonly pickDataset: (name: string) => void;
  /** What is loaded is what is meant after all. */
  readonly keepModel: () => void;
  readonly keepDataset: () => void;
  /** What the last run began with: those steps are done, until another model or other data are chosen. */
  readonly used: ReadonlySignal<Used | null>;
  readonly markUsed: () => void;
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
  const unmetModel = signal<UnmetModel | null>(null);
  const unmetDataset = signal<Unmet | null>(null);
  let refusedWith: DatasetSettings | null = null;
  let isOfLoadedModel = true; // the report of the dataset counts tokens of the model that is loaded
  const wanted = computed(() => datasetSettings(settings.config.value));
  const isDatasetStale = computed(() => datasetReadWith.value !== null && !isSameAs(datasetReadWith.value));
  const isSameAs = (settings: DatasetSettings | null): boolean =>
    settings !== null && sameDatasetSettings(settings, wanted.value);
  const isRefreshing = signal(false);
  const used = signal<Used | null>(null);
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
      device.value = await client.openDevice(true);
    } catch (error) {
      failures.report('device', error);
    }
  }

  /** While the data are read. A run that is asked for meanwhile waits for it, and does not begin where it fails. */
  async function proveDevice(): Promise<void> {
    try {
      await client.proveDevice();
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
      isOfLoadedModel = false;
      batch(() => {
        modelSource.value = source;
        unmetModel.value = null;
        model.report.value = report;
        settings.maxPositions.value = report.maxPositions;
        followWith(null);
      });
      return true;
    } catch (error) {
      if (toWire(error).code === 'cancelled') return false; // the user sees that it has ended
      refuseModel(nameOfModel(source), optionOf(source), error);
      return false;
    }
  }

  function refuseModel(name: string, option: string, error: unknown): void {
    failures.report('model', error);
    unmetModel.value = { name, option, why: 'refused' };
  }

  /** Settings that nobody has touched follow the model, and the data once they are known. */
  function followWith(data: DatasetReport | null): void {
    if (model.report.value === null) return;
    const isBuiltin = datasetSource.value.kind === 'builtin';
    const fitting = fittingDefaults({
      isDemoModel: modelSource.value.kind === 'demo',
      maxPositions: model.report.value.maxPositions,
      rows: data === null ? null : { isBuiltin, usable: data.usableRows },
    });
    settings.useDefaults(fitting.config, fitting.reasons);
  }

  /** Data that were not read are not in use; nor are those whose tokens are another model's. */
  function leaveDataset(source: DatasetSource): void {
    if (!isOfLoadedModel) {
      dataset.report.value = null;
      datasetReadWith.value = null;
    }
    if (dataset.report.value === null) datasetSource.value = source;
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
      isOfLoadedModel = true;
      batch(() => {
        unmetDataset.value = null;
        dataset.report.value = report;
        datasetSource.value = source;
        datasetReadWith.value = readWith;
        followWith(report);
      });
    } catch (error) {
      leaveDataset(source);
      if (toWire(error).code === 'cancelled') return; // asked for by the user, who sees that it has ended
      refuseDataset(nameOfDataset(source), error);
      refusedSource.value = source;
      refusedWith = readWith;
    }
  }

  function refuseDataset(name: string, error: unknown): void {
    failures.report('dataset', error);
    unmetDataset.value = { name, why: 'refused' };
  }

  function keepDataset(): void {
    failures.clear('dataset');
    batch(() => {
      refusedSource.value = null;
      unmetDataset.value = null;
    });
  }

  return {
    device,
    model,
    modelSource,
    dataset,
    datasetSource,
    isDatasetStale,
    refusedSource,
    unmetModel,
    unmetDataset,
    pickModel: (picked) => {
      failures.clear('model');
      unmetModel.value = { ...picked, why: 'not loaded' };
    },
    refuseModel: (name, error) => refuseModel(name, 'folder', error),
    refuseDataset: (name, error) => {
      refusedSource.value = null;
      refuseDataset(name, error);
    },
    pickDataset: (name) => {
      refusedSource.value = null;
      unmetDataset.value = { name, why: 'not loaded' };
    },
    keepModel: () => {
      failures.clear('model');
      unmetModel.value = null;
    },
    keepDataset,
    used,
    markUsed: () => (used.value = { model: modelSource.value, dataset: datasetSource.value }),
    isRefreshing,
    acceptedStop,
    standingStop,
    open: () =>
      inTurn(async () => {
        await openDevice();
        if (device.value === null) return;
        const isLoaded = await loadModelNow(modelSource.value);
        void proveDevice();
        if (isLoaded) await readDatasetNow(datasetSource.value);
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
        const refused = refusedSource.value;
        const isReadSo = dataset.report.value !== null && !isDatasetStale.value;
        // Refused with other settings, and those it was read with are back.
        if (refused === datasetSource.value && isReadSo) return keepDataset();
        const isOld = refused === null ? isDatasetStale.value : !isSameAs(refusedWith);
        if (!isOld) return;
        isRefreshing.value = true;
        await readDatasetNow(refused ?? datasetSource.value);
        isRefreshing.value = false;
      }),
  };
}

/** The entry of the list of models that stands for it. */
export function optionOf(source: ModelSource): string {
  if (source.kind === 'hub') return source.id;
  return source.kind === 'demo' ? 'demo' : 'folder';
}

export function nameOfModel(source: ModelSource): string {
  if (source.kind === 'hub') return source.id;
  return source.kind === 'demo' ? 'the demo model' : source.name;
}

export const nameOfDataset = (source: DatasetSource): string =>
  source.kind === 'hub' ? source.id : source.name;

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
