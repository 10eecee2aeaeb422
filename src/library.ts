/** What the library gives wherever it runs: index.ts adds the browser to it, node.ts Node. */
export { Trainer } from './trainer/trainer.ts';
export type { Engine } from './trainer/engine.ts';
export type { Model } from './trainer/model.ts';
export type { Dataset } from './trainer/dataset.ts';
export type { Run } from './trainer/run.ts';
export type { Watch } from './trainer/watch.ts';
export type { Host, Assets, NoteStore } from './host/host.ts';
export { TrainerError, type ErrorCode } from './support/trainer-error.ts';
export type * from './api/trainer-api.ts';
export type * from './api/evaluations.ts';
export { datasetSettings } from './config/dataset-settings.ts';
export {
  defaultRunConfig,
  parseRunConfig,
  requireRunConfig,
  type RawRunConfig,
  type RunConfig,
} from './config/run-config.ts';
