// With which settings a kept run goes on: its own, but for what the user has chosen otherwise for want of memory.
import { signal } from '@preact/signals';
import { expect, test, vi } from 'vitest';
import type { StoredRun } from '../../../src/api/stored-runs.ts';
import type {
  MemorySuggestion,
  RunForecast,
  RunResult,
  TrainerApi,
  TrainingRequest,
} from '../../../src/api/trainer-api.ts';
import { defaultRunConfig, toRawRunConfig, type RunConfig } from '../../../src/config/run-config.ts';
import { TrainerError, type ErrorCode } from '../../../src/support/trainer-error.ts';
import { createFailures } from '../../../src/ui/state/failures.ts';
import { createLessMemory } from '../../../src/ui/state/less-memory.ts';
import { createRun } from '../../../src/ui/state/run.ts';
import type { SetUp } from '../../../src/ui/state/set-up.ts';
import { createSettings } from '../../../src/ui/state/settings.ts';
import { createStoredRuns } from '../../../src/ui/state/stored-runs.ts';

const then: RunConfig = {
  ...defaultRunConfig,
  perDeviceTrainBatchSize: 8,
  maxLength: 512,
  learningRate: 0.5,
};
const stored = {
  id: 'r1',
  settings: toRawRunConfig(then),
  state: 'failed',
  isHeld: false,
  model: { name: 'm', source: { kind: 'demo' } },
  dataset: { name: 'd', source: { kind: 'builtin', name: 'd' } },
} as unknown as StoredRun;

/** A page whose trainer fails so, once. */
function pageOf(failure: ErrorCode | null = null, plan: (config: RunConfig) => unknown = () => null) {
  const requests: TrainingRequest[] = [];
  const client = {
    listRuns: () => Promise.resolve([stored]),
    readRun: () => Promise.resolve({ run: stored, records: [], notes: [] }),
    planRun: (config: RunConfig) => Promise.resolve(plan(config) as RunForecast),
    startTraining: (request: TrainingRequest, onEvent: (event: object) => void) => {
      requests.push(request);
      onEvent({ kind: 'run', id: 'r1', step: 0, rowsFrom: 0 });
      if (failure !== null && requests.length === 1)
        return Promise.reject(new TrainerError(failure, 'Gone.'));
      return Promise.resolve({ finished: true, before: null, after: null } as RunResult);
    },
  } as unknown as TrainerApi;
  const failures = createFailures();
  const settings = createSettings();
  const run = createRun(client, failures);
  const setUp = {
    modelSource: signal({ kind: 'demo' }),
    model: { report: signal({ name: 'm' }) },
    keepModel: () => undefined,
    dataset: { report: signal({ name: 'd' }) },
    readDataset: () => Promise.resolve(),
  } as unknown as SetUp;
  const storedRuns = createStoredRuns(client, { failures, settings, setUp, run });
  const start = vi.fn(() => Promise.resolve());
  const page = { failures, settings, run, storedRuns, setUpBlocker: signal(null), start };
  const lessMemory = createLessMemory(client, page);
  return { settings, run, storedRuns, lessMemory, requests, start };
}

test('it goes on with its own settings, whatever the form showed', async () => {
  const { settings, storedRuns, requests } = pageOf();
  settings.useAll({ ...defaultRunConfig, perDeviceTrainBatchSize: 2 }); // those of another run
  await storedRuns.goOn(stored);
  expect(requests).toEqual([{ config: then, runId: 'r1' }]);
});

test('what the user has typed for memory is not overridden, and is allowed by name', async () => {
  const { settings, storedRuns, requests } = pageOf();
  settings.edit('perDeviceTrainBatchSize', '2');
  settings.edit('maxLength', '512'); // as it was
  settings.edit('learningRate', '0.1'); // no matter of memory: the run's own is used
  await storedRuns.goOn(stored);
  expect(requests).toEqual([
    {
      config: { ...then, perDeviceTrainBatchSize: 2 },
      runId: 'r1',
      allowChanges: ['perDeviceTrainBatchSize'],
    },
  ]);
  await storedRuns.goOn(stored); // nor when it goes on a second time
  expect(requests[1]).toEqual(requests[0]);
});

test('a run that takes longer has that changed, and nothing is allowed that was not asked for', async () => {
  const { storedRuns, requests } = pageOf();
  await storedRuns.goOn(stored, { ...then, maxSteps: 99 });
  expect(requests).toEqual([{ config: { ...then, maxSteps: 99 }, runId: 'r1', allowChanges: ['maxSteps'] }]);
});

const way = (settings: MemorySuggestion['settings']): MemorySuggestion => ({ settings, total: 1 });
const halves = way({ perDeviceTrainBatchSize: 4, gradientAccumulationSteps: 8 });

test('after a failure for want of memory the settings that fit are offered, and the run goes on with them', async () => {
  const memory = { fits: false, plan: { total: 2e9 }, suggestions: [halves, way({ r: 4, loraAlpha: 8 })] };
  const { run, storedRuns, lessMemory, requests, start } = pageOf('gpu-out-of-memory', () => ({ memory }));
  await run.start(then);
  await storedRuns.refresh();
  await vi.waitUntil(() => lessMemory.ways.value.length > 0);
  expect(lessMemory.ways.value.map(lessMemory.canGoOn)).toEqual([true, false]);
  await lessMemory.use(halves);
  expect(requests[1]).toEqual({
    config: { ...then, ...halves.settings },
    runId: 'r1',
    allowChanges: ['perDeviceTrainBatchSize', 'gradientAccumulationSteps'],
  });
  expect(start).not.toHaveBeenCalled();
  expect(lessMemory.ways.value).toEqual([]);
});

test('another rank is another adapter: the run is started anew', async () => {
  const smaller = way({ r: 4, loraAlpha: 8 });
  const memory = { fits: false, plan: { total: 2e9 }, suggestions: [smaller] };
  const { settings, run, storedRuns, lessMemory, start } = pageOf('gpu-out-of-memory', () => ({ memory }));
  await run.start(then);
  await storedRuns.refresh();
  await lessMemory.use(smaller);
  expect(settings.config.value).toMatchObject({ r: 4, loraAlpha: 8 });
  expect(start).toHaveBeenCalledOnce();
});

test('where only the loss of the GPU is known, settings that need clearly less are offered', async () => {
  const plan = ({ gpuMemoryLimitGb: limit }: RunConfig) => ({
    memory:
      limit === 0
        ? { fits: true, plan: { total: 2e9 }, suggestions: [] }
        : { fits: false, plan: { total: 2e9 }, suggestions: [way({ maxLength: limit * 100 })] },
  });
  const { run, lessMemory } = pageOf('device-lost', plan);
  await run.start(then);
  await vi.waitUntil(() => lessMemory.ways.value.length > 0);
  expect(lessMemory.ways.value).toEqual([way({ maxLength: 150 })]);
});

test('other failures offer nothing of that', async () => {
  const memory = { fits: false, plan: { total: 2e9 }, suggestions: [halves] };
  const { run, lessMemory } = pageOf('config-invalid', () => ({ memory }));
  await run.start(then);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(lessMemory.ways.value).toEqual([]);
});
