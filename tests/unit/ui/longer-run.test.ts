import { expect, test } from 'vitest';
import { defaultRunConfig, requireRunConfig } from '../../../src/config/run-config.ts';
import { longerRun } from '../../../src/ui/longer-run.ts';

const run = { step: 100, totalSteps: 100, stepsPerEpoch: 50 };
const config = requireRunConfig({
  num_train_epochs: 2,
  learning_rate: 1e-3,
  lr_scheduler_type: 'linear',
  warmup_steps: 0,
});

test('epochs are added to epochs, and the learning rate before and after is said', () => {
  const longer = longerRun(run, config, 2);
  expect(longer?.config).toEqual({ ...config, numTrainEpochs: 4 });
  expect(longer?.totalSteps).toBe(200);
  // Step 100 of 100 had 1/100 of the rate; step 101 of 200 has 100/200, step 200 1/200.
  expect(longer?.plan).toBe(
    'It goes on after step 100, up to step 200 instead of 100, with the optimizer as it was. ' +
      'The learning rate follows the schedule of 200 steps from here on: it was 1e-5 at step 100, goes on at 5e-4 and ends at 5e-6.',
  );
});

test('a run that counts steps gets steps, and a constant rate stays', () => {
  const inSteps = { ...config, maxSteps: 100, lrSchedulerType: 'constant' } as const;
  const longer = longerRun(run, inSteps, 7);
  expect(longer?.config.maxSteps).toBe(107);
  expect(longer?.plan).toContain('The learning rate stays at 1e-3.');
});

test('a part of an epoch may be added, a part of a step not', () => {
  expect(longerRun(run, config, 0.5)?.totalSteps).toBe(125);
  expect(longerRun(run, { ...config, maxSteps: 100 }, 0.5)).toBeNull();
});

test.each([0, -1, NaN, Infinity, 1e9])('%d more is no length', (more) => {
  expect(longerRun(run, config, more)).toBeNull();
  expect(longerRun(run, { ...defaultRunConfig, maxSteps: 100 }, more)).toBeNull();
});
