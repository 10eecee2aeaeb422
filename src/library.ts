/** What the library gives wherever it runs: index.ts adds the browser to it, node.ts Node. */
export { Trainer } from './trainer/trainer.ts';
export type { Engine } from './trainer/engine.ts';
export type { Model } from './trainer/model.ts';
export type { Dataset } from './trainer/dataset.ts';
export type { Run } from './trainer/run.ts';
export type { RunControl } from './trainer/run-control.ts';
export type { Adapter, AdapterGroup, AdapterPart, AdapterPlan } from './model/adapter.ts';
export type { LoraSettings } from './adapter/peft.ts';
export type { RunStore } from './runs/run-store.ts';
export type { Watch } from './trainer/watch.ts';
export { exportAdapter, type AdapterExport } from './trainer/export-zip.ts';
export type { ExportFile } from './exporters/export-file.ts';
export type { ExportDtype, ExportFormat } from './config/export-choices.ts';
export type { Host, Assets, NoteStore, Room } from './host/host.ts';
export type { ByteSource } from './support/byte-source.ts';
export type { FolderStore } from './storage/folder-store.ts';
export { errorCodes, TrainerError, type ErrorCode } from './support/trainer-error.ts';
export type * from './api/trainer-api.ts';
export type * from './api/evaluations.ts';
export type * from './api/exports.ts';
export type * from './api/playground.ts';
export type * from './api/stored-runs.ts';
export { datasetSettings } from './config/dataset-settings.ts';
export type { ConfigProblem, UnusedSetting } from './config/foreign-settings.ts';
export {
  defaultRunConfig,
  parseRunConfig,
  requireRunConfig,
  type RawRunConfig,
  type RunConfig,
  type RunConfigKey,
} from './config/run-config.ts';
