/** The settings a dataset is read with, out of those of the run. */
import { settingsAffecting, type SettingsAffecting } from './effects.ts';
import type { RunConfig } from './run-config.ts';

/** The settings that decide which tokens a file becomes. */
export type DatasetSettings = SettingsAffecting<'tokens'>;

export const datasetSettings = (config: RunConfig): DatasetSettings => settingsAffecting(config, 'tokens');

export const sameDatasetSettings = (a: DatasetSettings, b: DatasetSettings): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
