/**
 * Makes sure that no call to a worker waits for ever: one that fails to load, or throws outside a call, would
 * otherwise leave every promise pending.
 */
import { TrainerError } from '../support/trainer-error.ts';

type Reject = (error: TrainerError) => void;

/** Races every call against the worker's own failure events. `name` is for the messages: "training". */
export function watchWorker(
  worker: Worker,
  name: string,
): { guard: <T>(call: () => Promise<T>) => Promise<T> } {
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
  worker.addEventListener('error', (event) => fail(workerError(event, name, hasAnswered)));
  worker.addEventListener('messageerror', () =>
    fail(new TrainerError('internal', `A message from the ${name} worker could not be read.`)),
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
function workerError(event: ErrorEvent, name: string, hasAnswered: boolean): TrainerError {
  const where = event.filename ? `${event.filename}:${event.lineno}:${event.colno}` : null;
  const what = event.message || 'no reason given';
  return hasAnswered
    ? new TrainerError('internal', `The ${name} worker met an unexpected error: ${what}`, where)
    : new TrainerError('internal', `The ${name} worker could not start: ${what}. Reload the page.`, where);
}
