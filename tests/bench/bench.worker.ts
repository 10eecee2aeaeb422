/** The benchmark runs where the engine does: in a worker. */
import * as comlink from 'comlink';
import { installErrorTransport } from '../../src/api/trainer-transport.ts';
import type { BenchWorkerApi } from './protocol.ts';
import { runSuite } from './suite/run-suite.ts';

installErrorTransport();
const api: BenchWorkerApi = { run: runSuite };
comlink.expose(api);
