/**
 * The trainer as a library, for other pages and programs: `createTrainer(host)` on this thread, or `createTrainerClient()`
 * for the same in a worker. Nothing of the page (ui/) is in it. Programs in Node: node.ts.
 */
export { createTrainer } from './trainer/trainer.ts';
export { browserHost } from './host/browser/browser-host.ts';
export { createTrainerClient } from './client/trainer-client.ts';
export * from './library.ts';
