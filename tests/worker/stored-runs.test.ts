// Runs in Chromium's real private file system, trained by the real worker, which is ended in the middle.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { unzipSync } from 'fflate';
import type { StoredRun, StoredRunContent } from '../../src/api/stored-runs.ts';
import type { RunResult, TrainerApi, TrainEvent, TrainingRequest } from '../../src/api/trainer-api.ts';
import type { RemoteWorker } from '../../src/client/remote-api.ts';
import { superviseTrainer } from '../../src/client/supervised-trainer.ts';
import { startTrainerWorker } from '../../src/client/trainer-client.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import {
  defaultRunConfig,
  requireRunConfig,
  type RawRunConfig,
  type RunConfig,
} from '../../src/config/run-config.ts';
import { sha256 } from '../../src/support/sha256.ts';
import { fixtureUrl } from '../gpu/open.ts';

const folder = 'goldens/tied-gqa';
const nothing = (): void => undefined;
const readSettings = { ...datasetSettings(defaultRunConfig), maxLength: 96 };
const config = (raw: RawRunConfig = {}): RunConfig =>
  requireRunConfig({
    learning_rate: 5e-3,
    max_steps: 8,
    per_device_train_batch_size: 2,
    gradient_accumulation_steps: 1,
    r: 4,
    lora_dropout: 0.1,
    max_length: 96,
    save_steps: 2,
    eval_fraction: 0.2,
    eval_steps: 3,
    ...raw,
  });

const started: RemoteWorker<TrainerApi>[] = [];
function startWorker(): RemoteWorker<TrainerApi> {
  const worker = startTrainerWorker();
  started.push(worker);
  return worker;
}
async function prepare(api: TrainerApi): Promise<TrainerApi> {
  await api.loadModel(
    { kind: 'url', name: 'tied-gqa', baseUrl: fixtureUrl(`${folder}/model/`) },
    'none',
    nothing,
  );
  const file = await (await fetch(fixtureUrl(`${folder}/dataset.jsonl`))).blob();
  await api.readDataset({ kind: 'file', name: 'dataset.jsonl', file }, readSettings, nothing);
  return api;
}
const codeOf = (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'no error',
    (error: { code?: string; message?: string }) => error.code ?? `uncoded: ${error.message}`,
  );

interface Ended {
  readonly result: RunResult;
  readonly adapter: string; // hash: a difference shall be one line
  readonly metrics: readonly Record<string, unknown>[];
}
/** Without what depends on the clock. */
const timeless = ({ step_ms: _, tokens_per_second: __, ...row }: Record<string, unknown>) => row;
async function contentOf(files: Readonly<Record<string, Uint8Array>>): Promise<Omit<Ended, 'result'>> {
  const lines = new TextDecoder().decode(files['metrics.jsonl']).trim().split('\n');
  return {
    adapter: await sha256(files['adapter_model.safetensors']),
    metrics: lines.map((line) => timeless(JSON.parse(line) as Record<string, unknown>)),
  };
}
const unzip = async (zip: Blob): Promise<Record<string, Uint8Array>> =>
  unzipSync(new Uint8Array(await zip.arrayBuffer()));
async function train(
  api: TrainerApi,
  request: TrainingRequest,
  onEvent: (event: TrainEvent) => void = nothing,
): Promise<Ended> {
  const result = await api.startTraining(request, onEvent);
  return { result, ...(await contentOf(await unzip(await api.exportZip()))) };
}
/** Calls back once, after the given step has been told. */
const atStep =
  (step: number, action: () => void) =>
  (event: TrainEvent): void => {
    if (event.kind === 'step' && event.report.step === step) action();
  };
const stepsOf = ({ records }: StoredRunContent): number[] =>
  records.flatMap((record) => (record.kind === 'step' ? [record.report.step] : []));

const newest = (): RemoteWorker<TrainerApi> => started[started.length - 1];
const removeRuns = async (): Promise<void> => {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry('runs', { recursive: true }).catch(nothing);
};

// To open a GPU is what takes time here: one worker trains the uninterrupted run, and goes on with those of others.
let steady: TrainerApi;
let whole: Ended;
let atItsEnd: { readonly run: StoredRun; readonly content: StoredRunContent; readonly zip: Blob };
beforeAll(async () => {
  await removeRuns();
  steady = await prepare(startWorker().api);
  whole = await train(steady, { config: config() });
  const other = startWorker(); // without a model or a GPU
  const [run] = await other.api.listRuns();
  atItsEnd = { run, content: await other.api.readRun(run.id), zip: await other.api.exportStoredRun(run.id) };
  other.end();
});
afterEach(async () => {
  for (const worker of started.splice(1)) worker.end();
  for (const { id } of await steady.listRuns()) await steady.removeRun(id);
});
afterAll(() => {
  for (const worker of started) worker.end();
});

describe('a run in the store', () => {
  test('is whole after its end: head, records, and an adapter that needs no model', async () => {
    const { run, content, zip } = atItsEnd;
    expect(run).toMatchObject({ state: 'finished', step: 8, totalSteps: 8, isHeld: false });
    expect(run.result).toEqual(whole.result);
    expect(stepsOf(content)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(content.records.filter(({ kind }) => kind === 'eval-loss')).toHaveLength(3);
    expect(content.notes).toEqual([]);
    expect(await contentOf(await unzip(zip))).toEqual({ adapter: whole.adapter, metrics: whole.metrics });
  });

  test('whose worker is ended goes on in another one, to the same bytes and the same rows', async () => {
    const first = startWorker();
    await prepare(first.api);
    const cut = first.api.startTraining(
      { config: config() },
      atStep(5, () => first.end()),
    );
    expect(await codeOf(cut)).toBe('worker-lost');
    // A browser takes an ended worker apart in its own time.
    await expect.poll(() => steady.listRuns()).toMatchObject([{ state: 'running', isHeld: false }]);
    const [run] = await steady.listRuns();
    expect([2, 4]).toContain(run.step); // the save of step 4 may have been under way
    const resumed = await train(steady, { config: config(), runId: run.id });
    expect(resumed.adapter).toEqual(whole.adapter);
    expect(resumed.metrics).toEqual(whole.metrics);
    expect(stepsOf(await steady.readRun(run.id))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('is held while it is trained: another worker can watch it, and not delete it', async () => {
    const running = steady.startTraining(
      { config: config() },
      atStep(3, () => void steady.pause()),
    );
    const other = startWorker().api;
    let run: StoredRun | undefined;
    while (run === undefined || run.step < 3) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      run = (await other.listRuns())[0];
    }
    expect(run).toMatchObject({ state: 'running', isHeld: true });
    expect(stepsOf(await other.readRun(run.id))).toEqual([1, 2, 3]);
    expect(await codeOf(other.removeRun(run.id))).toBe('run-in-use');
    await steady.resume();
    await running;
    await expect.poll(() => other.listRuns()).toMatchObject([{ isHeld: false, state: 'finished' }]);
  });

  test('keeps its data file, and refuses another one by its content', async () => {
    await steady.startTraining(
      { config: config() },
      atStep(5, () => void steady.stop()),
    );
    const [run] = await steady.listRuns();
    expect(run).toMatchObject({ state: 'stopped' }); // after step 5, or the one that was under way
    expect(run.dataset.source).toEqual({ kind: 'file', name: 'dataset.jsonl', isKept: true });
    const lines = [1, 2, 3, 4, 5].map((n) => JSON.stringify({ prompt: `Other ${n}?`, completion: 'Data.' }));
    const other = { kind: 'file', name: 'dataset.jsonl', file: new Blob([lines.join('\n')]) } as const;
    await steady.readDataset(other, readSettings, nothing);
    const resume = (): Promise<RunResult> =>
      steady.startTraining({ config: config(), runId: run.id }, nothing);
    expect(await codeOf(resume())).toBe('checkpoint-invalid');
    const kept = { kind: 'stored', name: 'dataset.jsonl', runId: run.id } as const;
    await steady.readDataset(kept, readSettings, nothing);
    expect((await resume()).finished).toBe(true);
    expect((await steady.listRuns())[0]).toMatchObject({ state: 'finished', step: 8 });

    // Another run on the kept file has a copy of its own.
    await steady.startTraining({ config: config({ max_steps: 1, eval_fraction: 0 }) }, nothing);
    const [another] = await steady.listRuns();
    expect(another.dataset.source).toEqual({ kind: 'file', name: 'dataset.jsonl', isKept: true });
    await steady.removeRun(run.id);
    const copy = { ...kept, runId: another.id };
    expect(await steady.readDataset(copy, readSettings, nothing)).toMatchObject({ rejectedRows: 0 });
  });
});

describe('a supervised trainer', () => {
  const supervised = async (): Promise<TrainerApi> => prepare(superviseTrainer(startWorker));
  /** Once each, in the order of the steps. */
  const whenReached = (actions: Readonly<Record<number, () => void>>) => {
    const done = new Set<number>();
    return (event: TrainEvent): void => {
      if (event.kind !== 'step' || done.has(event.report.step)) return;
      done.add(event.report.step);
      actions[event.report.step]?.();
    };
  };

  test('loses its worker and its device in one run, and nothing of the run', async () => {
    const api = await supervised();
    const events: TrainEvent[] = [];
    const act = whenReached({
      3: () => newest().end(),
      6: () => void newest().api.destroyDevice(),
    });
    const ended = await train(api, { config: config() }, (event) => {
      events.push(event);
      act(event);
    });
    expect(ended.adapter).toEqual(whole.adapter);
    expect(ended.metrics).toEqual(whole.metrics);
    const goesOnFrom = events.flatMap((event) => (event.kind === 'run' ? [event.step] : []));
    expect(goesOnFrom).toHaveLength(3);
    expect(goesOnFrom[0]).toBe(0);
    expect([0, 2]).toContain(goesOnFrom[1]); // a save may have been under way
    expect([2, 4]).toContain(goesOnFrom[2]);
    expect(events.filter((event) => event.kind === 'phase' && event.phase === 'recovering')).toHaveLength(2);
    expect(await api.listRuns()).toHaveLength(1);

    // What is asked after a loss finds everything open again.
    newest().end();
    const request = { prompts: ['2 + 2'], maxNewTokens: 4, temperature: 0, seed: 1, useAdapter: false };
    await expect(api.generate(request)).rejects.toMatchObject({ code: 'worker-lost' });
    expect(await api.generate(request)).toHaveLength(1);
  });
});
