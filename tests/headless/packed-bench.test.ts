/** `npm run bench -- --pack`: the folder measures with its own Node, from anywhere, where no other program can be found. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { softwareDriver } from '../../scripts/cli/choose-host.ts';
import { gpuMode } from '../../scripts/cli/gpu-flags.ts';
import type { Measured } from '../bench/node/measure.ts';
import { hasNodeDriver } from '../support/node-driver.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { run } from './support.ts';
import { finished, type Finished } from '../support/finished.ts';

const canPack = process.platform === 'linux' && process.arch === 'x64' && hasNodeDriver;
const folder = tempFolder();
const packed = join(folder, 'measure');
const elsewhere = tempFolder();

/** With an environment of nothing but a driver. */
function measure(args: readonly string[], driver: string | null): Promise<Finished> {
  const drivers = driver === null ? {} : { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver };
  const child = spawn(join(packed, 'measure'), args, { cwd: elsewhere, env: { PATH: '', ...drivers } });
  return finished(child);
}
const measuredIn = (name: string): Measured =>
  JSON.parse(readFileSync(join(elsewhere, name), 'utf8')) as Measured;

test.skipIf(!canPack)('a packed folder checks and times a kernel, and writes JSON and a table', async () => {
  const made = await run('bench', ['--pack', packed]);
  expect(made.exitCode, made.stderr).toBe(0);
  const driver = gpuMode() === 'software' ? softwareDriver() : null;
  const args = ['--parts', 'kernels', '--only', 'rmsNorm forward', '--minutes', '1', '--out', 'card.json'];
  const finished = await measure(args, driver);
  expect(finished.exitCode, finished.stdout + finished.stderr).toBe(0);
  const { device, failure, parts, roofs, node, commit, demo } = measuredIn('card.json');
  expect({ failure, node, demo }).toEqual({ failure: null, node: process.versions.node, demo: null });
  expect(commit).toMatch(/^[0-9a-f]{7,}/);
  expect(device?.gpu).toMatch(/\w/);
  expect(roofs[0].gflops).toBeGreaterThan(0.1);
  expect(parts.map(({ name, failure: of }) => [name, of])).toEqual([['kernels', null]]);
  const [{ results }] = parts;
  expect(results.map(({ name, shape, failure: of }) => [name, shape, of])).toEqual([
    ['rmsNorm forward', '512x1536', null],
  ]);
  expect(results[0].medianMs).toBeGreaterThan(0);
  expect(results[0].figures['relativeError']).toBeLessThan(1e-4);
  expect(readFileSync(join(elsewhere, 'card.md'), 'utf8')).toContain('rmsNorm forward');
});

test.skipIf(!canPack)('where there is no driver it says what to install, in the file too', async () => {
  const none = writeFiles(elsewhere, {
    'none.json': '{"file_format_version":"1.0.0","ICD":{"library_path":"/nowhere.so","api_version":"1.3.0"}}',
  });
  const finished = await measure(['--out', 'without.json'], join(none, 'none.json'));
  expect(finished.exitCode).toBe(2);
  expect(finished.stdout).toContain('Install the Vulkan driver of your graphics card');
  expect(measuredIn('without.json').failure).toContain('webgpu-unavailable');
});

test.skipIf(!canPack)('a folder that has something in it is not packed into', async () => {
  const refused = await run('bench', ['--pack', elsewhere]);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('is not empty');
  expect(existsSync(join(elsewhere, 'measure'))).toBe(false);
});
