import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StepReport } from '../../../src/api/trainer-api.ts';
import { openMetricsLog } from '../../../scripts/cli/metrics-log.ts';
import { createProgressView } from '../../../scripts/cli/progress.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

const stepReport = (step: number): StepReport => ({
  step,
  totalSteps: 100,
  epoch: step / 50,
  loss: 1.5,
  learningRate: 1e-3,
  gradNorm: 0.5,
  targetTokens: 100,
  tokens: 120,
  tokensPerSecond: 80,
  stepMs: 1000,
  gpuBytes: 3 * 2 ** 20,
});

describe('the progress line', () => {
  test('without a terminal comes every five seconds, and at the last step', () => {
    const lines: string[] = [];
    let nowMs = 0;
    const view = createProgressView({ write: (text: string) => lines.push(text) }, () => nowMs);
    for (let step = 1; step <= 100; step++) {
      nowMs += 1000;
      view.show({ kind: 'step', report: stepReport(step) });
    }
    expect(lines).toHaveLength(21);
    expect(lines[0]).toBe('step 1/100 · loss 1.5000 · 80 tok/s · ETA 1:39 · 3 MiB\n');
    expect(lines.at(-1)).toContain('step 100/100');
  });

  test('in a terminal is rewritten in place and gives way to lines that stay', () => {
    let screen = '';
    const view = createProgressView(
      { isTTY: true, columns: 40, write: (text: string) => (screen += text) },
      () => 0,
    );
    view.show({ kind: 'step', report: stepReport(1) });
    view.say('hello');
    expect(screen).toMatch(/^step 1\/100[^\n]{1,40}\r\u001b\[2Khello\n$/);
  });
});

describe('metrics.jsonl', () => {
  const rowsOf = (path: string): unknown[] =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  test('has the names of transformers, and starts anew for a new run', () => {
    const folder = writeFiles(tempFolder(), { 'metrics.jsonl': '{"step":99}\n' });
    const path = join(folder, 'metrics.jsonl');
    const log = openMetricsLog(path, false);
    log.add({ kind: 'phase', phase: 'training', note: '' });
    log.add({ kind: 'step', report: stepReport(1) });
    log.add({ kind: 'eval-loss', step: 1, loss: 2 });
    log.finish();
    expect(rowsOf(path)).toEqual([
      {
        step: 1,
        epoch: 0.02,
        loss: 1.5,
        learning_rate: 1e-3,
        grad_norm: 0.5,
        target_tokens: 100,
        tokens_per_second: 80,
        step_ms: 1000,
        gpu_bytes: 3 * 2 ** 20,
      },
      { step: 1, eval_loss: 2 },
    ]);
  });

  test('of a resumed run keeps the rows before the step it takes over from, and drops a line cut off by a crash', () => {
    const folder = writeFiles(tempFolder(), { 'metrics.jsonl': '{"step":1}\n{"step":2}\n{"step":3}\n{"st' });
    const path = join(folder, 'metrics.jsonl');
    const log = openMetricsLog(path, true);
    log.add({ kind: 'eval-loss', step: 3, loss: 2 });
    expect(rowsOf(path)).toEqual([{ step: 1 }, { step: 2 }, { step: 3, eval_loss: 2 }]);
    writeFiles(folder, { 'metrics.jsonl': '{"step":3,"loss":1}\n' }); // what the worker delivers
    log.finish();
    expect(rowsOf(path)).toEqual([{ step: 1 }, { step: 2 }, { step: 3, loss: 1 }]);
  });
});
