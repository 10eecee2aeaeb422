/** The settings a dataset is read with, out of those of the run. */
import type { DatasetSettings } from '../api/trainer-api.ts';
import type { RunConfig } from './run-config.ts';

export function datasetSettings(config: RunConfig): DatasetSettings {
  const { maxLength, truncation, packing, completionOnlyLoss, assistantOnlyLoss } = config;
  const { systemPrompt, templateDate, columns } = config;
  return {
    ...{ maxLength, truncation, packing, completionOnlyLoss, assistantOnlyLoss },
    ...{ systemPrompt, templateDate, columns },
  };
}

export const sameDatasetSettings = (a: DatasetSettings, b: DatasetSettings): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
