/** The page's calls about training runs and what they leave behind. */
import { zipFiles } from '../../adapter/zip.ts';
import type { TrainerApi, TrainEvent } from '../../api/trainer-api.ts';
import { datasetSettings, sameDatasetSettings } from '../../config/dataset-settings.ts';
import type { RunConfig } from '../../config/run-config.ts';
import type { RunStore } from '../../runs/run-store.ts';
import { TrainerError } from '../../support/trainer-error.ts';
import type { Dataset } from '../dataset.ts';
import { exportZipAs, planPush, pushExport, type LeavingPlaces } from '../export-zip.ts';
import type { Model } from '../model.ts';
import { filesGiven, findRunFiles } from '../foreign-files.ts';
import { importRun, keepImported, type KnownModel } from '../import-run.ts';
import { rememberedModel, storedRunFiles } from '../stored-runs.ts';
import type { Current } from './current.ts';

export const runCalls = (current: Current) =>
  ({
    startTraining: (request, onEvent) =>
      current.exclusively('training', async () => {
        if (!(await current.unprovedEngine()).isProved)
          onEvent({ kind: 'phase', phase: 'preparing', note: 'Self-test of the GPU' });
        (await current.engine()).assertHealthy();
        const model = await modelFor(current, request.config, onEvent);
        const run = await model.createRun(await datasetFor(current, request.config), request);
        current.use({ run });
        return run.train(onEvent);
      }),
    planRun: async (config) => {
      await current.engine(); // how fast it is, its proof says
      const { model, dataset } = current;
      return model === null || dataset === null ? null : model.forecast(dataset, config);
    },

    pause: async () => current.run?.control.pause(),
    resume: async () => current.run?.control.resume(),
    stop: async () => current.run?.control.stop(),
    saveNow: async () => current.run?.control.askForSave(),

    listRuns: async () => {
      void current.trainer.outbox.sweepOnce().catch(() => undefined); // a page asks when it is opened
      return (await (await current.trainer.runs())?.list()) ?? [];
    },
    readRun: async (id) => (await storeOf(current)).read(id),
    importRun: async (files) => {
      const foreign = await findRunFiles(await filesGiven(files));
      const imported = await importRun(foreign, knownModel(current));
      return { id: await keepImported(imported, await storeOf(current)), notes: imported.notes };
    },
    describeRun: async (id, words) => (await storeOf(current)).describe(id, words),
    removeRun: async (id) => (await storeOf(current)).remove(id),
    exportStoredRun: async (id) => zipFiles(await storedRunFiles(await storeOf(current), id)),

    exportFiles: async () => current.requireRun().files(),
    exportZip: async () => zipFiles(await current.requireRun().files()),
    exportAs: (request, onProgress) =>
      current.cancellable('exporting', async (signal) =>
        exportZipAs(request, await placesOf(current), { signal, onProgress }),
      ),
    cancelExport: async () => current.cancel('exporting'),
    planPush: async (request) => planPush(request, await placesOf(current)),
    pushToHub: (request, onProgress) =>
      current.cancellable('pushing', async (signal) =>
        pushExport(request, await placesOf(current), { signal, onProgress }),
      ),
    cancelPush: async () => current.cancel('pushing'),
    exportCheckpoint: async () => new Blob([(await current.requireRun().checkpoint()) as BlobPart]),
  }) satisfies Partial<TrainerApi>;

function knownModel({ model }: Current): KnownModel | null {
  if (model === null) return null;
  const { name, base, config } = model.loaded;
  return { name, base, config, source: rememberedModel(model.source) };
}

async function placesOf({ model, dataset, run, trainer }: Current): Promise<LeavingPlaces> {
  return { model, dataset, run, runs: await trainer.runs(), outbox: trainer.outbox };
}

async function storeOf(current: Current): Promise<RunStore> {
  const runs = await current.trainer.runs();
  if (runs !== null) return runs;
  throw new TrainerError('storage-unavailable', 'The browser gives this page no storage, so no run is kept.');
}

/** A run in another format loads its model again; the dataset's tokens stay good. */
async function modelFor(
  current: Current,
  { quantization }: RunConfig,
  onEvent: (event: TrainEvent) => void,
): Promise<Model> {
  const model = current.requireModel();
  if (model.quantization === quantization) return model;
  onEvent({ kind: 'phase', phase: 'loading', note: `Base weights as ${quantization}` });
  return current.load(model.source, quantization, ({ done, total, note }) =>
    onEvent({ kind: 'progress', done, total, note }),
  );
}

/** Settings that change the tokens have the file read again. */
async function datasetFor(current: Current, config: RunConfig): Promise<Dataset> {
  const dataset = current.requireDataset();
  const settings = datasetSettings(config);
  if (sameDatasetSettings(dataset.settings, settings)) return dataset;
  return current.read(dataset.source, settings, () => undefined);
}
