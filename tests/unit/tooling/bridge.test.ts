/** The bridge with a worker made of cardboard: what it hands over, what it delivers, and how failures come back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type {
  DatasetSource,
  RunForecast,
  RunResult,
  StepReport,
  TrainerApi,
} from '../../../src/api/trainer-api.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { startHeadlessBridge } from '../../../src/headless/bridge.ts';
import { checkpointName, type HeadlessEvent, type TrainPlan } from '../../../src/headless/commands.ts';
import { serve, type Served } from '../../../scripts/cli/serve.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

const folder = writeFiles(tempFolder(), {
  'dist/index.html': '',
  'data.jsonl': '{"rows":1}',
  'out/keep': '',
});
const out = join(folder, 'out');
let served: Served;
beforeAll(async () => {
  served = await serve({
    root: join(folder, 'dist'),
    mounts: [{ prefix: 'local/dataset', path: join(folder, 'data.jsonl') }],
    inbox: { prefix: 'local/out', path: out, names: ['adapter_config.json', checkpointName] },
  });
});
afterAll(() => served.close());
afterEach(() => {
  globalThis.altTrainHeadless = undefined;
  globalThis.altTrainEvent = undefined;
});

const step = { step: 1 } as StepReport;

function fakeClient(overrides: Partial<TrainerApi>): TrainerApi {
  const base: Partial<TrainerApi> = {
    openDevice: async () => ({ gpu: 'cardboard' }) as Awaited<ReturnType<TrainerApi['openDevice']>>,
    loadModel: async () => ({ name: 'demo' }) as Awaited<ReturnType<TrainerApi['loadModel']>>,
    readDataset: async () => ({ name: 'data' }) as Awaited<ReturnType<TrainerApi['readDataset']>>,
    planRun: async () => ({ totalSteps: 1 }) as RunForecast,
    startTraining: async (_request, onEvent) => {
      onEvent({ kind: 'step', report: step });
      return { ok: true, steps: 1 } as RunResult;
    },
    exportFiles: async () => [{ name: 'adapter_config.json', bytes: new TextEncoder().encode('{}') }],
    exportCheckpoint: async () => new Blob(['moments']),
  };
  return { ...base, ...overrides } as TrainerApi;
}

async function train(overrides: Partial<TrainerApi>) {
  const events: HeadlessEvent[] = [];
  globalThis.altTrainEvent = async (event) => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    events.push(event);
  };
  startHeadlessBridge(fakeClient(overrides), `${served.url}/local/out`);
  const plan: TrainPlan = {
    model: { kind: 'demo' },
    dataset: { kind: 'url', name: 'data.jsonl', url: `${served.url}/local/dataset` },
    config: defaultRunConfig,
    initAdapter: null,
    checkpointUrl: null,
    allowChanges: false,
  };
  return { outcome: await globalThis.altTrainHeadless?.train(plan), events };
}

test('a run gets its data, tells every event in order, and delivers its files', async () => {
  let source: DatasetSource | null = null;
  const { outcome, events } = await train({
    readDataset: async (given) => {
      source = given;
      return { name: 'data' } as Awaited<ReturnType<TrainerApi['readDataset']>>;
    },
  });
  expect(outcome).toEqual({ ok: true, value: { ok: true, steps: 1 } });
  // Its address, not its bytes: the file may be larger than what the browser can hold.
  expect(source).toEqual({ kind: 'url', name: 'data.jsonl', url: `${served.url}/local/dataset` });
  expect(events.map(({ kind }) => kind)).toEqual(['device', 'model', 'dataset', 'forecast', 'step']);
  expect(readFileSync(join(out, 'adapter_config.json'), 'utf8')).toBe('{}');
  expect(readFileSync(join(out, checkpointName), 'utf8')).toBe('moments');
});

test('a failure keeps its code, and says whether training had begun', async () => {
  const refused = await train({
    loadModel: () => Promise.reject(new TrainerError('model-unsupported', 'no', 'why')),
  });
  expect(refused.outcome).toEqual({
    ok: false,
    error: { code: 'model-unsupported', message: 'no', detail: 'why' },
    hasStarted: false,
  });
  const broken = await train({
    startTraining: (_request, onEvent) => {
      onEvent({ kind: 'step', report: step });
      return Promise.reject(new TrainerError('loss-not-finite', 'NaN'));
    },
  });
  expect(broken.outcome).toMatchObject({ ok: false, error: { code: 'loss-not-finite' }, hasStarted: true });
});

test('a failed run still delivers its last adapter', async () => {
  const delivered: string[] = [];
  await train({
    startTraining: (_request, onEvent) => {
      onEvent({ kind: 'step', report: step });
      return Promise.reject(new TrainerError('device-lost', 'gone'));
    },
    exportFiles: async () => {
      delivered.push('files');
      return [];
    },
  });
  expect(delivered).toEqual(['files']);
});

test('a result that cannot be written fails the run', async () => {
  const { outcome } = await train({
    exportFiles: async () => [{ name: 'unexpected.bin', bytes: new Uint8Array(1) }],
  });
  expect(outcome).toMatchObject({ ok: false, error: { code: 'internal' } });
});

test('a checkpoint is saved while the run goes on, with the step after each snapshot', async () => {
  const saved: number[] = [];
  let step = 0;
  await train({
    startTraining: async (_request, onEvent) => {
      for (step = 1; step <= 60; step++) {
        onEvent({ kind: 'step', report: { step } as StepReport });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return { ok: true, steps: 60 } as RunResult;
    },
    exportCheckpoint: async () => {
      saved.push(step);
      return new Blob(['moments']);
    },
  });
  expect(saved.slice(0, 2)).toEqual([26, 51]); // save_steps is 25
  expect(saved).toHaveLength(3); // and once at the end
});

test('a stop that comes while the model loads keeps training from starting', async () => {
  let trained = false;
  const { outcome } = await train({
    stop: () => Promise.resolve(),
    loadModel: async () => {
      await globalThis.altTrainHeadless?.stop();
      return { name: 'demo' } as Awaited<ReturnType<TrainerApi['loadModel']>>;
    },
    startTraining: async () => {
      trained = true;
      return { ok: true } as RunResult;
    },
  });
  expect(outcome).toMatchObject({ ok: false, error: { code: 'cancelled' }, hasStarted: false });
  expect(trained).toBe(false);
});
