/** The training worker without a browser: the trainer's service on Node as its host, in a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import * as comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { installErrorTransport } from '../src/api/trainer-transport.ts';
import { openNodeGpu } from '../src/host/node/node-gpu.ts';
import { nodeHost, type NodeHostOptions } from '../src/host/node/node-host.ts';
import { createTrainerService } from '../src/trainer/trainer-service.ts';

/** What whoever starts the thread gives it. */
export type NodeTrainerData = Omit<NodeHostOptions, 'gpu'>;

if (parentPort === null) throw new Error('this is a worker thread');
installErrorTransport();
const gpu = await openNodeGpu();
comlink.expose(
  createTrainerService(nodeHost({ gpu, ...(workerData as NodeTrainerData) })),
  nodeEndpoint(parentPort),
);
