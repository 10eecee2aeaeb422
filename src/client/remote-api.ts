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

/** `name` is for error messages. The worker is started at once, or with the first call. */
export function remoteApi<Api extends Contract<Api>>(
  name: string,
  startWorker: () => Worker,
  { startsAtFirstCall = false }: { readonly startsAtFirstCall?: boolean } = {},
): Api {
  let started: ReturnType<typeof start> | null = null;
  const calls = new Map<string, Call>();
  const callOf = (method: string): Call => {
    const known = calls.get(method);
    if (known !== undefined) return known;
    const call: Call = (...args) => {
      started ??= start(name, startWorker());
      const { remote, guard } = started;
      return guard(() => remote[method](...args.map(across)));
    };
    calls.set(method, call);
    return call;
  };
  if (!startsAtFirstCall) started = start(name, startWorker());
  return new Proxy({} as Api, {
    // Whoever awaits this object asks for "then": it has none, as it is no promise.
    get: (_, member) => (typeof member === 'string' && member !== 'then' ? callOf(member) : undefined),
  });
}

const across = (value: unknown): unknown => (typeof value === 'function' ? comlink.proxy(value) : value);

function start(name: string, worker: Worker) {
  installErrorTransport();
  const remote = comlink.wrap(worker) as unknown as Readonly<Record<string, Call>>;
  return { remote, ...watchWorker(worker, name) };
}
