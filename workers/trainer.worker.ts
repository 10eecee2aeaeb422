/** The training worker: the trainer's service on the browser as its host. */
import * as comlink from 'comlink';
import { isAlive } from '../src/api/worker-life.ts';
import { installErrorTransport } from '../src/api/trainer-transport.ts';
import { browserHost } from '../src/host/browser/browser-host.ts';
import { createTrainerService } from '../src/trainer/trainer-service.ts';

installErrorTransport();
// Held to the end: whoever started this worker learns by it that the worker is gone, and is told from when on it is held.
// It has no lock where it has no name.
const { name } = globalThis as unknown as { readonly name: string };
if (name !== '' && 'locks' in navigator)
  void navigator.locks.request(name, () => {
    postMessage(isAlive);
    return new Promise(() => undefined);
  });
// The worker's file lies one folder below the page: assets/ when built, workers/ in development.
comlink.expose(createTrainerService(browserHost(new URL('..', globalThis.location.href).href)));
