import { expect, test } from 'vitest';
import { datasetSettings } from '../../../src/config/dataset-settings.ts';
import { affects, settingsAffecting, type SettingsAffecting } from '../../../src/config/effects.ts';
import { defaultRunConfig, fieldOf, runConfigKeys, type RunConfig } from '../../../src/config/run-config.ts';

test('every setting affects something, and says nothing twice', () => {
  for (const key of runConfigKeys) {
    const { affects: effects } = fieldOf(key);
    expect(effects.length, key).toBeGreaterThan(0);
    expect(new Set(effects).size, key).toBe(effects.length);
  }
});

test('the settings of an effect are those whose field names it, as values and as a type', () => {
  const config: RunConfig = { ...defaultRunConfig, maxSteps: 7, numTrainEpochs: 2 };
  const length: SettingsAffecting<'length'> = {
    maxSteps: 7,
    numTrainEpochs: 2,
    maxConsecutiveSkippedSteps: 3,
    loadBestModelAtEnd: false,
    earlyStoppingPatience: 0,
    earlyStoppingThreshold: 0,
  };
  expect(settingsAffecting(config, 'length')).toEqual(length);
  // @ts-expect-error a setting that does not affect it is no member of the type
  const other: unknown = settingsAffecting(config, 'length').learningRate;
  expect(other).toBeUndefined();
});

test('settings of several effects are those of any of them', () => {
  const both = Object.keys(settingsAffecting(defaultRunConfig, 'length', 'reports'));
  expect(both).toEqual(runConfigKeys.filter((key) => affects(key, 'length') || affects(key, 'reports')));
  expect(both).toContain('maxSteps');
  expect(both).toContain('evalSteps');
  expect(both).not.toContain('learningRate');
});

test('a dataset is read again for these settings', () => {
  expect(Object.keys(datasetSettings(defaultRunConfig))).toEqual([
    'maxLength',
    'truncation',
    'packing',
    'completionOnlyLoss',
    'assistantOnlyLoss',
    'systemPrompt',
    'templateDate',
    'columns',
  ]);
});
