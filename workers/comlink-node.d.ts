/** comlink's adapter for worker_threads. Its own types stand under a file name that is not found, and want browser listeners. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
  import type { Endpoint } from 'comlink';
  /** `port`: a Worker or a MessagePort of node:worker_threads. */
  export default function nodeEndpoint(port: object): Endpoint;
}
