/**
 * The page's end of the worker: starts it, wraps it with comlink, and makes sure that no call waits for ever.
 * A worker that fails to load, or throws outside a call, would otherwise leave every promise pending.
 */
import * as comlink from 'comlink';
import type { TrainerApi } from './trainer-api.ts';
import { TrainerError } from './trainer-error.ts';
import { installErrorTransport } from './trainer-transport.ts';

export function createTrainerClient(): TrainerApi {
  installErrorTransport();
  const worker = new Worker(new URL('../../workers/trainer.worker.ts', import.meta.url), { type: 'module' });
  const remote = comlink.wrap<TrainerApi>(worker);
  const { guard } = watchWorker(worker);
  return {
    openDevice: () => guard(() => remote.openDevice()),
    loadModel: (source, onProgress) => guard(() => remote.loadModel(source, comlink.proxy(onProgress))),
    readDataset: (source, settings, onProgress) =>
      guard(() => remote.readDataset(source, settings, comlink.proxy(onProgress))),
    cancelReading: () => guard(() => remote.cancelReading()),
    previewColumns: (source) => guard(() => remote.previewColumns(source)),
    inspectRows: (first, count) => guard(() => remote.inspectRows(first, count)),
    startTraining: (request, onEvent) => guard(() => remote.startTraining(request, comlink.proxy(onEvent))),
    pause: () => guard(() => remote.pause()),
    resume: () => guard(() => remote.resume()),
    stop: () => guard(() => remote.stop()),
    loadAdapter: (source) => guard(() => remote.loadAdapter(source)),
    generate: (request) => guard(() => remote.generate(request)),
    exportFiles: () => guard(() => remote.exportFiles()),
    exportZip: () => guard(() => remote.exportZip()),
    exportCheckpoint: () => guard(() => remote.exportCheckpoint()),
    destroyDevice: () => guard(() => remote.destroyDevice()),
  };
}

type Reject = (error: TrainerError) => void;

/** Races every call against the worker's own failure events. */
function watchWorker(worker: Worker): { guard: <T>(call: () => Promise<T>) => Promise<T> } {
  const pending = new Set<Reject>();
  let hasAnswered = false;
  let startFailure: TrainerError | null = null;

  const fail = (error: TrainerError): void => {
    // Silent until now: its script never ran, so no later call can be answered either.
    if (!hasAnswered) startFailure = error;
    for (const reject of pending) reject(error);
    pending.clear();
  };
  worker.addEventListener('message', () => (hasAnswered = true), { once: true });
  worker.addEventListener('error', (event) => fail(workerError(event, hasAnswered)));
  worker.addEventListener('messageerror', () =>
    fail(new TrainerError('internal', 'A message from the training worker could not be read.')),
  );

  return {
    guard: (call) =>
      new Promise((resolve, reject) => {
        if (startFailure !== null) return reject(startFailure);
        pending.add(reject);
        call()
          .then(resolve, reject)
          .finally(() => pending.delete(reject));
      }),
  };
}

/** A script that cannot be fetched gives an event without message, file or line. */
function workerError(event: ErrorEvent, hasAnswered: boolean): TrainerError {
  const where = event.filename ? `${event.filename}:${event.lineno}:${event.colno}` : null;
  const what = event.message || 'no reason given';
  return hasAnswered
    ? new TrainerError('internal', `The training worker met an unexpected error: ${what}`, where)
    : new TrainerError('internal', `The training worker could not start: ${what}. Reload the page.`, where);
}
