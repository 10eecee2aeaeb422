/**
 * Ten AdamW steps through the command line, from the same adapter on the same rows as a PEFT run:
 * tests/fixtures/goldens/, made by scripts/goldens/make_goldens.py with the versions named in golden.json.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, metricsOf, run } from './support.ts';

interface Golden {
  readonly curve: {
    readonly settings: Readonly<Record<string, unknown>>;
    readonly steps: readonly {
      readonly step: number;
      readonly loss: number;
      readonly grad_norm: number;
      readonly learning_rate: number;
      readonly target_tokens: number;
    }[];
  };
}

const CURVE = 1e-4; // relative; both sides are f32 and ten steps apart from the same start
const goldens = join(projectRoot, 'tests/fixtures/goldens');
const relativeError = (value: number | undefined, golden: number): number =>
  Math.abs((value ?? Number.NaN) - golden) / Math.max(Math.abs(golden), 1e-12);

describe('npm run train follows PEFT', () => {
  test.each(['tied-gqa', 'untied-rslora'])('on %s, step by step', async (name) => {
    const golden = JSON.parse(readFileSync(join(goldens, name, 'golden.json'), 'utf8')) as Golden;
    const folder = writeFiles(tempFolder(), { 'run.json': JSON.stringify(golden.curve.settings) });
    const out = join(folder, 'out');
    const finished = await run('train', [
      ...['--model', join(goldens, name, 'model')],
      ...['--init-adapter', join(goldens, name, 'adapter')],
      ...['--dataset', join(goldens, name, 'dataset.jsonl')],
      ...['--config', join(folder, 'run.json')],
      ...['--out', out, '--json'],
    ]);
    expect(finished.exitCode, finished.stderr).toBe(0);
    expect(lastJson(finished)).toMatchObject({ ok: true, steps: golden.curve.steps.length });
    const rows = metricsOf(out).filter(({ loss }) => loss !== undefined);
    expect(rows).toHaveLength(golden.curve.steps.length);
    for (const [i, expected] of golden.curve.steps.entries()) {
      const row = rows[i];
      expect(row.step).toBe(expected.step);
      expect(row.target_tokens).toBe(expected.target_tokens);
      expect(row.learning_rate).toBeCloseTo(expected.learning_rate, 10);
      expect(relativeError(row.loss, expected.loss), `loss of step ${row.step}`).toBeLessThan(CURVE);
      expect(relativeError(row.grad_norm, expected.grad_norm), `gradient of step ${row.step}`).toBeLessThan(
        CURVE,
      );
    }
  });
});
