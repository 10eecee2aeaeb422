import { describe, expect, test } from 'vitest';
import type { EvaluationReport, StepReport } from '../../../src/api/trainer-api.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import type { RunProgress } from '../../../src/trainer/run-progress.ts';
import { RunRecord } from '../../../src/trainer/run-results.ts';

const report = (step: number, loss: number): StepReport => ({
  step,
  totalSteps: 3,
  epoch: step / 3,
  loss,
  metrics: { loss },
  learningRate: 1e-3,
  gradNorm: 1,
  targetTokens: 10 * step,
  tokens: 100 * step,
  tokensPerSecond: 1,
  stepMs: 250,
  gpuBytes: 7,
});
const counts = { rows: 5, trainRows: 4, evaluationRows: 1, examples: 6 };
const names = { model: 'm', base: { nameOrPath: 'm', revision: null }, dataset: 'd' };
const record = (
  from: ConstructorParameters<typeof RunRecord>[4] = { step: 0, progress: null, records: [] },
): RunRecord => new RunRecord(defaultRunConfig, names, { ...counts, totalSteps: 3 }, 'a GPU', from);
const nothing: EvaluationReport = { suites: [], newTokens: 0, seconds: 0 };

test('a result has the first and the last loss, sums of tokens, and tokens per second of the steps alone', () => {
  const run = record();
  for (const [i, loss] of [3, 2, 1.5].entries()) run.addStep(report(i + 1, loss));
  run.addEvaluation('before', nothing);
  expect(run.result(true)).toEqual({
    ok: true,
    finished: true,
    alreadyFinished: false,
    model: 'm',
    dataset: 'd',
    ...counts,
    steps: 3,
    lossFirst: 3,
    lossLast: 1.5,
    targetTokens: 60,
    seconds: 0.75,
    tokensPerSecond: 800, // 600 in 0.75 s
    gpuBytesPeak: 0,
    before: nothing,
    after: null,
    device: 'a GPU',
    skippedSteps: 0,
    best: null,
    isBestKept: false,
    earlyStop: null,
  });
});

test('a run without a step has no loss and no rate, and no number that is none', () => {
  expect(record().result(false)).toMatchObject({ steps: 0, lossFirst: 0, lossLast: 0, tokensPerSecond: 0 });
});

test('a run that goes on from a checkpoint reports the whole, its first loss included', () => {
  const first = record();
  first.addStep(report(1, 3));
  first.addStep(report(2, 2));
  const resumed = record({ step: first.step, progress: first.progress, records: [] });
  resumed.addStep(report(3, 1.5));
  expect(resumed.result(true)).toMatchObject({
    steps: 3,
    lossFirst: 3,
    lossLast: 1.5,
    targetTokens: 60,
    seconds: 0.75,
  });
});

describe('a run with skipped steps', () => {
  const skip = { reason: 'loss', lines: [4], rows: 1, isNarrowed: true } as const;
  const skipped = (step: number, inARow: number, total: number): StepReport => ({
    ...report(step, NaN),
    skipped: { ...skip, inARow, total },
  });

  test('counts them through a checkpoint, warns of each, and has the losses and targets of the others', () => {
    const first = record();
    expect(first.addStep(skipped(1, 1, 1))).toMatchObject({ code: 'step-skipped', step: 1 });
    expect(first.addStep(report(2, 2))).toBeNull();
    const progress = JSON.parse(JSON.stringify(first.progress)) as typeof first.progress;
    expect(progress.skipped).toEqual({ total: 1, inARow: 0 });
    const resumed = record({ step: 2, progress, records: [] });
    resumed.addStep(skipped(3, 1, 2));
    expect(resumed.progress.skipped).toEqual({ total: 2, inARow: 1 });
    expect(resumed.result(true)).toMatchObject({
      skippedSteps: 2,
      lossFirst: 2,
      lossLast: 2,
      targetTokens: 20,
    });
  });
});

describe('a run with held-out losses', () => {
  const settings = { ...defaultRunConfig, earlyStoppingPatience: 2, evalFraction: 0.1 };
  const held = (progress: RunProgress | null = null, step = 0): RunRecord =>
    new RunRecord(settings, names, { ...counts, totalSteps: 9 }, 'a GPU', { step, progress, records: [] });

  test('tells the lowest, ends where it falls no more, and is at its end when it is resumed', () => {
    const run = held();
    const lower = [3, 2, 2.5, 2.25].map((loss, i) => {
      run.addStep(report(i + 1, 1));
      return run.addEvalLoss(i + 1, loss);
    });
    expect(lower).toEqual([true, true, false, false]);
    expect(run.isAtItsEnd).toBe(true);
    const result = run.result(true);
    expect(result).toMatchObject({ best: { step: 2, evalLoss: 2 }, isBestKept: false, steps: 4 });
    expect(result.earlyStop).toContain('Stopped early after step 4 of 9');
    const again = held(JSON.parse(JSON.stringify(run.progress)) as RunProgress, 4);
    expect([again.isAtItsEnd, again.result(true).earlyStop]).toEqual([true, result.earlyStop]);
  });

  test('does not end while it falls, and says no reason at its planned end', () => {
    const run = held();
    for (let step = 1; step <= 9; step++) {
      run.addStep(report(step, 1));
      run.addEvalLoss(step, 10 - step);
      expect(run.isAtItsEnd).toBe(step === 9);
    }
    expect(run.result(true)).toMatchObject({ best: { step: 9 }, earlyStop: null });
  });
});

test('a run whose loss stays far above its start is warned of once, in its metrics too', () => {
  const run = new RunRecord(defaultRunConfig, names, { ...counts, totalSteps: 99 }, 'a GPU', {
    step: 0,
    progress: null,
    records: [],
  });
  const warnings = Array.from({ length: 30 }, (_, i) => run.addStep(report(i + 1, i < 3 ? 2 : 9)));
  expect(warnings.filter((warning) => warning !== null)).toMatchObject([
    { code: 'loss-diverging', step: 23 },
  ]);
  const rows = run.metrics.text().trim().split('\n');
  expect(rows.filter((row) => row.includes('"warning":"loss-diverging"'))).toHaveLength(1);
});
