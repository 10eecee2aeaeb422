/**
 * A worker's contract as an object on this side. It is made from the contract's type alone: a method that the worker has
 * is a method here. Functions among the arguments are called back across the boundary; every call is guarded against a
 * worker that fails outside of it.
 */
import * as comlink from 'comlink';
import { watchWorker } from './call-guard.ts';
import { installErrorTransport } from '../api/trainer-transport.ts';

/** Every member is a method that answers with a promise. */
type Contract<Api> = { readonly [Name in keyof Api]: (...args: never[]) => Promise<unknown> };
type Call = (...args: unknown[]) => Promise<unknown>;

export interface RemoteWorker<Api> {
  readonly api: Api;
  /** For good; calls that wait for an answer are rejected with "worker-lost". */
  end(): void;
}

/** `name` is for error messages. `untilItEnds`: see `watchWorker`. */
export function startRemoteWorker<Api extends Contract<Api>>(
  name: string,
  worker: Worker,
  untilItEnds?: () => Promise<void>,
): RemoteWorker<Api> {
  installErrorTransport();
  const remote = comlink.wrap(worker) as unknown as Readonly<Record<string, Call>>;
  const { guard, end } = watchWorker(worker, name, untilItEnds);
  return {
    api: byMethod<Api>(
      (method) =>
        (...args) =>
          guard(() => remote[method](...args.map(across))),
    ),
    end,
  };
}

/** A worker that is started with the first call. */
export function remoteApi<Api extends Contract<Api>>(name: string, startWorker: () => Worker): Api {
  let started: RemoteWorker<Record<string, Call>> | null = null;
  return byMethod<Api>((method) => (...args) => {
    started ??= startRemoteWorker(name, startWorker());
    return started.api[method](...args);
  });
}

/** An object with every method that is asked for. */
export function byMethod<Api>(callOf: (method: string) => Call): Api {
  const calls = new Map<string, Call>();
  return new Proxy(
    {},
    {
      get: (_, member) => {
        // Whoever awaits this object asks for "then": it has none, as it is no promise.
        if (typeof member !== 'string' || member === 'then') return undefined;
        const known = calls.get(member) ?? callOf(member);
        calls.set(member, known);
        return known;
      },
    },
  ) as Api;
}

const across = (value: unknown): unknown => (typeof value === 'function' ? comlink.proxy(value) : value);
