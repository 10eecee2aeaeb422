/** The training worker: builds the service for this host and exposes it. */
import * as comlink from 'comlink';
import { installErrorTransport } from '../src/api/trainer-transport.ts';
import { createTrainerService } from '../src/trainer/trainer-service.ts';

installErrorTransport();
// Vite's base: the worker's file lies one folder below the page (assets/) when built, and in workers/ in development.
const appBaseUrl = new URL(import.meta.env.BASE_URL, globalThis.location.origin).href;
comlink.expose(createTrainerService({ gpu: navigator.gpu, appBaseUrl, nowMs: () => performance.now() }));
