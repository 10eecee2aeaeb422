// A worker as the trainer's is one, with a load that never comes back. Plain JavaScript: a thread of Node reads no TypeScript.
import { parentPort } from 'node:worker_threads';
import * as comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';

comlink.expose(
  {
    openDevice: async () => ({ name: 'none' }),
    loadModel: ({ name }) => {
      while (name === 'endless');
      return { name };
    },
    cancelLoading: async () => undefined,
  },
  nodeEndpoint(parentPort),
);
