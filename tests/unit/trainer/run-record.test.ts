import { expect, test } from 'vitest';
import type { EvaluationReport, StepReport } from '../../../src/api/trainer-api.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
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
const record = (from: ConstructorParameters<typeof RunRecord>[4] = { step: 0, progress: null, records: [] }): RunRecord =>
  new RunRecord(defaultRunConfig, names, counts, 'a GPU', from);
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
