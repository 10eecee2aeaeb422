import { expect, test } from 'vitest';
import { demoRunConfig } from '../../../src/config/demo-preset.ts';
import { fittingDefaults, type DefaultsQuestion } from '../../../src/config/fitting-defaults.ts';
import { parseRunConfig, toRawRunConfig, type RunConfig } from '../../../src/config/run-config.ts';

const ask = (given: Partial<DefaultsQuestion>) =>
  fittingDefaults({ isDemoModel: true, maxPositions: 512, rows: null, ...given });
const own = (usable: number) => ({ isBuiltin: false, usable });
const stepsOf = (config: RunConfig, rows: number): number =>
  config.maxSteps > 0
    ? config.maxSteps
    : Math.ceil(rows / (config.perDeviceTrainBatchSize * config.gradientAccumulationSteps)) *
      config.numTrainEpochs;

test('the demo on its own rows keeps the values that were measured for it', () => {
  expect(ask({}).config).toEqual(demoRunConfig);
  expect(ask({ rows: { isBuiltin: true, usable: 1000 } })).toEqual({ config: demoRunConfig, reasons: [] });
});

test.each([
  [1, 10, 10],
  [12, 10, 10],
  [300, 5, 95],
  [1000, 3, 189],
  [200_000, 1, 12_500],
])('the demo on %i rows of the user’s sees them %i times, in %i steps', (rows, epochs, steps) => {
  const { config, reasons } = ask({ rows: own(rows) });
  expect(config.maxSteps).toBe(-1);
  expect(config.numTrainEpochs).toBe(epochs);
  expect(stepsOf(config, rows)).toBe(steps);
  expect(reasons.map(({ key }) => key)).toContain('numTrainEpochs');
});

test('a run of a few steps is not all warm-up', () => {
  expect(ask({ rows: own(1) }).config.warmupSteps).toBe(0.1);
  expect(ask({ rows: own(1000) }).config.warmupSteps).toBe(demoRunConfig.warmupSteps);
});

test.each([1, 150, 1000, 200_000])(
  'another model on %i rows takes traces, and holds rows out of many',
  (rows) => {
    const { config, reasons } = ask({ isDemoModel: false, maxPositions: 32_768, rows: own(rows) });
    expect(config.samplePrompts.length).toBeGreaterThan(0);
    const sets = stepsOf(config, rows) / config.sampleSteps;
    expect(sets).toBeGreaterThanOrEqual(1);
    expect(sets).toBeLessThanOrEqual(10);
    expect(config.evalFraction).toBe(rows >= 200 ? 0.05 : 0);
    expect(reasons.map(({ key }) => key)).toEqual([
      'numTrainEpochs',
      'sampleSteps',
      ...(rows >= 200 ? ['evalFraction'] : []),
    ]);
    expect(parseRunConfig(toRawRunConfig(config)).problems).toEqual([]);
  },
);

test('rows are not longer than what the model reads, and that is said', () => {
  const { config, reasons } = ask({ isDemoModel: false, maxPositions: 256 });
  expect(config.maxLength).toBe(256);
  expect(reasons).toEqual([{ key: 'maxLength', text: 'Max length is 256, all that this model reads.' }]);
});
