/**
 * One request with time-outs for its headers and for every pause in its body, and the loop that asks again.
 * fetch itself waits for ever on a connection that is open and silent.
 */
import { cancelled, exhausted, isPassingStatus, Passing, retryAfterMs } from './hub-errors.ts';
import { TrainerError } from '../support/trainer-error.ts';

export interface RetryPolicy {
  readonly attempts: number; // without progress, then it is given up
  readonly firstWaitMs: number; // doubled each time
  readonly longestWaitMs: number; // a hub that asks for more is given up
  readonly silenceMs: number; // for headers, and for the next bytes of a body
}
export const defaultPolicy: RetryPolicy = {
  attempts: 6,
  firstWaitMs: 500,
  longestWaitMs: 120_000,
  silenceMs: 30_000,
};

/** What a download needs from its surroundings. */
export interface Line {
  readonly fetch: typeof fetch;
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal | undefined;
  /** It is not going on, and why; `ms`: until it is asked for again. */
  readonly onWait?: (what: string, why: string, ms: number) => void;
}

export interface Exchange {
  readonly response: Response;
  /** null at the end. @throws Passing when the connection breaks or falls silent. */
  readChunk(): Promise<Uint8Array | null>;
  /** Ends the connection where the body is not wanted any more. */
  close(): void;
}

/** @throws Passing for no answer and for answers that may be different next time. */
export async function openExchange(line: Line, url: string, init: RequestInit): Promise<Exchange> {
  const silence = new AbortController();
  const signals = [silence.signal, line.signal, init.signal].filter(
    (signal) => signal instanceof AbortSignal,
  );
  const unlessSilent = async <T>(waiting: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => silence.abort(), line.policy.silenceMs);
    try {
      return await waiting;
    } catch (error) {
      if (line.signal?.aborted) throw cancelled();
      if (silence.signal.aborted) throw new Passing(`nothing arrived for ${line.policy.silenceMs / 1000} s`);
      throw new Passing(`the connection broke (${error instanceof Error ? error.message : String(error)})`);
    } finally {
      clearTimeout(timer);
    }
  };
  const response = await unlessSilent(line.fetch(url, { ...init, signal: AbortSignal.any(signals) }));
  const close = (): void => silence.abort();
  if (isPassingStatus(response.status)) {
    close();
    const wait = retryAfterMs(response.headers.get('Retry-After'), Date.now());
    throw new Passing(`the hub answered ${response.status}`, response.status, wait);
  }
  const reader = response.body?.getReader();
  return {
    response,
    close,
    readChunk: async () =>
      reader === undefined ? null : ((await unlessSilent(reader.read())).value ?? null),
  };
}

/**
 * Repeats `attempt` while it throws Passing. `hasProgressed`, asked after each failure, starts the count anew.
 * @throws TrainerError "hub-busy", "hub-unreachable" or "cancelled"
 */
export async function withRetries<T>(
  { policy, signal, onWait }: Pick<Line, 'policy' | 'signal' | 'onWait'>,
  what: string,
  attempt: () => Promise<T>,
  hasProgressed: () => boolean = () => false,
): Promise<T> {
  let failures = 0;
  for (;;) {
    if (signal?.aborted) throw cancelled();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Passing)) throw error;
      failures = hasProgressed() ? 1 : failures + 1;
      if (failures >= policy.attempts) throw exhausted(what, error);
      // Shortened at random, so that many tabs do not come back in the same moment.
      const wait = error.retryAfterMs ?? policy.firstWaitMs * 2 ** (failures - 1) * (0.5 + Math.random() / 2);
      if (wait > policy.longestWaitMs)
        throw new TrainerError(
          'hub-busy',
          `The hub is busy and asks to come back for ${what} in ${Math.ceil(wait / 1000)} seconds.`,
        );
      onWait?.(what, error.message, wait);
      await pause(wait, signal);
    }
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(cancelled());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
