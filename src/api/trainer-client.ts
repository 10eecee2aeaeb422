/** The page's end of the training worker: starts it, wraps it with comlink, and guards every call. */
import * as comlink from 'comlink';
import type { TrainerApi } from './trainer-api.ts';
import { installErrorTransport } from './trainer-transport.ts';
import { watchWorker } from './call-guard.ts';

export function createTrainerClient(): TrainerApi {
  installErrorTransport();
  const worker = new Worker(new URL('../../workers/trainer.worker.ts', import.meta.url), { type: 'module' });
  const remote = comlink.wrap<TrainerApi>(worker);
  const { guard } = watchWorker(worker, 'training');
  return {
    openDevice: () => guard(() => remote.openDevice()),
    loadModel: (source, quantization, onProgress) =>
      guard(() => remote.loadModel(source, quantization, comlink.proxy(onProgress))),
    cancelLoading: () => guard(() => remote.cancelLoading()),
    listCurated: () => guard(() => remote.listCurated()),
    listKept: () => guard(() => remote.listKept()),
    removeKept: (model) => guard(() => remote.removeKept(model)),
    removeAllKept: () => guard(() => remote.removeAllKept()),
    planMemory: (config) => guard(() => remote.planMemory(config)),
    readDataset: (source, settings, onProgress) =>
      guard(() => remote.readDataset(source, settings, comlink.proxy(onProgress))),
    findHubDataset: (source) => guard(() => remote.findHubDataset(source)),
    cancelReading: () => guard(() => remote.cancelReading()),
    previewColumns: (source) => guard(() => remote.previewColumns(source)),
    inspectRows: (first, count) => guard(() => remote.inspectRows(first, count)),
    startTraining: (request, onEvent) => guard(() => remote.startTraining(request, comlink.proxy(onEvent))),
    pause: () => guard(() => remote.pause()),
    resume: () => guard(() => remote.resume()),
    stop: () => guard(() => remote.stop()),
    loadAdapter: (source) => guard(() => remote.loadAdapter(source)),
    generate: (request) => guard(() => remote.generate(request)),
    exportFiles: () => guard(() => remote.exportFiles()),
    exportZip: () => guard(() => remote.exportZip()),
    exportCheckpoint: () => guard(() => remote.exportCheckpoint()),
    destroyDevice: () => guard(() => remote.destroyDevice()),
  };
}
