/** The runs that are kept in this browser: their list, and what can be done with one. */
import { computed, signal, type ReadonlySignal } from '@preact/signals';
import type { StoredRun } from '../../api/stored-runs.ts';
import type { DatasetSource, ModelSource, TrainerApi } from '../../api/trainer-api.ts';
import { parseRunConfig, type RunConfig, type RunConfigKey } from '../../config/run-config.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import type { Failures } from './failures.ts';
import type { Run } from './run.ts';
import type { SetUp } from './set-up.ts';
import { draftOf, isSame, type Settings } from './settings.ts';

const watchMs = 2000;

/** Another value would make another function of the same numbers. */
const fixedByAdapter = ['r', 'loraAlpha', 'useRslora', 'targetModules'] as const;

export const configOf = ({ settings }: StoredRun): RunConfig => parseRunConfig(settings).config;

export interface StoredRuns {
  readonly list: ReadonlySignal<readonly StoredRun[]>;
  /** Interrupted, and nobody trains them: what the page offers when it is opened. */
  readonly unfinished: ReadonlySignal<readonly StoredRun[]>;
  /** The one that something is done with right now. */
  readonly busyId: ReadonlySignal<string | null>;
  readonly refresh: () => Promise<void>;
  /** Draws it; one that another tab trains is followed. */
  readonly show: (id: string) => Promise<void>;
  /**
   * Opens its model and data as far as they can be found, and goes on: with its own settings, but for those of memory that the
   * user has typed now, and with `changes`. The run is told of all of them.
   */
  readonly goOn: (run: StoredRun, changes?: Partial<RunConfig>) => Promise<void>;
  /** The run whose adapter the next one starts from; null: from fresh values. */
  readonly startsFrom: ReadonlySignal<StoredRun | null>;
  /** Opens its model, and takes the settings that its adapter fixes. The data are those that are chosen. */
  readonly startFrom: (run: StoredRun) => Promise<void>;
  readonly startAfresh: () => void;
  readonly describe: (
    run: StoredRun,
    words: { readonly title: string; readonly notes: string },
  ) => Promise<void>;
  /** Its settings, model and data, for a new run. */
  readonly takeSettings: (run: StoredRun) => Promise<void>;
  /** A run that was trained elsewhere, from its files; it is drawn. */
  readonly openFiles: (files: readonly File[]) => Promise<void>;
  readonly remove: (id: string) => Promise<void>;
  readonly download: (run: StoredRun, save: (zip: Blob) => void) => Promise<void>;
}

export function createStoredRuns(
  client: TrainerApi,
  {
    failures,
    settings,
    setUp,
    run,
  }: {
    readonly failures: Failures;
    readonly settings: Settings;
    readonly setUp: SetUp;
    readonly run: Run;
  },
): StoredRuns {
  const list = signal<readonly StoredRun[]>([]);
  const busyId = signal<string | null>(null);
  const startsFrom = signal<StoredRun | null>(null);
  let watching: ReturnType<typeof setTimeout> | null = null;

  let asking: ReturnType<typeof setTimeout> | null = null;

  /** Again while another tab holds one: it goes on there, or ends, or has just ended. */
  const refresh = async (): Promise<void> => {
    if (asking !== null) clearTimeout(asking);
    asking = null;
    list.value = await client.listRuns().catch(() => []);
    const isElsewhere = list.value.some(
      ({ id, isHeld }) => isHeld && !(run.isActive.peek() && run.id.peek() === id),
    );
    if (isElsewhere) asking = setTimeout(() => void refresh(), watchMs);
  };

  const exclusively = async (id: string, action: () => Promise<void>): Promise<void> => {
    if (busyId.peek() !== null) return;
    busyId.value = id;
    failures.clear('runs');
    try {
      await action();
    } catch (error) {
      failures.report('runs', error);
    } finally {
      busyId.value = null;
      await refresh();
    }
  };

  const draw = async (id: string): Promise<void> => {
    if (watching !== null) clearTimeout(watching);
    watching = null;
    const content = await client.readRun(id);
    if (run.isActive.peek()) return;
    run.show(content);
    if (content.notes.length > 0)
      failures.report('runs', new TrainerError('cache-damaged', content.notes.join(' ')));
    if (!content.run.isHeld) return;
    watching = setTimeout(() => {
      if (run.id.peek() === id) void draw(id).catch(() => undefined);
    }, watchMs);
  };

  /** @throws TrainerError naming what the user has to choose */
  const open = async (stored: StoredRun, changes: Partial<RunConfig> = {}): Promise<void> => {
    settings.useAll({ ...configOf(stored), ...changes }, keysOf(changes));
    await openModel(stored, setUp, failures);
    await openDataset(stored, setUp, failures);
  };

  return {
    list,
    busyId,
    unfinished: computed(() =>
      list.value.filter(({ state, isHeld, id }) => {
        const isHere = run.isActive.value && run.id.value === id;
        return !isHeld && !isHere && (state === 'running' || state === 'failed');
      }),
    ),
    refresh,
    show: (id) => exclusively(id, () => draw(id)),
    startsFrom,
    startFrom: (stored) =>
      exclusively(stored.id, async () => {
        await openModel(stored, setUp, failures);
        const config = configOf(stored);
        for (const key of fixedByAdapter) settings.edit(key, draftOf(config[key]));
        startsFrom.value = stored;
      }),
    startAfresh: () => (startsFrom.value = null),
    describe: (stored, words) => exclusively(stored.id, () => client.describeRun(stored.id, words)),
    goOn: async (stored, asked = {}) => {
      const then = configOf(stored);
      const changes = { ...typedForMemory(settings, then), ...differing(asked, then) };
      let isOpen = false;
      await exclusively(stored.id, async () => {
        await draw(stored.id);
        await open(stored, changes);
        isOpen = true;
      });
      if (!isOpen) return;
      const allowed = keysOf(changes);
      await run.start(settings.config.value, {
        runId: stored.id,
        ...(allowed.length === 0 ? {} : { allowChanges: allowed }),
      });
      await refresh();
    },
    takeSettings: (stored) => exclusively(stored.id, () => open(stored)),
    openFiles: (files) =>
      exclusively('', async () => {
        const given = files.map((file) => ({ path: file.webkitRelativePath || file.name, content: file }));
        const { id } = await client.importRun(given);
        await draw(id);
      }),
    remove: (id) =>
      exclusively(id, async () => {
        await client.removeRun(id);
        if (startsFrom.value?.id === id) startsFrom.value = null;
      }),
    download: (stored, save) =>
      exclusively(stored.id, async () => save(await client.exportStoredRun(stored.id))),
  };
}

const keysOf = (changes: Partial<RunConfig>): RunConfigKey[] => Object.keys(changes) as RunConfigKey[];

const differing = (asked: Partial<RunConfig>, then: RunConfig): Partial<RunConfig> =>
  Object.fromEntries(
    keysOf(asked).flatMap((key) => (isSame(asked[key], then[key]) ? [] : [[key, asked[key]]])),
  );

/** What decides about memory and may change under way. */
const memorySettings = [
  'perDeviceTrainBatchSize',
  'gradientAccumulationSteps',
  'maxLength',
  'gradientCheckpointing',
  'gpuMemoryLimitGb',
] as const satisfies readonly RunConfigKey[];

/** Such as the user has typed otherwise than the run had them: a checkpoint of a larger GPU shall not fill this one. */
function typedForMemory({ isTyped, config }: Settings, then: RunConfig): Partial<RunConfig> {
  const now = config.value;
  const own = memorySettings.filter(isTyped);
  return differing(Object.fromEntries(own.map((key) => [key, now[key]])), then);
}

async function openModel({ model }: StoredRun, setUp: SetUp, failures: Failures): Promise<void> {
  const { source } = model;
  const current = setUp.modelSource.value;
  const isOpen = setUp.model.report.value?.name === model.name && current.kind === source.kind;
  if (isOpen) return setUp.keepModel(); // whatever else was chosen and not loaded
  if (source.kind === 'files')
    throw new TrainerError(
      'not-ready',
      `This run was made with the model folder “${model.name}”. Open that folder under “Model”, then continue.`,
    );
  await setUp.loadModel(source satisfies ModelSource);
  const failure = failures.of('model').value;
  if (failure !== null) throw new TrainerError(failure.code, failure.message, failure.detail);
}

async function openDataset({ id, dataset }: StoredRun, setUp: SetUp, failures: Failures): Promise<void> {
  const { source } = dataset;
  const isRead = setUp.dataset.report.value?.name === dataset.name;
  if (source.kind === 'file' && !source.isKept) {
    if (isRead) return setUp.keepDataset(); // if it is another one, its content will tell
    throw new TrainerError(
      'not-ready',
      `This run was made with the file “${dataset.name}”, which was too large to keep. Choose it under “Dataset”, then continue.`,
    );
  }
  const stored: DatasetSource =
    source.kind === 'file' ? { kind: 'stored', name: dataset.name, runId: id } : source;
  await setUp.readDataset(stored);
  const failure = failures.of('dataset').value;
  if (failure !== null) throw new TrainerError(failure.code, failure.message, failure.detail);
}
