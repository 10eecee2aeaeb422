/** The page's state, put together once in mount.tsx and handed to the components through a Preact context. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { createContext, type FunctionComponent } from 'preact';
import { useContext } from 'preact/hooks';
import type { BuilderApi } from '../../api/builder-api.ts';
import type { StoredRun } from '../../api/stored-runs.ts';
import type {
  DatasetSource,
  KeptModel,
  ModelSource,
  StorageForecast,
  TrainerApi,
} from '../../api/trainer-api.ts';
import { fieldOf } from '../../config/run-config.ts';
import { formatCountOf } from '../format.ts';
import { fromWire, TrainerError } from '../../support/trainer-error.ts';
import { createBuilderState, type Builder } from './builder.ts';
import { createCompare, type Compare } from './compare.ts';
import { createEvaluationForm, type EvaluationForm } from './evaluation-form.ts';
import { createEvaluations, type Evaluations } from './evaluations.ts';
import { createExports, type Exports } from './exports.ts';
import { createFailures, type Failures } from './failures.ts';
import { createHubDatasets, type HubDatasets } from './hub-datasets.ts';
import { createHubModels, type HubModels } from './hub-models.ts';
import { createForecast, type Forecast } from './forecast.ts';
import { createOffline, type Offline } from './offline.ts';
import { createLessMemory, type LessMemory } from './less-memory.ts';
import { createPlayground, type Playground } from './playground.ts';
import { createPlaygroundForm } from './playground-form.ts';
import type { ReproduceState } from './reproduce.ts';
import { createRun, type Run } from './run.ts';
import { createSettingsTransfer, type SettingsTransfer } from './settings-transfer.ts';
import { createSettings, type Settings } from './settings.ts';
import { createSetUp, type SetUp, type Unmet } from './set-up.ts';
import { createStoredRuns, type StoredRuns } from './stored-runs.ts';
import { createSuiteFiles, type SuiteFiles } from './suite-files.ts';

export interface AppState {
  readonly client: TrainerApi;
  readonly failures: Failures;
  readonly offline: Offline;
  readonly settings: Settings;
  readonly setUp: SetUp;
  readonly run: Run;
  readonly storedRuns: StoredRuns;
  readonly suiteFiles: SuiteFiles;
  readonly evaluationForm: EvaluationForm;
  readonly evaluations: Evaluations;
  /** null: it was not opened yet. */
  readonly reproduce: ReadonlySignal<ReproduceState | null>;
  /** Loads it. What shows it; null: it could not be loaded, which is said. */
  readonly openReproduce: () => Promise<FunctionComponent<{ reproduce: ReproduceState }> | null>;
  readonly playground: Playground;
  readonly compare: Compare;
  readonly forecast: Forecast;
  readonly hubModels: HubModels;
  readonly hubDatasets: HubDatasets;
  readonly builder: Builder;
  /** Why a run cannot start now; null where it can. */
  readonly startBlocker: ReadonlySignal<string | null>;
  /** The user pressed start while an adapter would be lost, and has not answered yet. */
  readonly isConfirmingStart: Signal<boolean>;
  readonly requestStart: () => Promise<void>;
  /** Where there is room to keep the run, or nothing can be kept at all; else it is asked. */
  readonly start: () => Promise<void>;
  /** The user pressed start, there is no room to keep the run, and the user has not answered yet. */
  readonly lackingRoom: Signal<StorageForecast | null>;
  readonly startWithoutRoom: () => Promise<void>;
  readonly lessMemory: LessMemory;
  readonly downloadAdapter: () => Promise<void>;
  readonly exports: Exports;
  readonly settingsTransfer: SettingsTransfer;
  /** In the formats that are chosen. Gives whether it went well. */
  readonly downloadExport: () => Promise<boolean>;
  /** Of a run in the list. */
  readonly downloadStored: (run: StoredRun) => Promise<void>;
  readonly useModel: (source: ModelSource) => Promise<void>;
  /** Opens a kept model in the format it is kept in. */
  readonly useKept: (model: KeptModel) => Promise<void>;
  /** Loads the present model again with its weights in another format. */
  readonly useQuantization: (quantization: string) => Promise<void>;
  /** Makes the change, and reads model or data again where it asks for that. */
  readonly changeSettings: (change: () => void) => Promise<void>;
  /** In the playground, beside the base. */
  /** A run that was trained elsewhere. */
  readonly openRun: (files: readonly File[]) => Promise<void>;
  readonly useAdapter: (name: string, files: readonly File[]) => void;
  readonly useDatasetFile: (file: File) => Promise<void>;
  readonly useBuiltinDataset: (source: DatasetSource) => Promise<void>;
  /** Looks the typed dataset up, and reads it where it is clear which of its files is meant. */
  readonly findHubDataset: () => Promise<void>;
  /** Reads one of those that were found. */
  readonly useHubDataset: (path: string) => Promise<void>;
  /** Reads the file with its columns as told: "prompt=frage", "completion=antwort". */
  readonly mapColumns: (source: DatasetSource, columns: readonly string[]) => Promise<void>;
  readonly saveChart: (chart: Blob, ending: 'png' | 'csv') => void;
  readonly saveText: (text: string, name: string) => void;
  /** Downloads the rows of an evaluation that are shown. */
  readonly downloadRows: (format: 'csv' | 'jsonl') => Promise<void>;
  /** The dataset's file, where rows can be written behind its own; null: they cannot. */
  readonly fileToAddTo: ReadonlySignal<string | null>;
  /** Downloads the rows that were made of replies. */
  readonly downloadRowsOfReplies: () => void;
  /** Those rows are the dataset; or, where they can be added to its file, the file and those rows. */
  readonly trainOnReplies: (isAdded: boolean) => Promise<void>;
  /** Downloads what the builder has built. */
  readonly downloadBuilt: () => Promise<void>;
}

export function createAppState(client: TrainerApi, builderClient: BuilderApi): AppState {
  const failures = createFailures();
  const settings = createSettings();
  const setUp = createSetUp(client, settings, failures);
  const run = createRun(client, failures);
  const exports = createExports(client, failures, run);
  const storedRuns = createStoredRuns(client, { failures, settings, setUp, run });
  const suiteFiles = createSuiteFiles(client, setUp);
  const evaluationForm = createEvaluationForm({ settings, setUp, run, storedRuns });
  const evaluations = createEvaluations(client, failures, suiteFiles, evaluationForm);
  const forecast = createForecast(client, settings, setUp, run);
  const hubModels = createHubModels(client, failures, createRoom(settings, forecast));
  const hubDatasets = createHubDatasets(client, failures);
  const playgroundForm = createPlaygroundForm(settings, { setUp, run, storedRuns });
  const playground = createPlayground(client, failures, setUp, playgroundForm);
  const builder = createBuilderState(builderClient, client);
  const isConfirmingStart = signal(false);
  const setUpBlocker = computed(() => whyNotStart({ setUp, settings, run, failures, evaluations }));
  const runBlocker = computed(() => setUpBlocker.value ?? whyNoRoom(forecast));
  const reproduce = signal<ReproduceState | null>(null);
  const isReproducing = computed(() => reproduce.value?.isActive.value ?? false);
  const startBlocker = computed(
    () => runBlocker.value ?? (isReproducing.value ? 'The paper’s comparison is under way.' : null),
  );

  const lackingRoom = signal<StorageForecast | null>(null);

  async function start(): Promise<void> {
    isConfirmingStart.value = false;
    lackingRoom.value = null;
    await setUp.refreshDataset();
    if (startBlocker.value !== null || setUp.isDatasetStale.value) return;
    // Looked at again only where it was found lacking: a run that can start does so at once.
    const lacking = lacksRoom(forecast.report.value?.storage)
      ? (await client.planRun(settings.config.value).catch(() => null))?.storage
      : undefined;
    if (lacking !== undefined && lacksRoom(lacking)) lackingRoom.value = lacking;
    else await startNow();
  }

  /** The weights are read again where they are to be held otherwise, the data where their tokens are others. */
  async function changeSettings(change: () => void): Promise<void> {
    const before = settings.config.peek().quantization;
    change();
    const isLoaded = setUp.model.report.value !== null;
    if (isLoaded && settings.config.peek().quantization !== before)
      await setUp.loadModel(setUp.modelSource.value);
    else await setUp.refreshDataset();
  }

  async function startNow(): Promise<void> {
    lackingRoom.value = null;
    if (startBlocker.value !== null) return;
    const from = storedRuns.startsFrom.value;
    setUp.markUsed();
    await run.start(settings.config.value, from === null ? {} : { initAdapter: { runId: from.id } });
    await storedRuns.refresh();
  }

  const isLocked = (scope: 'model' | 'dataset'): boolean => {
    if (!run.isActive.value && !isReproducing.value) return false;
    const what = scope === 'model' ? 'model' : 'dataset';
    failures.report(
      scope,
      new TrainerError('busy', `The ${what} cannot be changed while a run is under way.`),
    );
    return true;
  };

  const readChosen = async (): Promise<void> => {
    const source = hubDatasets.chosen.value;
    if (source === null) return;
    settings.edit('columns', []);
    await setUp.readDataset(source);
  };

  const useDatasetFile = async (file: File): Promise<void> => {
    if (isLocked('dataset')) return;
    const { value: current } = setUp.datasetSource;
    // Columns are those of one file; the same one may come back corrected.
    const isOther = current.kind === 'hub' || (current.kind === 'file' && current.name !== file.name);
    if (isOther) settings.edit('columns', []);
    await setUp.readDataset({ kind: 'file', name: file.name, file });
  };

  return {
    client,
    failures,
    offline: createOffline(),
    settings,
    setUp,
    run,
    storedRuns,
    suiteFiles,
    evaluationForm,
    evaluations,
    reproduce,
    openReproduce: async () => {
      failures.clear('reproduce');
      try {
        const [{ createReproduce }, { default: body }] = await Promise.all([
          import('./reproduce.ts'),
          import('../components/reproduce-body.tsx'),
        ]);
        const parts = { failures, settings, setUp, run, storedRuns, evaluations, forecast };
        reproduce.value ??= createReproduce({ ...parts, startBlocker: runBlocker });
        return body;
      } catch (error) {
        failures.report('reproduce', error);
        return null;
      }
    },
    playground,
    compare: createCompare(client, failures, storedRuns),
    forecast,
    hubModels,
    hubDatasets,
    builder,
    startBlocker,
    isConfirmingStart,
    start,
    lackingRoom,
    startWithoutRoom: startNow,
    lessMemory: createLessMemory(client, { failures, settings, run, storedRuns, setUpBlocker, start }),
    requestStart: async () => {
      if (startBlocker.value !== null) return;
      if (run.hasUnsavedAdapter.value) isConfirmingStart.value = true;
      else await start();
    },
    exports,
    downloadExport: () =>
      exports.download((zip, model) => saveFile(zip, `alttrain-${slug(model)}-export.zip`)),
    downloadStored: (stored) =>
      storedRuns.download(stored, (zip) => saveFile(zip, `alttrain-${slug(stored.model.name)}-adapter.zip`)),
    downloadAdapter: async () => {
      const name = `alttrain-${slug(setUp.model.report.value?.name ?? 'model')}-adapter.zip`;
      await run.download((zip) => saveFile(zip, name));
    },
    useModel: async (source) => {
      if (isLocked('model')) return;
      await setUp.loadModel(source);
      if (source.kind === 'hub') await hubModels.refresh();
    },
    useKept: async ({ repo, commit, quantization }) => {
      if (isLocked('model')) return;
      settings.edit('quantization', quantization);
      hubModels.id.value = repo;
      hubModels.revision.value = commit;
      const source = hubModels.source();
      if (source !== null) await setUp.loadModel(source);
    },
    useQuantization: async (quantization) => {
      if (!isLocked('model')) await changeSettings(() => settings.edit('quantization', quantization));
    },
    changeSettings,
    settingsTransfer: createSettingsTransfer(settings, changeSettings),
    openRun: (files) => storedRuns.openFiles(files),
    useAdapter: (name, files) => {
      playgroundForm.addAdapter(files, name);
      document.querySelector('.playground')?.scrollIntoView({ block: 'start' });
    },
    useDatasetFile,
    useBuiltinDataset: async (source) => {
      if (isLocked('dataset')) return;
      settings.edit('columns', []);
      await setUp.readDataset(source);
    },
    findHubDataset: async () => {
      if (isLocked('dataset')) return;
      const named = hubDatasets.source();
      if (named === null) return;
      await hubDatasets.find();
      const failure = failures.of('dataset').value;
      if (failure !== null) setUp.refuseDataset(named.id, fromWire(failure));
      else if (hubDatasets.choices.value.length > 0) setUp.pickDataset(named.id);
      await readChosen();
    },
    useHubDataset: async (path) => {
      if (isLocked('dataset')) return;
      hubDatasets.choose(path);
      await readChosen();
    },
    mapColumns: async (source, columns) => {
      if (isLocked('dataset')) return;
      settings.edit('columns', columns);
      await setUp.readDataset(source);
    },
    saveText: (text, name) => saveFile(new Blob([text], { type: 'text/plain' }), name),
    saveChart: (chart, ending) =>
      saveFile(chart, `alttrain-${slug(setUp.model.report.value?.name ?? 'model')}-loss.${ending}`),
    downloadRows: (format) => evaluations.download(format, saveFile),
    fileToAddTo: computed(() => fileToAddTo(setUp, settings)?.name ?? null),
    downloadRowsOfReplies: () => saveFile(rowsFile(playground), rowsFileName),
    trainOnReplies: async (isAdded) => {
      const own = isAdded ? fileToAddTo(setUp, settings) : null;
      const rows = rowsFile(playground);
      const parts = own === null ? [rows] : [own.file, '\n', rows];
      await useDatasetFile(new File(parts, own?.name ?? rowsFileName));
    },
    downloadBuilt: async () => {
      const file = await builder.toFile();
      if (file !== null) saveFile(file, file.name);
    },
  };
}

function whyNotStart({
  setUp,
  settings,
  run,
  failures,
  evaluations,
}: Pick<AppState, 'setUp' | 'settings' | 'run' | 'failures' | 'evaluations'>): string | null {
  const { model, dataset } = setUp;
  if (run.isActive.value) return run.phase.value === 'paused' ? 'The run is paused.' : 'A run is under way.';
  if (evaluations.isActive.value) return 'An evaluation is under way: it uses the GPU.';
  if (failures.of('device').value !== null) return 'Training needs WebGPU: see the message at the top.';
  if (setUp.device.value === null) return 'Opening the GPU …';
  if (model.progress.value !== null) return 'Loading the model …';
  if (setUp.unmetModel.value !== null) return unmetText('model', setUp.unmetModel.value);
  if (model.report.value === null) return 'Choose a model first.';
  // Not while it is only read again: leaving the field for the button would disable it under the pointer.
  if (dataset.progress.value !== null && !setUp.isRefreshing.value) return 'Reading the dataset …';
  if (setUp.unmetDataset.value !== null) return unmetText('dataset', setUp.unmetDataset.value);
  if (dataset.report.value === null) return 'Choose a dataset first.';
  const stop = setUp.standingStop.value;
  if (stop !== null && !setUp.isDatasetStale.value) return `Dataset: ${stop.message}`;
  const [wrong, ...others] = [...settings.problems.value];
  if (wrong !== undefined) {
    const [key, problem] = wrong;
    const more = others.length === 0 ? '' : ` ${formatCountOf(others.length, 'more setting')} to correct.`;
    return `“${fieldOf(key).label}” ${problem}.${more}`;
  }
  return null;
}

function createRoom(settings: Settings, forecast: Forecast): ReadonlySignal<number | null> {
  return computed(() => {
    const { gpuMemoryLimitGb } = settings.config.value;
    return gpuMemoryLimitGb > 0 ? gpuMemoryLimitGb * 1e9 : (forecast.report.value?.memory.available ?? null);
  });
}

/** Where it can be told; a run whose GPU only seems to have room is refused when it allocates. */
const whyNoRoom = ({ lacksMemory }: Forecast): string | null =>
  lacksMemory.value
    ? 'This run does not fit into the memory of the GPU: see what does under “Run settings”.'
    : null;

/** Nothing else than what the page names is trained. */
function unmetText(what: 'model' | 'dataset', { name, why }: Unmet): string {
  const state =
    why === 'refused' ? 'could not be read' : what === 'model' ? 'is not loaded yet' : 'is not read yet';
  return `“${name}” ${state}: see “${what === 'model' ? 'Model' : 'Dataset'}”.`;
}

const lacksRoom = (storage: StorageForecast | undefined): boolean =>
  storage !== undefined && storage.refusal === null && !storage.fits;

const rowsFileName = 'playground-rows.jsonl';
const rowsFile = ({ rows }: Playground): Blob =>
  new Blob([rows.value.map((row) => `${row}\n`).join('')], { type: 'application/jsonl' });

/** Lines of JSON that are read as they are: columns that were mapped are not those of a conversation. */
function fileToAddTo(
  { datasetSource, dataset }: SetUp,
  { config }: Settings,
): { name: string; file: Blob } | null {
  const { value: source } = datasetSource;
  const report = dataset.report.value;
  if (source.kind !== 'file' || report === null || report.name !== source.name) return null;
  if (report.format !== 'jsonl' || report.isCompressed || config.value.columns.length > 0) return null;
  return source;
}

const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-+|-+$/g, '') || 'model';

function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after this call
}

const AppContext = createContext<AppState | null>(null);
export const AppProvider = AppContext.Provider;

export function useApp(): AppState {
  const app = useContext(AppContext);
  if (app === null) throw new Error('useApp outside AppProvider');
  return app;
}
