import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
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
  gpuBytes: 3e6,
  metrics: {},
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
    expect(lines[0]).toBe('step 1/100 · loss 1.5000 · 80 tok/s · ETA 1:39 · 3 MB\n');
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

test('a warning, and a skipped step, have lines of their own', () => {
  const lines: string[] = [];
  const view = createProgressView({ write: (text: string) => lines.push(text) }, () => 1e6 * lines.length);
  const skipped = { reason: 'loss', lines: [7], rows: 1, isNarrowed: true, inARow: 1, total: 1 } as const;
  view.show({ kind: 'step', report: { ...stepReport(3), loss: NaN, skipped } });
  view.show({ kind: 'warning', code: 'step-skipped', step: 3, message: 'Skipped: line 7.' });
  expect(lines[0]).toMatch(/^step 3\/100 · skipped · 80 tok/);
  expect(lines[1]).toBe('step 3: Skipped: line 7.\n');
});

describe('metrics.jsonl', () => {
  const rowsOf = (path: string): unknown[] =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  test('starts anew for a new run, and touches nothing before the first row', () => {
    const path = join(writeFiles(tempFolder(), { 'metrics.jsonl': '{"step":99}\n' }), 'metrics.jsonl');
    const log = openMetricsLog(path, null);
    log.finish();
    expect(rowsOf(path)).toEqual([{ step: 99 }]);
    log.add({ step: 1, loss: 1.5 });
    log.add({ step: 2, loss: 1.25 });
    expect(rowsOf(path)).toEqual([
      { step: 1, loss: 1.5 },
      { step: 2, loss: 1.25 },
    ]);
  });

  test('of a resumed run keeps the rows up to its checkpoint, and writes those after it anew, once', () => {
    const earlier = '{"step":0}\n{"step":2,"loss":9}\n{"step":3,"loss":8}\n{"step":4,"loss":7}\n{"st';
    const path = join(writeFiles(tempFolder(), { 'metrics.jsonl': earlier }), 'metrics.jsonl');
    const log = openMetricsLog(path, 3);
    expect(readFileSync(path, 'utf8')).toBe(earlier);
    log.add({ step: 4, loss: 6 });
    expect(rowsOf(path)).toEqual([
      { step: 0 },
      { step: 2, loss: 9 },
      { step: 3, loss: 8 },
      { step: 4, loss: 6 },
    ]);
  });

  test('on a full disk tries again with every row, and loses none', () => {
    const folder = tempFolder();
    const path = join(folder, 'metrics.jsonl');
    mkdirSync(`${path}.part`); // where it is written before it is moved: that fails as on a full disk
    const log = openMetricsLog(path, null);
    log.add({ step: 1 });
    expect(existsSync(path)).toBe(false);
    rmSync(`${path}.part`, { recursive: true });
    log.add({ step: 2 });
    log.finish();
    expect(rowsOf(path)).toEqual([{ step: 1 }, { step: 2 }]);
  });
});
