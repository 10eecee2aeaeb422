/** The settings a dataset is read with, out of those of the run. */
import type { DatasetSettings } from '../api/trainer-api.ts';
import { settingsAffecting } from './effects.ts';
import type { RunConfig } from './run-config.ts';

export const datasetSettings = (config: RunConfig): DatasetSettings => settingsAffecting(config, 'tokens');

export const sameDatasetSettings = (a: DatasetSettings, b: DatasetSettings): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
