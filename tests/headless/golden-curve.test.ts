/**
 * Ten AdamW steps through the command line, from the same adapter on the same rows as a PEFT run:
 * tests/fixtures/goldens/, made by scripts/goldens/make_goldens.py with the versions named in golden.json. Once with a
 * model of a folder, once with a gated and sharded one of the hub, named by its revision.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
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

const token = 'hf_commandLineSecret';
const [local, remote] = ['tied-gqa', 'qwen3-untied-sharded'];
let hub: HubServer;
beforeAll(async () => {
  const folder = join(goldens, remote, 'model');
  const files = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]),
  );
  hub = await startHubServer([{ id: 'tiny/gated', token, revisions: ['v2'], files }]);
});
afterAll(() => hub.close());

/** Trains as the golden says, expects its curve, and returns what was printed and written. */
async function expectCurve(name: string, model: readonly string[], env: Record<string, string> = {}) {
  const golden = JSON.parse(readFileSync(join(goldens, name, 'golden.json'), 'utf8')) as Golden;
  const folder = writeFiles(tempFolder(), { 'run.json': JSON.stringify(golden.curve.settings) });
  const out = join(folder, 'out');
  const finished = await run(
    'train',
    [
      ...model,
      ...['--init-adapter', join(goldens, name, 'adapter')],
      ...['--dataset', join(goldens, name, 'dataset.jsonl')],
      ...['--config', join(folder, 'run.json')],
      ...['--out', out, '--json'],
    ],
    env,
  );
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
  return { finished, out };
}

describe('npm run train follows PEFT, step by step', () => {
  test(`on ${local}, from a folder`, async () => {
    await expectCurve(local, ['--model', join(goldens, local, 'model')]);
  });

  test(`on ${remote}, from a gated repository with HF_TOKEN, which is written nowhere`, async () => {
    const model = ['--model', 'tiny/gated@v2', '--hub-url', hub.url];
    const { finished, out } = await expectCurve(remote, model, { HF_TOKEN: token });
    expect(lastJson(finished)).toMatchObject({ model: 'tiny/gated@v2' });
    expect(hub.requests.some(({ authorization }) => authorization === `Bearer ${token}`)).toBe(true);
    const written = readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    expect(written.length).toBeGreaterThan(4);
    expect([finished.stdout, finished.stderr, ...written].join()).not.toContain(token);
  });
});
