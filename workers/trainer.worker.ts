/** The training worker: builds the service for this host and exposes it. */
import * as comlink from 'comlink';
import { installErrorTransport } from '../src/api/trainer-transport.ts';
import { createTrainerService } from '../src/trainer/trainer-service.ts';

installErrorTransport();
// The worker's file lies one folder below the page: assets/ when built, workers/ in development.
const appBaseUrl = new URL('..', globalThis.location.href).href;
comlink.expose(createTrainerService({ gpu: navigator.gpu, appBaseUrl, nowMs: () => performance.now() }));
