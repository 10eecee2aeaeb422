/** The training worker: builds the service for this host and exposes it. */
import * as comlink from 'comlink';
import { createStore, get, set } from 'idb-keyval';
import { installErrorTransport } from '../src/api/trainer-transport.ts';
import { createTrainerService } from '../src/trainer/trainer-service.ts';

installErrorTransport();
// The worker's file lies one folder below the page: assets/ when built, workers/ in development.
const appBaseUrl = new URL('..', globalThis.location.href).href;
const store = createStore('alttrain', 'tuning');
comlink.expose(
  createTrainerService({
    gpu: navigator.gpu,
    appBaseUrl,
    nowMs: () => performance.now(),
    tuning: {
      read: async (key) => (await get<string>(key, store)) ?? null,
      write: (key, value) => set(key, value, store),
    },
  }),
);
