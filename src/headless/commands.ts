/**
 * What the command line does with a trainer, in a browser or in Node: a training run, answers. Where files are read and
 * where results go is a Desk, given by whoever runs it.
 * Failures come back as values, because a rejected promise loses its code on the way through a browser's debugger.
 */
import type { JudgeQuestion, JudgeReply } from '../api/evaluations.ts';
import type {
  AdapterFiles,
  DatasetReport,
  DatasetSource,
  DeviceReport,
  GenerateRequest,
  Generation,
  LoadProgress,
  ModelReport,
  ModelSource,
  RunForecast,
  RunResult,
  TrainerApi,
  TrainEvent,
} from '../api/trainer-api.ts';
import { toWire, TrainerError, type WireError } from '../support/trainer-error.ts';
import { datasetSettings } from '../config/dataset-settings.ts';
import type { RunConfig } from '../config/run-config.ts';

export interface ServedAdapter {
  readonly name: string;
  readonly configUrl: string | null; // null: the weights are a GGUF file
  readonly weightsUrl: string;
}

export type ServedDataset = Exclude<DatasetSource, { kind: 'file' }>;

export type ServedModel = Exclude<ModelSource, { kind: 'files' }>;

export interface TrainPlan {
  readonly model: ServedModel;
  readonly dataset: ServedDataset;
  readonly config: RunConfig;
  readonly initAdapter: ServedAdapter | null;
  readonly checkpointUrl: string | null;
  readonly allowChanges: boolean; // since the checkpoint
}

/** A model to ask, with the adapter that it may be asked with. */
export interface ModelPlan {
  readonly model: ServedModel;
  readonly quantization: RunConfig['quantization'];
  readonly adapter: ServedAdapter | null;
}

export interface GeneratePlan extends ModelPlan {
  readonly request: GenerateRequest;
}

export type HeadlessEvent =
  | TrainEvent
  /** `host`: what the trainer runs in, added by whoever started it. */
  | { readonly kind: 'device'; readonly report: DeviceReport; readonly host?: string }
  | { readonly kind: 'load'; readonly progress: LoadProgress }
  | { readonly kind: 'model'; readonly report: ModelReport }
  | { readonly kind: 'dataset'; readonly report: DatasetReport }
  /** What the run that is about to start will do and take. */
  | { readonly kind: 'forecast'; readonly report: RunForecast };

/** `hasStarted`: training had begun, so the fault is not (only) in what was given. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: WireError; readonly hasStarted: boolean };

export interface HeadlessCommands {
  train(plan: TrainPlan): Promise<Outcome<RunResult>>;
  generate(plan: GeneratePlan): Promise<Outcome<readonly Generation[]>>;
  /** Loads a model once, for several calls of `answer` or `askJudge`. */
  open(plan: ModelPlan): Promise<Outcome<ModelReport>>;
  answer(request: GenerateRequest): Promise<Outcome<readonly Generation[]>>;
  /** The opened model as a judge of answers. */
  askJudge(question: JudgeQuestion): Promise<Outcome<readonly JudgeReply[]>>;
  /** Ends the run after the step it is in; `train` then delivers what there is. */
  stop(): Promise<void>;
}

/** The rest of the machine, as a command sees it. */
export interface Desk {
  /** @throws TrainerError "internal" where there is nothing at this address */
  read(address: string): Promise<Blob>;
  /** A result under its name, on the disk when it resolves. @throws TrainerError "storage-full" or "internal" */
  put(name: string, content: Blob | Uint8Array): Promise<void>;
  /** Events come in order: each waits for the one before it. */
  tell(event: HeadlessEvent): Promise<void> | void;
}

/** Files that a run delivers besides those of `exportFiles()`. */
export const checkpointName = 'checkpoint/checkpoint.safetensors';
/** The one before it: what is on the disk may be damaged there. */
export const formerCheckpointName = 'checkpoint/previous.safetensors';
/** What a training run puts on the desk; metrics.jsonl is written from its events, row by row. */
export const deliveredNames: readonly string[] = [
  'adapter_model.safetensors',
  'adapter_config.json',
  'README.md',
  'run_config.json',
  checkpointName,
];

/** The worker knows of a stop only while it trains; one that comes while things are loaded is kept here. */
interface Stopping {
  isAsked: boolean;
}

export function headlessCommands(client: TrainerApi, desk: Desk): HeadlessCommands {
  const stopping: Stopping = { isAsked: false };
  return {
    train: (plan) => train(client, desk, plan, stopping),
    generate: (plan) => generate(client, desk, plan, stopping),
    open: (plan) =>
      reported(desk, async (report) => ({ ok: true, value: await openModel(client, desk, plan, report) })),
    answer: (request) => reported(desk, async () => ({ ok: true, value: await client.generate(request) })),
    askJudge: (question) =>
      reported(desk, async () => ({ ok: true, value: await client.askJudge(question) })),
    stop: () => {
      stopping.isAsked = true;
      return client.stop();
    },
  };
}

/** Sends events in order, and waits for the last one before a result is given. */
function createReporter(desk: Desk): { report: (event: HeadlessEvent) => void; flush: () => Promise<void> } {
  let last: Promise<unknown> = Promise.resolve();
  return {
    report: (event) => {
      last = last.then(() => desk.tell(event)).catch(() => undefined);
    },
    flush: async () => {
      await last;
    },
  };
}

async function train(
  client: TrainerApi,
  desk: Desk,
  plan: TrainPlan,
  stopping: Stopping,
): Promise<Outcome<RunResult>> {
  const { report, flush } = createReporter(desk);
  const onLoad = (progress: LoadProgress): void => report({ kind: 'load', progress });
  const checkpoints = createCheckpointSaver(client, desk, plan.config.saveSteps, {
    flush,
    warn: (note) => report({ kind: 'phase', phase: 'training', note }),
  });
  let hasStarted = false;
  try {
    report({ kind: 'device', report: await client.openDevice() });
    report({ kind: 'model', report: await client.loadModel(plan.model, plan.config.quantization, onLoad) });
    report({
      kind: 'dataset',
      report: await client.readDataset(plan.dataset, datasetSettings(plan.config), onLoad),
    });
    const forecast = await client.planRun(plan.config).catch(() => null); // what is wrong with it, the run says
    if (forecast !== null) report({ kind: 'forecast', report: forecast });
    const initAdapter = plan.initAdapter === null ? undefined : await adapterSource(desk, plan.initAdapter);
    const checkpoint = plan.checkpointUrl === null ? undefined : await desk.read(plan.checkpointUrl);
    if (stopping.isAsked) throw new TrainerError('cancelled', 'Stopped before the first step.');
    const { config, allowChanges } = plan;
    // Its checkpoints are kept in the folder of its results, not a second time in the trainer's store.
    const request = { config, initAdapter, checkpoint, allowChanges, isKept: false };
    const value = await client.startTraining(request, (event) => {
      if (event.kind === 'step') {
        if (!hasStarted && stopping.isAsked) void client.stop();
        hasStarted = true;
        checkpoints.afterStep(event.report.step);
      }
      report(event);
    });
    await checkpoints.settled();
    if (!value.alreadyFinished) await deliver(client, desk);
    return { ok: true, value };
  } catch (error) {
    // The last adapter of a failed run is still worth having; when there is none, the failure itself is the news.
    await checkpoints.settled();
    if (hasStarted) await deliver(client, desk).catch(() => undefined);
    return { ok: false, error: toWire(error), hasStarted };
  } finally {
    await flush();
  }
}

const PROMPTS_PER_CALL = 32; // the worker's own batch: the answers are those of one call with all prompts

type Report = (event: HeadlessEvent) => void;

/** A failure as a value, and what was told before it has arrived. */
async function reported<T>(
  desk: Desk,
  command: (report: Report) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const { report, flush } = createReporter(desk);
  try {
    return await command(report);
  } catch (error) {
    return { ok: false, error: toWire(error), hasStarted: false };
  } finally {
    await flush();
  }
}

async function openModel(
  client: TrainerApi,
  desk: Desk,
  { model: source, quantization, adapter }: ModelPlan,
  report: Report,
): Promise<ModelReport> {
  report({ kind: 'device', report: await client.openDevice() });
  const model = await client.loadModel(source, quantization, (progress) =>
    report({ kind: 'load', progress }),
  );
  report({ kind: 'model', report: model });
  if (adapter !== null) await client.loadAdapter(await adapterSource(desk, adapter));
  return model;
}

function generate(
  client: TrainerApi,
  desk: Desk,
  { request, ...plan }: GeneratePlan,
  stopping: Stopping,
): Promise<Outcome<readonly Generation[]>> {
  return reported(desk, async (report) => {
    await openModel(client, desk, plan, report);
    const total = request.prompts.length;
    const value: Generation[] = [];
    while (value.length < total) {
      if (stopping.isAsked)
        throw new TrainerError('cancelled', `Stopped after ${value.length} of ${total} answers.`);
      const prompts = request.prompts.slice(value.length, value.length + PROMPTS_PER_CALL);
      value.push(...(await client.generate({ ...request, prompts })));
      report({ kind: 'progress', done: value.length, total, note: 'Writing answers' });
    }
    return { ok: true, value };
  });
}

/**
 * The worker takes a snapshot after every `save_steps` steps: it is fetched with the next step, so that a killed run can resume.
 * What was reported before is waited for: the rows of its steps are written before a checkpoint that counts them as done.
 */
function createCheckpointSaver(
  client: TrainerApi,
  desk: Desk,
  saveSteps: number,
  { flush, warn }: { flush: () => Promise<void>; warn: (note: string) => void },
): { afterStep: (step: number) => void; settled: () => Promise<void> } {
  let waiting = 0;
  let saved: Promise<void> = Promise.resolve();
  const save = async (step: number): Promise<void> => {
    const before = saved;
    try {
      const checkpoint = await client.exportCheckpoint();
      await Promise.all([before, flush()]);
      await desk.put(checkpointName, checkpoint);
    } catch (error) {
      // The one at the end fails the run, if it cannot be saved either.
      warn(`The checkpoint of step ${step} could not be saved, the one before is kept: ${messageOf(error)}`);
    }
    waiting--;
  };
  return {
    afterStep: (step) => {
      const isDue = step > 1 && (step - 1) % saveSteps === 0;
      if (!isDue || waiting >= MOST_WAITING) return;
      waiting++;
      saved = save(step - 1);
    },
    settled: () => saved,
  };
}

/** Checkpoints on their way: a disk slower than the steps must not fill the memory with them. */
const MOST_WAITING = 2;

/** The command line writes this one row by row, with those of the run that was resumed. */
const metricsName = 'metrics.jsonl';

/** Every file by itself, the checkpoint last: where one cannot be written, what was there before is whole. */
async function deliver(client: TrainerApi, desk: Desk): Promise<void> {
  const failures: TrainerError[] = [];
  const send = async (name: string, content: Blob | Uint8Array): Promise<void> => {
    try {
      await desk.put(name, content);
    } catch (error) {
      failures.push(error instanceof TrainerError ? error : new TrainerError('internal', messageOf(error)));
    }
  };
  for (const { name, bytes } of await client.exportFiles()) if (name !== metricsName) await send(name, bytes);
  await send(checkpointName, await client.exportCheckpoint());
  const [first] = failures;
  if (first === undefined) return;
  throw new TrainerError(first.code, failures.map(({ message }) => message).join(' '));
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function adapterSource(
  desk: Desk,
  { name, configUrl, weightsUrl }: ServedAdapter,
): Promise<AdapterFiles> {
  const config = configUrl === null ? null : await desk.read(configUrl);
  return { name, config, weights: await desk.read(weightsUrl) };
}
