import { describe, expect, test } from 'vitest';
import type { MetricsRow, StepReport } from '../../../src/api/trainer-api.ts';
import type { StoredRecord } from '../../../src/api/stored-runs.ts';
import { RunMetrics } from '../../../src/trainer/run-metrics.ts';

const losses = [9, 8, 7.5, 7, 6, 5, 4];
const report = (step: number): StepReport => ({
  step,
  totalSteps: losses.length,
  epoch: step / 4,
  loss: losses[step - 1],
  learningRate: step * 1e-3,
  gradNorm: step / 2,
  targetTokens: 10 * step,
  tokens: 100 * step,
  tokensPerSecond: 1,
  stepMs: 1000,
  gpuBytes: 7,
  metrics: { loss: losses[step - 1] },
});

function rowsOf(loggingSteps: number, happen: (metrics: RunMetrics) => void): MetricsRow[] {
  const metrics = new RunMetrics(loggingSteps);
  const rows: MetricsRow[] = [];
  metrics.onRow = (row) => rows.push(row);
  happen(metrics);
  metrics.close();
  expect(metrics.text()).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return rows;
}
const allSteps = (metrics: RunMetrics): void => losses.forEach((_, i) => metrics.addStep(report(i + 1)));

describe('metrics rows', () => {
  test('have the names of transformers', () => {
    expect(rowsOf(1, allSteps)[0]).toEqual({
      step: 1,
      epoch: 0.25,
      loss: 9,
      learning_rate: 1e-3,
      grad_norm: 0.5,
      target_tokens: 10,
      tokens_per_second: 100,
      step_ms: 1000,
      gpu_bytes: 7,
    });
  });

  test('hold what else an objective measures, as means over the same steps, and through a checkpoint', () => {
    const measured = (step: number): StepReport => ({
      ...report(step),
      metrics: { loss: losses[step - 1], accuracy: step / 8 },
    });
    const first = new RunMetrics(3);
    for (const step of [1, 2]) first.addStep(measured(step));
    const window = JSON.parse(JSON.stringify(first.window)) as RunMetrics['window'];
    const second = new RunMetrics(3, window);
    second.addStep(measured(3));
    expect(JSON.parse(second.text())).toMatchObject({ step: 3, loss: 24.5 / 3, accuracy: 2 / 8 });
  });

  test('with logging_steps 3 hold the mean loss since the row before, and rate and norm of their own step', () => {
    // transformers 5.18, Trainer._maybe_log_save_evaluate: (tr_loss since the last log) / (steps since it)
    const rows = rowsOf(3, allSteps);
    expect(rows.map(({ step }) => step)).toEqual([3, 6, 7]); // the last step has a row, over what is left
    expect(rows.map(({ loss }) => loss)).toEqual([24.5 / 3, 6, 4]);
    expect(rows[1]).toMatchObject({
      learning_rate: 6e-3,
      grad_norm: 3,
      target_tokens: 150,
      tokens_per_second: 500,
      step_ms: 1000,
    });
  });

  test('of one step are one, whatever happens at it, and a step without anything has none', () => {
    const sample = { text: 'answer', parts: [], refused: false, finished: true };
    const rows = rowsOf(2, (metrics) => {
      metrics.addSamples(0, [{ prompt: 'q', base: sample, adapter: sample }]);
      for (const step of [1, 2, 3, 4]) {
        metrics.addStep(report(step));
        if (step === 2) metrics.addSamples(2, [{ prompt: 'q', base: sample, adapter: sample }]);
        if (step === 2 || step === 3) metrics.addEvalLoss(step, 1.5);
      }
    });
    expect(rows.map(({ step }) => step)).toEqual([0, 2, 3, 4]);
    expect(rows[1]).toMatchObject({
      loss: 8.5,
      eval_loss: 1.5,
      samples: [{ prompt: 'q', base: 'answer', adapter: 'answer' }],
    });
    expect(rows[2]).toEqual({ step: 3, eval_loss: 1.5 });
    expect(rows[3]).toMatchObject({ loss: 7.25 });
  });

  test('of a skipped step say so in a row of their own, and no mean holds its numbers', () => {
    const skipped = {
      reason: 'loss',
      lines: [7, 9],
      rows: 2,
      isNarrowed: true,
      inARow: 1,
      total: 1,
    } as const;
    const bad = (step: number): StepReport => ({ ...report(step), loss: NaN, gradNorm: NaN, skipped });
    const steps = [report(1), bad(2), report(3), report(4), bad(5), bad(6), bad(7)];
    const rows = rowsOf(3, (metrics) => steps.forEach((one) => metrics.addStep(one)));
    const skippedAs = { skipped: true, skipped_reason: 'loss not finite', skipped_lines: [7, 9] };
    expect(rows.map(({ step, loss, skipped: is }) => [step, loss, is])).toEqual([
      [2, undefined, true],
      [3, (9 + 7.5) / 2, undefined],
      [5, undefined, true],
      [6, 7, true], // the mean of step 4 alone
      [7, undefined, true],
    ]);
    expect(rows[0]).toMatchObject({ ...skippedAs, epoch: 0.5, learning_rate: 2e-3 });
    expect(rows[3]).toMatchObject({ ...skippedAs, grad_norm: null, step_ms: 1000 });
    expect(rows.map((row) => JSON.stringify(row)).join()).not.toMatch(/NaN|Infinity/);
  });

  test('of a run that ends within a window cover what is left, at its last step', () => {
    const rows = rowsOf(3, (metrics) => {
      for (const step of [1, 2, 3, 4]) metrics.addStep(report(step));
      metrics.addEvalLoss(4, 2);
      metrics.endWindow();
      metrics.endWindow();
    });
    expect(rows.map(({ step, loss, eval_loss: held }) => [step, loss, held])).toEqual([
      [3, 24.5 / 3, undefined],
      [4, 7, 2],
    ]);
  });

  test('made again of what was recorded are those of the run, with skipped steps, warnings and an early end', () => {
    const skipped = { reason: 'loss', lines: [7], rows: 1, isNarrowed: true, inARow: 1, total: 1 } as const;
    const run = new RunMetrics(3);
    const records: StoredRecord[] = [];
    for (const step of [1, 2, 3, 4]) {
      const told = step === 2 ? { ...report(step), loss: NaN, gradNorm: NaN, skipped } : report(step);
      run.addStep(told);
      records.push({ kind: 'step', report: told });
      if (step === 2) records.push({ kind: 'warning', code: 'step-skipped', step, message: 'line 7' });
      if (step === 3) run.addWarning(step, 'loss-diverging');
      if (step === 3) records.push({ kind: 'warning', code: 'loss-diverging', step, message: 'far above' });
    }
    run.endWindow();
    const stored = JSON.parse(JSON.stringify(records)) as StoredRecord[];
    expect(RunMetrics.after(stored, 3, run.window).text()).toBe(run.text());
    expect(run.text().trim().split('\n')).toHaveLength(3);
  });

  test('of a run resumed within a window are those of the whole run', () => {
    const whole = rowsOf(3, allSteps);
    const before = new RunMetrics(3);
    [1, 2, 3, 4].forEach((step) => before.addStep(report(step)));
    const after = new RunMetrics(3, before.window);
    const rows: MetricsRow[] = [];
    after.onRow = (row) => rows.push(row);
    [5, 6, 7].forEach((step) => after.addStep(report(step)));
    after.close();
    expect(rows).toEqual(whole.slice(1));
  });
});
