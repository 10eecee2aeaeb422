import { expect, test } from 'vitest';
import { needsSentence, phaseBars, planSentence, timeLeft } from '../../../src/ui/run-words.ts';

const time = { seconds: 240, secondsPerStep: 2, flops: 1 };

test.each([
  [
    { totalSteps: 126, stepsPerEpoch: 63, time, questions: 800, rows: 1000 },
    '126 steps over 1,000 rows, each seen about 2 times, about 4 min; then 800 questions are answered twice, by base and adapter.',
  ],
  [{ totalSteps: 1, stepsPerEpoch: 1, time, questions: 0, rows: 1 }, '1 step over 1 row, about 4 min.'],
  [
    { totalSteps: 126, stepsPerEpoch: 12_500, time, questions: 1, rows: 200_000 },
    '126 steps over a part of 200,000 rows, about 4 min; then 1 question is answered twice, by base and adapter.',
  ],
])('what will happen is said before it does: %#', (plan, sentence) =>
  expect(planSentence(plan)).toBe(sentence),
);

test('what it takes is said, of the disk only where something is kept', () => {
  const memory = { plan: { total: 60e6 }, available: null };
  expect(needsSentence({ memory, storage: { neededBytes: 15e6, refusal: null } })).toBe(
    'It takes 60.0 MB of GPU memory and up to 15.0 MB of disk.',
  );
  expect(needsSentence({ memory, storage: { neededBytes: 15e6, refusal: 'a private window' } })).toBe(
    'It takes 60.0 MB of GPU memory.',
  );
});

const at = (given: Partial<Parameters<typeof phaseBars>[0]>) =>
  phaseBars({ phase: 'idle', step: 0, totalSteps: 0, part: null, hasResults: false, ...given }).map(
    ({ share }) => share,
  );

test('one bar goes through prepare, train and evaluate', () => {
  const half = { done: 1, total: 2 };
  expect(at({})).toEqual([0, 0, 0]);
  expect(at({ phase: 'preparing', part: half })).toEqual([0.5, 0, 0]);
  expect(at({ phase: 'training', step: 3, totalSteps: 12 })).toEqual([1, 0.25, 0]);
  expect(at({ phase: 'sampling', step: 3, totalSteps: 12, part: half })).toEqual([1, 0.25, 0]);
  expect(at({ phase: 'evaluating', step: 12, totalSteps: 12, part: half })).toEqual([1, 1, 0.5]);
  expect(at({ phase: 'done', step: 12, totalSteps: 12, hasResults: true })).toEqual([1, 1, 1]);
});

test('the time left includes what is under way and the traces to come', () => {
  const none = { stepsLeft: 0, stepMs: 0, part: null, samplingMs: 0, samplingsLeft: 0, evaluationMs: 0 };
  expect(timeLeft(none)).toBe(null);
  expect(timeLeft({ ...none, stepsLeft: 10, stepMs: 2000 })).toBe(20_000);
  expect(timeLeft({ ...none, stepsLeft: 10, stepMs: 2000, samplingMs: 5000, samplingsLeft: 2 })).toBe(30_000);
  expect(timeLeft({ ...none, stepsLeft: 10, stepMs: 2000, evaluationMs: 60_000 })).toBe(80_000);
  expect(timeLeft({ ...none, part: { done: 25, total: 100, elapsedMs: 10_000 } })).toBe(30_000);
  expect(timeLeft({ ...none, part: { done: 0, total: 100, elapsedMs: 10_000 } })).toBe(null);
});
