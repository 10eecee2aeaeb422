import { describe, expect, test } from 'vitest';
import { loraTargets } from '../../../src/architecture/modules.ts';
import { usefulFlops } from '../../../src/model/step-flops.ts';
import { roughTime } from '../../../src/support/rough-time.ts';
import { forecastTime, sumsOf, type TimeQuestion } from '../../../src/trainer/time-forecast.ts';

const smollm2 = {
  hiddenSize: 576,
  intermediateSize: 1536,
  layerCount: 30,
  headCount: 9,
  kvHeadCount: 3,
  headSize: 64,
  vocabSize: 49_152,
};
/** 1,000 rows of 512 tokens, three quarters of them trained, in 125 steps of 2 × 4. */
const question: TimeQuestion = {
  model: smollm2,
  format: 'f32',
  lora: { r: 16, targetModules: loraTargets },
  checkpointing: false,
  epoch: { tokens: 512_000, pairs: 1000 * 512 * 256.5, targets: 384_000 },
  heldOut: { tokens: 0, pairs: 0, targets: 0 },
  microBatches: 250,
  stepsPerEpoch: 125,
  totalSteps: 250,
  heldOutTimes: 0,
};
const speed = { flopsPerSecond: 4e9, bytesPerSecond: 8e9, isSoftware: true };
const forecast = (changes: Partial<TimeQuestion> = {}, gpu = speed) =>
  forecastTime({ ...question, ...changes }, gpu);

describe('the forecast of a run', () => {
  test('is all of its steps, and about what its useful FLOPs take at the measured rate', () => {
    const { secondsPerStep, seconds, flops } = forecast();
    expect(seconds).toBeCloseTo(250 * secondsPerStep, 6);
    expect(flops).toBeCloseTo(2 * usefulFlops(smollm2, question.lora, question.epoch).total, -6);
    expect(seconds).toBeGreaterThan((0.7 * flops) / speed.flopsPerSecond);
    expect(seconds).toBeLessThan((1.5 * flops) / speed.flopsPerSecond);
  });

  test('halves on a GPU twice as fast, but for what a launch costs', () => {
    const fast = { ...speed, flopsPerSecond: 8e9, bytesPerSecond: 16e9 };
    expect(forecast({}, fast).seconds / forecast().seconds).toBeCloseTo(0.5, 1);
  });

  test('does not ask how rows are divided among steps, unless they are few', () => {
    const large = forecast({ microBatches: 125, stepsPerEpoch: 62.5, totalSteps: 125 });
    expect(large.seconds / forecast().seconds).toBeCloseTo(1, 1);
    const { secondsPerStep } = forecast({ microBatches: 1000, stepsPerEpoch: 1000 });
    expect(secondsPerStep / forecast().secondsPerStep).toBeCloseTo(1 / 8, 1);
  });

  test('counts recomputed layers, the held-out loss and the decoding of coded weights', () => {
    const plain = forecast();
    const recomputed = forecast({ checkpointing: true }).seconds / plain.seconds;
    expect(recomputed).toBeGreaterThan(1.2);
    expect(recomputed).toBeLessThan(1.5);
    const heldOut = { tokens: 51_200, pairs: 100 * 512 * 256.5, targets: 38_400 };
    const evaluated = forecast({ heldOut, heldOutTimes: 2 });
    expect(evaluated.secondsPerStep).toBe(plain.secondsPerStep);
    const extra = evaluated.seconds - plain.seconds; // twice a tenth of an epoch, forward alone
    expect(extra / (plain.seconds / 2)).toBeGreaterThan(0.2 / 3);
    expect(extra / (plain.seconds / 2)).toBeLessThan(0.2 / 1.8);
    expect(forecast({ format: 'nf4' }).seconds).toBeGreaterThan(plain.seconds);
    expect(forecast({ format: 'nf4' }).seconds).toBeLessThan(1.3 * plain.seconds);
  });

  test('counts what LoRA is asked for', () => {
    const few = forecast({ lora: { r: 4, targetModules: ['q_proj'] } }).seconds;
    expect(few).toBeLessThan(forecast().seconds);
    expect(forecast({ lora: { r: 64, targetModules: loraTargets } }).seconds).toBeGreaterThan(
      forecast().seconds,
    );
  });
});

test('a row counts its inputs, what each sees, and its targets', () => {
  const row = {
    line: 1,
    tokens: new Int32Array(5),
    isTarget: new Uint8Array(5),
    targetCount: 3,
    truncated: false,
  };
  expect(sumsOf([row, { ...row, tokens: new Int32Array(3), targetCount: 1 }])).toEqual({
    tokens: 6,
    pairs: 10 + 3,
    targets: 4,
  });
  expect(sumsOf([])).toEqual({ tokens: 0, pairs: 0, targets: 0 });
});

test.each([
  [0.412, 'about 0.41 s'],
  [8, 'about 8 s'],
  [88, 'about 88 s'],
  [800, 'about 13 min'],
  [9000, 'about 2.5 h'],
  [170_000, 'about 47 h'],
  [900_000, 'about 10 days'],
])('%d s is said as "%s"', (seconds, said) => {
  expect(`about ${roughTime(seconds)}`).toBe(said);
});
