import { signal } from '@preact/signals';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TrainerApi } from '../../../src/api/trainer-api.ts';
import { affects } from '../../../src/config/effects.ts';
import { runConfigKeys, type RunConfig } from '../../../src/config/run-config.ts';
import { createForecast } from '../../../src/ui/state/forecast.ts';
import type { Run } from '../../../src/ui/state/run.ts';
import type { SetUp } from '../../../src/ui/state/set-up.ts';
import { createSettings } from '../../../src/ui/state/settings.ts';
import { otherValue } from '../../support/other-value.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched() {
  const asked: RunConfig[] = [];
  const planRun: TrainerApi['planRun'] = async (config) => {
    asked.push(config);
    return null;
  };
  const report = signal<object>({});
  const settings = createSettings();
  const isActive = signal(false);
  createForecast(
    { planRun } as TrainerApi,
    settings,
    { model: { report: signal({}) }, dataset: { report } } as unknown as SetUp,
    { isActive } as unknown as Run,
  );
  const settle = () => vi.advanceTimersByTime(1000);
  settle();
  return { asked, settings, report, isActive, settle };
}

test('the forecast of a run is asked for again when a setting changes that affects it, and not for others', () => {
  const { asked, settings, settle } = watched();
  expect(asked).toHaveLength(1);
  settings.edit('learningRate', '0.5');
  settle();
  expect(asked).toHaveLength(1);
  settings.edit('r', '2');
  settings.edit('loraDropout', '0.25'); // several changes in a moment are one question
  settle();
  expect(asked).toHaveLength(2);
  expect(asked[1]).toMatchObject({ learningRate: 0.5, r: 2, loraDropout: 0.25 });
});

test.each(runConfigKeys)(
  'another %s has it asked for again just where the table says that it affects memory, length or reports',
  (key) => {
    const { asked, settings, settle } = watched();
    const value = otherValue(settings.config.value, key);
    settings.edit(key, typeof value === 'number' ? String(value) : value);
    settle();
    expect(settings.config.value[key]).toEqual(value);
    expect(asked).toHaveLength(affects(key, 'memory', 'length', 'reports') ? 2 : 1);
  },
);

test('it is asked for again when the dataset was read again, and when a run has ended', () => {
  const { asked, report, isActive, settle } = watched();
  report.value = {};
  settle();
  expect(asked).toHaveLength(2);
  isActive.value = true;
  settle();
  expect(asked).toHaveLength(2);
  isActive.value = false;
  settle();
  expect(asked).toHaveLength(3);
});

test('memory that is lacking is said for the settings that were asked about, and not for others', async () => {
  const settings = createSettings();
  const fits = (config: RunConfig): boolean => config.perDeviceTrainBatchSize < 64;
  const { lacksMemory } = createForecast(
    { planRun: async (config) => ({ memory: { fits: fits(config) } }) } as TrainerApi,
    settings,
    { model: { report: signal({}) }, dataset: { report: signal({}) } } as unknown as SetUp,
    { isActive: signal(false) } as unknown as Run,
  );
  await vi.advanceTimersByTimeAsync(1000);
  expect(lacksMemory.value).toBe(false);
  settings.edit('perDeviceTrainBatchSize', '64');
  expect(lacksMemory.value).toBe(false);
  await vi.advanceTimersByTimeAsync(1000);
  expect(lacksMemory.value).toBe(true);
  settings.edit('perDeviceTrainBatchSize', '8');
  expect(lacksMemory.value).toBe(false);
});
