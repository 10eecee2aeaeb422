/**
 * A trainer that outlives its worker and its GPU. What was opened is remembered; when the worker or the device is lost, a
 * new worker opens it again, and a run goes on from its last checkpoint, without anybody being asked. After three losses
 * without a step forward between them it stops, with everything that was kept.
 */
import type { TrainerApi, TrainEvent, TrainingRequest } from '../api/trainer-api.ts';
import { toWire, TrainerError, type ErrorCode } from '../support/trainer-error.ts';
import { byMethod, type RemoteWorker } from './remote-api.ts';

/** The worker cannot be used any more, or only to fetch what it still holds. */
const fatal: readonly ErrorCode[] = ['device-lost', 'gpu-error', 'worker-lost'];
const isFatal = (error: unknown): boolean => fatal.includes(toWire(error).code);

/** A worker that does not even take a cancel for so long is in a loop that nothing else ends. */
const patienceMs = 1000;

const mostFailures = 3; // in a row
/** A browser that restarts its GPU process has no adapter for a while. */
const adapterWaitsMs = [0, 500, 1000, 2000, 4000, 8000];

const nothing = (): void => undefined;

export function superviseTrainer(startWorker: () => RemoteWorker<TrainerApi>): TrainerApi {
  const supervisor = new Supervisor(startWorker);
  return byMethod<TrainerApi>((method) => {
    if (Object.hasOwn(supervisor.own, method))
      return supervisor.own[method as keyof OwnMethods] as (...args: unknown[]) => Promise<unknown>;
    return (...args) => supervisor.call(method as keyof TrainerApi, ...(args as never));
  });
}

type OwnMethods = Pick<
  TrainerApi,
  | 'loadModel'
  | 'readDataset'
  | 'cancelLoading'
  | 'cancelReading'
  | 'loadAdapter'
  | 'startTraining'
  | 'stop'
  | 'exportZip'
  | 'exportCheckpoint'
>;

class Supervisor {
  readonly #startWorker: () => RemoteWorker<TrainerApi>;
  #worker: RemoteWorker<TrainerApi>;
  #isBroken = false;
  #rebuilding: Promise<void> | null = null;
  #model: readonly [...Parameters<TrainerApi['loadModel']>] | null = null;
  #dataset: readonly [...Parameters<TrainerApi['readDataset']>] | null = null;
  #adapter: Parameters<TrainerApi['loadAdapter']> | null = null;
  #isStopAsked = false;
  /** Loads and reads that have not been answered. */
  #cancellable = 0;
  /** Ended because it did not take a cancel. */
  #cutOff: RemoteWorker<TrainerApi> | null = null;
  /** What a run that ended with its worker has left: the worker in its place knows nothing of it. */
  #left: (() => Promise<Blob>) | null = null;
  /** Of the last run, where it is kept. */
  #runId: string | null = null;
  /** The latest checkpoint of the run under way that was fetched: whoever keeps runs elsewhere than in the store fetches them. */
  #fetched: Blob | null = null;

  constructor(startWorker: () => RemoteWorker<TrainerApi>) {
    this.#startWorker = startWorker;
    this.#worker = startWorker();
  }

  async call<Name extends keyof TrainerApi>(
    method: Name,
    ...args: Parameters<TrainerApi[Name]>
  ): Promise<Awaited<ReturnType<TrainerApi[Name]>>> {
    if (this.#isBroken) await this.#rebuild();
    return this.#ask(method, ...args);
  }

  /** Of the worker as it is. */
  async #ask<Name extends keyof TrainerApi>(
    method: Name,
    ...args: Parameters<TrainerApi[Name]>
  ): Promise<Awaited<ReturnType<TrainerApi[Name]>>> {
    const worker = this.#worker;
    const { api } = worker;
    try {
      const call = api[method] as (...args: unknown[]) => ReturnType<TrainerApi[Name]>;
      return await call(...args);
    } catch (error) {
      if (isFatal(error) && worker === this.#worker) this.#isBroken = true;
      if (worker === this.#cutOff)
        throw new TrainerError(
          'cancelled',
          'Cancelled. The training worker did not stop by itself and was ended; what was open before is opened again.',
        );
      throw error;
    }
  }

  readonly own: OwnMethods = {
    loadModel: async (source, quantization, onProgress) => {
      const report = await this.#untilCancelled(() =>
        this.call('loadModel', source, quantization, onProgress),
      );
      this.#model = [source, quantization, nothing];
      this.#dataset = null; // its tokens belonged to the other tokenizer
      this.#adapter = null;
      return report;
    },
    readDataset: async (source, settings, onProgress) => {
      const report = await this.#untilCancelled(() => this.call('readDataset', source, settings, onProgress));
      this.#dataset = [source, settings, nothing];
      return report;
    },
    cancelLoading: () => this.#cancel('cancelLoading'),
    cancelReading: () => this.#cancel('cancelReading'),
    loadAdapter: async (source) => {
      await this.call('loadAdapter', source);
      this.#adapter = [source];
    },
    stop: () => {
      this.#isStopAsked = true;
      return this.#ask('stop');
    },
    exportCheckpoint: async () => (this.#fetched = await this.call('exportCheckpoint')),
    exportZip: () => this.#exportZip(),
    startTraining: (request, onEvent) => this.#train(request, onEvent),
  };

  /** What a run that has ended leaves is in its worker, and, once that is lost, in the store. */
  async #exportZip(): Promise<Blob> {
    if (this.#left !== null) return this.#left();
    try {
      return await this.call('exportZip');
    } catch (error) {
      const isGone = isFatal(error) || toWire(error).code === 'nothing-to-export';
      if (!isGone || this.#runId === null) throw error;
      return this.call('exportStoredRun', this.#runId);
    }
  }

  async #untilCancelled<T>(action: () => Promise<T>): Promise<T> {
    this.#cancellable++;
    try {
      return await action();
    } finally {
      this.#cancellable--;
    }
  }

  /** Strangers' files may lead a library into a loop; a worker in one hears nothing. A run is never ended so. */
  async #cancel(method: 'cancelLoading' | 'cancelReading'): Promise<void> {
    const worker = this.#worker;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<'silent'>((resolve) => {
      timer = setTimeout(() => resolve('silent'), patienceMs);
    });
    const first = await Promise.race([worker.api[method](), silence]);
    clearTimeout(timer);
    if (first !== 'silent' || this.#cancellable === 0 || worker !== this.#worker) return;
    this.#cutOff = worker;
    this.#isBroken = true;
    worker.end();
  }

  async #train(
    request: TrainingRequest,
    onEvent: (event: TrainEvent) => void,
  ): ReturnType<TrainerApi['startTraining']> {
    this.#isStopAsked = false;
    this.#left = null;
    this.#fetched = null;
    let next = request;
    let furthest = 0;
    let failures = 0;
    this.#runId = null;
    let failed: TrainEvent | null = null;
    let isBegun = false; // before that, what the worker holds is of the run before
    const listen = (event: TrainEvent): void => {
      if (event.kind === 'phase' && event.phase === 'failed') {
        failed = event; // told where nothing can be done about it
        return;
      }
      if (event.kind === 'run') {
        this.#runId = event.id;
        isBegun = true;
      }
      if (event.kind === 'step' && event.report.step > furthest) {
        furthest = event.report.step;
        failures = 0;
      }
      onEvent(event);
    };
    const end = (error: unknown): never => {
      if (failed !== null) onEvent(failed);
      throw error;
    };
    const note = (text: string): void => onEvent({ kind: 'phase', phase: 'recovering', note: text });
    for (;;) {
      try {
        const result = await this.call('startTraining', next, listen);
        this.#left = null; // the worker has it
        return result;
      } catch (error) {
        if (next !== request && toWire(error).code === 'run-not-found') {
          next = request; // lost before anything of it was written
          continue;
        }
        if (!isFatal(error)) return end(error);
        failures++;
        if (isBegun) next = await this.#continuation(request, this.#runId);
        isBegun = false;
        const { message } = toWire(error);
        if (this.#isStopAsked || failures > mostFailures) return end(endOf(error, failures, furthest));
        note(`${message} Opening it again, and going on from the last checkpoint.`);
        try {
          await this.#rebuild();
        } catch (rebuildError) {
          return end(endOf(rebuildError, failures, furthest));
        }
      }
    }
  }

  /** How a run goes on that has lost its worker or its GPU, and where its adapter is until then. */
  async #continuation(request: TrainingRequest, runId: string | null): Promise<TrainingRequest> {
    const { config, allowChanges } = request;
    const settings = allowChanges === undefined ? { config } : { config, allowChanges };
    if (runId !== null) {
      this.#left = () => this.call('exportStoredRun', runId);
      return { ...settings, runId };
    }
    // Not kept: a worker that has only lost its GPU still holds the last snapshot.
    const { api } = this.#worker;
    const held = await Promise.all([api.exportCheckpoint(), api.exportZip()]).catch(() => null);
    if (held !== null) this.#left = () => Promise.resolve(held[1]);
    const checkpoint = held?.[0] ?? this.#fetched;
    return checkpoint === null ? request : { ...settings, checkpoint, isKept: false };
  }

  /** A new worker with everything open that was. */
  #rebuild(): Promise<void> {
    return (this.#rebuilding ??= this.#open().finally(() => {
      this.#rebuilding = null;
    }));
  }

  async #open(): Promise<void> {
    this.#worker.end();
    this.#worker = this.#startWorker();
    this.#isBroken = false;
    await this.#openDevice();
    if (this.#model !== null) await this.#ask('loadModel', ...this.#model);
    if (this.#dataset !== null) await this.#ask('readDataset', ...this.#dataset);
    if (this.#adapter !== null) await this.#ask('loadAdapter', ...this.#adapter);
  }

  async #openDevice(): Promise<void> {
    for (const [attempt, waitMs] of adapterWaitsMs.entries()) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      try {
        await this.#ask('openDevice');
        return;
      } catch (error) {
        const isLast = attempt === adapterWaitsMs.length - 1;
        if (isLast || (toWire(error).code !== 'webgpu-unavailable' && !isFatal(error))) throw error;
        this.#worker.end();
        this.#worker = this.#startWorker();
        this.#isBroken = false;
      }
    }
  }
}

function endOf(error: unknown, failures: number, furthest: number): TrainerError {
  const { code, message, detail } = toWire(error);
  if (failures <= 1) return new TrainerError(code, message, detail);
  const what = furthest === 0 ? 'before the first step' : `after step ${furthest}`;
  return new TrainerError(
    code,
    `${message} This was failure ${failures} in a row ${what}, so the run was ended; what was kept can go on later.`,
    detail,
  );
}
