import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/cli/paths.ts';
import {
  afterEvaluation,
  earlyStopSentence,
  freshHeldOut,
  isExhausted,
  type HeldOutProgress,
} from '../../../src/trainer/held-out-progress.ts';

interface Case {
  readonly losses: readonly string[];
  readonly patience: number;
  readonly threshold: number;
  readonly stoppedAt: number | null;
  readonly bestStep: number | null;
}
// transformers 5.24, EarlyStoppingCallback and Trainer._determine_best_metric: scripts/goldens/early_stopping.py
const goldens = JSON.parse(readFileSync(join(projectRoot, 'tests/fixtures/early-stopping.json'), 'utf8')) as {
  readonly cases: readonly Case[];
};

/** Python writes "nan" and "inf". */
const lossOf = (text: string): number => (text === 'inf' ? Infinity : Number(text));

/** Through JSON after each evaluation, as a run that is resumed every time. */
function follow({ losses, patience, threshold }: Case): HeldOutProgress & { stoppedAt: number | null } {
  let progress = freshHeldOut;
  for (const [i, text] of losses.entries()) {
    const step = 10 * (i + 1);
    const before = JSON.parse(JSON.stringify(progress)) as HeldOutProgress;
    progress = afterEvaluation(before, { step, evalLoss: lossOf(text) }, threshold);
    if (isExhausted(progress, patience)) return { ...progress, stoppedAt: step };
  }
  return { ...progress, stoppedAt: null };
}

test.each(goldens.cases)(
  'losses $losses with patience $patience and threshold $threshold stop at $stoppedAt, the best at $bestStep, as in transformers',
  (golden) => {
    const { stoppedAt, best } = follow(golden);
    expect([stoppedAt, best?.step ?? null]).toEqual([golden.stoppedAt, golden.bestStep]);
  },
);

test('the cases stop at different steps, and some of them never', () => {
  const ends = new Set(goldens.cases.map(({ stoppedAt }) => stoppedAt));
  expect(ends.size).toBeGreaterThan(3);
  expect(ends).toContain(null);
});

test('without patience a run never stops, however its held-out loss rises', () => {
  let progress = freshHeldOut;
  for (let step = 1; step <= 100; step++) progress = afterEvaluation(progress, { step, evalLoss: step }, 0);
  expect(progress).toEqual({ evaluations: 100, best: { step: 1, evalLoss: 1 }, withoutGain: 99 });
  expect(isExhausted(progress, 0)).toBe(false);
});

test('the reason names the step, the setting and the lowest loss', () => {
  const progress = { evaluations: 5, best: { step: 20, evalLoss: 1.25 }, withoutGain: 3 };
  const sentence = earlyStopSentence(progress, { step: 50, totalSteps: 200, threshold: 0.01 });
  expect(sentence).toBe(
    'Stopped early after step 50 of 200: the held-out loss did not fall by more than 0.01 in 3 evaluations in a row (early_stopping_patience); the lowest was 1.2500 at step 20.',
  );
});
