/** `npm run import-run`, as a process: what the Trainer of transformers left becomes a run's folder. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSafetensors } from '../../src/adapter/safetensors.ts';
import { bytesSource } from '../../src/support/byte-source.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, metricsOf, run } from './support.ts';

const fixture = join(import.meta.dirname, '../fixtures/trainer-state');
const out = join(tempFolder(), 'back');

test('its curve, settings and adapter are there, the adapter as it was', async () => {
  const done = await run('import-run', ['--from', fixture, '--out', out, '--json']);
  expect(done.stderr).not.toContain('Error');
  expect([done.exitCode, lastJson(done)]).toMatchObject([
    0,
    { ok: true, steps: 6, totalSteps: 6, state: 'finished', hasAdapter: true },
  ]);
  expect(readdirSync(out).sort()).toEqual([
    'README.md',
    'adapter_config.json',
    'adapter_model.safetensors',
    'metrics.jsonl',
    'run_config.json',
  ]);
  const { log_history: history } = JSON.parse(readFileSync(join(fixture, 'trainer_state.json'), 'utf8')) as {
    log_history: { step: number; loss?: number }[];
  };
  const losses = history.flatMap(({ step, loss }) => (loss === undefined ? [] : [[step, loss]]));
  expect(metricsOf(out).flatMap(({ step, loss }) => (loss === undefined ? [] : [[step, loss]]))).toEqual(
    losses,
  );
  const [then, now] = await Promise.all(
    [fixture, out].map((folder) =>
      openSafetensors(bytesSource(new Uint8Array(readFileSync(join(folder, 'adapter_model.safetensors'))))),
    ),
  );
  expect([...now.tensors.keys()].sort()).toEqual([...then.tensors.keys()].sort());
  for (const name of then.tensors.keys())
    expect(await now.readFloat32(name), name).toEqual(await then.readFloat32(name));
});

test('what is there is not written over unless that is asked for', async () => {
  const again = await run('import-run', ['--from', fixture, '--out', out]);
  expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('--overwrite') as string]);
  expect((await run('import-run', ['--from', fixture, '--out', out, '--overwrite'])).exitCode).toBe(0);
});

test('a folder that holds no such run is bad input, and says what is missing', async () => {
  const folder = writeFiles(tempFolder(), { 'adapter_config.json': '{}' });
  const refused = await run('import-run', ['--from', folder, '--out', join(folder, 'out')]);
  expect([refused.exitCode, refused.stderr]).toEqual([
    2,
    expect.stringContaining('trainer_state.json') as string,
  ]);
  const missing = await run('import-run', ['--from', join(folder, 'none'), '--out', join(folder, 'out')]);
  expect([missing.exitCode, missing.stderr]).toEqual([
    2,
    expect.stringContaining('is not a folder') as string,
  ]);
});
