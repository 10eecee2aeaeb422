import { describe, expect, test } from 'vitest';
import { scheduleFactor, warmupSteps } from '../../../src/config/schedule.ts';

// transformers 5.24, get_scheduler(name, SGD(lr=1), num_warmup_steps, num_training_steps).get_last_lr() before each step
const golden = [
  ['constant', 7, 0, [1, 1, 1, 1, 1, 1, 1]],
  ['constant', 7, 3, [1, 1, 1, 1, 1, 1, 1]],
  ['constant_with_warmup', 7, 0, [1, 1, 1, 1, 1, 1, 1]],
  ['constant_with_warmup', 7, 3, [0, 0.33333333, 0.66666667, 1, 1, 1, 1]],
  ['constant_with_warmup', 2, 5, [0, 0.2]],
  ['linear', 7, 0, [1, 0.85714286, 0.71428571, 0.57142857, 0.42857143, 0.28571429, 0.14285714]],
  ['linear', 7, 3, [0, 0.33333333, 0.66666667, 1, 0.75, 0.5, 0.25]],
  ['linear', 3, 3, [0, 0.33333333, 0.66666667]],
  ['cosine', 7, 0, [1, 0.95048443, 0.8117449, 0.61126047, 0.38873953, 0.1882551, 0.04951557]],
  ['cosine', 7, 3, [0, 0.33333333, 0.66666667, 1, 0.85355339, 0.5, 0.14644661]],
  ['cosine', 2, 5, [0, 0.2]],
] as const;

describe('the learning rate of each step is that of transformers', () => {
  test.each(golden)('%s, %i steps, %i of them warm-up', (type, totalSteps, warmup, factors) => {
    for (const [step, factor] of factors.entries())
      expect(scheduleFactor(type, step, totalSteps, warmup), `step ${step}`).toBeCloseTo(factor, 7);
  });

  test('a schedule that has run out stays at zero', () => {
    // the same call in transformers, stepped past num_training_steps=7: [0.0, 0.0]; cosine at the end: 0.0
    expect([7, 8].map((step) => scheduleFactor('linear', step, 7, 3))).toEqual([0, 0]);
    expect(scheduleFactor('cosine', 7, 7, 3)).toBe(0);
  });
});

// transformers 5.24, TrainingArguments(warmup_steps=…).get_warmup_steps(126) and (7)
test.each([
  [0, 0, 0],
  [0.03, 4, 1],
  [0.1, 13, 1],
  [0.5, 63, 4],
  [0.9999, 126, 7],
  [1, 1, 1],
  [2.7, 2, 2],
  [5, 5, 5],
])('warmup_steps %f is %i of 126 steps and %i of 7', (setting, of126, of7) => {
  expect(warmupSteps(setting, 126)).toBe(of126);
  expect(warmupSteps(setting, 7)).toBe(of7);
});
