/** The page's calls about datasets. */
import type { TrainerApi } from '../../api/trainer-api.ts';
import type { Current } from './current.ts';

export const datasetCalls = (current: Current) =>
  ({
    readDataset: (source, settings, onProgress) =>
      current.exclusively(
        'reading a dataset',
        async () => (await current.read(source, settings, onProgress)).report,
      ),
    findHubDataset: (source) =>
      current.cancellable('finding', (signal) => current.trainer.findHubDataset(source, signal)),
    cancelReading: async () => {
      current.cancel('reading');
      current.cancel('finding');
    },
    previewColumns: (source) => current.trainer.previewColumns(source),
    inspectRows: async (first, count) => {
      current.requireModel();
      return current.requireDataset().inspect(first, count);
    },
  }) satisfies Partial<TrainerApi>;
