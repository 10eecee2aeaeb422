/** A run of the command in the browser that is stopped and resumed, and answers over coded weights. `tests/headless/node-host.test.ts` does the first in Node on every run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, metricsOf, run, settings, start, type MetricsRow } from '../headless/support.ts';

const folder = tempFolder();
const values = {
  ...{ max_steps: 10, learning_rate: 0.01, seed: 7, lora_dropout: 0.1, per_device_train_batch_size: 2 },
  ...{ sample_steps: 0, suite_prompts: 0, max_new_tokens: 24 },
};
const adapterOf = (out: string): Buffer => readFileSync(join(out, 'adapter_model.safetensors'));
const whole = join(folder, 'learned');

async function waitForStep(out: string, step: number, signal: AbortSignal): Promise<void> {
  const reached = (row: MetricsRow): boolean => row.step >= step;
  while (!signal.aborted && !metricsOf(out).some(reached)) await new Promise((wake) => setTimeout(wake, 100));
}

test('resumed it ends as one that was not stopped, byte for byte', async () => {
  const args = (out: string): string[] => ['--model', 'demo', '--host', 'browser', '--out', out, '--json'];
  const uninterrupted = await run('train', [...args(whole), ...settings(values)]);
  expect(uninterrupted.exitCode, uninterrupted.stderr).toBe(0);

  const out = join(folder, 'stopped');
  const running = start('train', [...args(out), ...settings(values)]);
  const ended = new AbortController();
  void running.finished.then(() => ended.abort());
  await waitForStep(out, 2, ended.signal);
  running.child.kill('SIGINT');
  const stopped = await running.finished;
  expect(stopped.exitCode, stopped.stderr).toBe(1);
  expect(lastJson(stopped)).toMatchObject({ ok: false, code: 'cancelled' });
  expect(adapterOf(out).equals(adapterOf(whole))).toBe(false);

  const resumed = await run('train', [...args(out), '--resume']);
  expect(resumed.exitCode, resumed.stderr).toBe(0);
  expect(adapterOf(out).equals(adapterOf(whole))).toBe(true);
  const steps = metricsOf(out).filter(({ loss }) => loss !== undefined);
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
});

test('its adapter answers over coded weights', async () => {
  const files = writeFiles(folder, { 'prompts.json': '["How do I bake a cake?"]' });
  const out = join(folder, 'int8.json');
  const args = [
    '--model',
    'demo',
    '--prompts',
    join(files, 'prompts.json'),
    '--out',
    out,
    '--adapter',
    whole,
  ];
  const generated = await run('generate', [...args, '--quantization', 'int8', '--max-new-tokens', '16']);
  expect(generated.exitCode, generated.stderr).toBe(0);
  const [answer] = JSON.parse(readFileSync(out, 'utf8')) as { tokenIds: number[] }[];
  expect(answer.tokenIds.length).toBeGreaterThan(0);
});
