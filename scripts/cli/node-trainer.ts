/** The training worker of Node as the contract's object, like the page's client. */
import { Worker as Thread } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { startRemoteWorker, type RemoteWorker } from '../../src/client/remote-api.ts';
import { superviseTrainer } from '../../src/client/supervised-trainer.ts';
import type { TrainerApi } from '../../src/api/trainer-api.ts';
import type { NodeTrainerData } from '../../workers/trainer.node.ts';
import { nodeFolder } from './paths.ts';

export interface NodeTrainer {
  readonly client: TrainerApi;
  close(): Promise<void>;
}

/** `ensureNode()` has built what it starts. Caller closes. */
export function startNodeTrainer(workerData: NodeTrainerData): NodeTrainer {
  let thread: Thread | null = null;
  const startWorker = (): RemoteWorker<TrainerApi> => {
    thread = new Thread(pathToFileURL(join(nodeFolder, 'trainer.js')), { workerData });
    return startRemoteWorker<TrainerApi>('training', asWebWorker(thread));
  };
  return {
    client: superviseTrainer(startWorker),
    close: async () => {
      await thread?.terminate();
    },
  };
}

/** As much of the browser's Worker as a client uses. */
export function asWebWorker(thread: Thread): Worker {
  const endpoint = nodeEndpoint(thread);
  const failed = (listener: (event: unknown) => void): void => {
    thread.once('error', (error) => listener({ message: error.message, detail: error }));
    // A driver that ends the thread gives no error.
    thread.once('exit', (code) => listener({ message: `the thread ended with ${code}` }));
  };
  const worker = {
    ...endpoint,
    terminate: () => void thread.terminate(),
    addEventListener(type: string, listener: EventListener, options?: { readonly once?: boolean }): void {
      if (type === 'error') return failed(listener as (event: unknown) => void);
      if (type === 'messageerror') return void thread.on('messageerror', () => listener(new Event(type)));
      if (options?.once) return void thread.once('message', () => listener(new Event(type)));
      endpoint.addEventListener(type, listener);
    },
  };
  return worker as unknown as Worker;
}
