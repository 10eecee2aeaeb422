/**
 * Makes sure that no call to a worker waits for ever: one that fails to load, throws outside a call, or is gone, would
 * otherwise leave every promise pending.
 */
import { isAlive } from '../api/worker-life.ts';
import { TrainerError } from '../support/trainer-error.ts';

type Reject = (error: TrainerError) => void;

interface Watched {
  readonly guard: <T>(call: () => Promise<T>) => Promise<T>;
  readonly end: () => void;
}

/**
 * Races every call against the worker's own failure events. `name` is for the messages: "training".
 * `untilItEnds`: resolves when the worker is there no more, asked once it has said that it is; a worker that a browser ends gives
 * no event. One that says nothing at all for `startLimitMs` is taken to have been ended before.
 */
export function watchWorker(
  worker: Worker,
  name: string,
  untilItEnds?: () => Promise<void>,
  startLimitMs = 120_000, // of a slow network
): Watched {
  const pending = new Set<Reject>();
  let hasAnswered = false;
  let failure: TrainerError | null = null; // for good: no later call can be answered either

  const reject = (error: TrainerError): void => {
    for (const call of pending) call(error);
    pending.clear();
  };
  const gone = (why: string): void => {
    clearTimeout(silent);
    failure ??= new TrainerError('worker-lost', `The ${name} worker is gone: ${why}.`);
    reject(failure);
  };
  const silent =
    untilItEnds === undefined
      ? undefined
      : setTimeout(() => gone(`it said nothing for ${startLimitMs / 1000} s after its start`), startLimitMs);
  worker.addEventListener('message', ({ data }) => {
    hasAnswered = true;
    clearTimeout(silent);
    if (data === isAlive) void untilItEnds?.().then(() => gone('the browser ended it'));
  });
  worker.addEventListener('error', (event) => {
    const error = workerError(event, name, hasAnswered);
    // Silent until now: its script never ran.
    if (!hasAnswered) failure = error;
    reject(error);
  });
  worker.addEventListener('messageerror', () =>
    reject(new TrainerError('internal', `A message from the ${name} worker could not be read.`)),
  );

  return {
    guard: (call) =>
      new Promise((resolve, fail) => {
        if (failure !== null) return fail(failure);
        pending.add(fail);
        call()
          .then(resolve, fail)
          .finally(() => pending.delete(fail));
      }),
    end: () => {
      worker.terminate();
      gone('it was ended');
    },
  };
}

/** A script that cannot be fetched gives an event without message, file or line. */
function workerError(event: ErrorEvent, name: string, hasAnswered: boolean): TrainerError {
  const where = event.filename ? `${event.filename}:${event.lineno}:${event.colno}` : null;
  const what = event.message || 'no reason given';
  return hasAnswered
    ? new TrainerError('worker-lost', `The ${name} worker met an unexpected error: ${what}`, where)
    : new TrainerError('internal', `The ${name} worker could not start: ${what}. Reload the page.`, where);
}
