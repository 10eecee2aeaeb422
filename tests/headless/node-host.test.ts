/** `--host node`: the same trainer without a browser, on the driver that the browser's software GPU comes with, or a card's. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { gpuMode } from '../../scripts/cli/gpu-flags.ts';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { hasNodeDriver as hasDriver } from '../support/node-driver.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson, metricsOf, run, settings, start } from './support.ts';

if (!hasDriver) console.warn('No Vulkan driver is here: the tests of --host node are skipped.');

const folder = tempFolder();
const env = { ALTTRAIN_CACHE: join(folder, 'cache') };
const small = {
  max_steps: 3,
  per_device_train_batch_size: 2,
  sample_steps: 0,
  suite_prompts: 0,
  max_new_tokens: 8,
};
const outOf = (name: string): string => join(folder, name);
const adapterOf = (out: string): Buffer => readFileSync(join(out, 'adapter_model.safetensors'));
const train = (
  name: string,
  host: string,
  values: Readonly<Record<string, unknown>>,
  more: readonly string[] = [],
) =>
  run(
    'train',
    ['--model', 'demo', '--host', host, '--out', outOf(name), '--json', ...settings(values), ...more],
    env,
  );

const adapterBytes = { timeout: 400_000 };

describe.skipIf(!hasDriver)('train and generate in Node', () => {
  test(
    'the same files as in the browser, byte for byte where bytes can be the same',
    adapterBytes,
    async () => {
      const inNode = await train('node', 'node', small);
      expect(inNode.exitCode, inNode.stderr).toBe(0);
      expect(inNode.stderr).toMatch(/^Device: .+ \(Node .+, Dawn\)$/m);
      const inBrowser = await train('browser', 'browser', small);
      expect(inBrowser.exitCode, inBrowser.stderr).toBe(0);
      const names = (out: string): string[] => readdirSync(out, { recursive: true }).map(String).sort();
      expect(names(outOf('node'))).toEqual(names(outOf('browser')));
      // Two drivers may add in another order; the software one is the same file.
      if (gpuMode() === 'software')
        expect(adapterOf(outOf('node')).equals(adapterOf(outOf('browser')))).toBe(true);
      const losses = (name: string) => metricsOf(outOf(name)).map(({ loss }) => loss);
      expect(losses('node')).toHaveLength(3);
      losses('node').forEach((loss, i) => expect(loss).toBeCloseTo(losses('browser')[i] ?? Number.NaN, 4));
      const { device, steps } = lastJson(inNode);
      expect({ device: typeof device, steps }).toEqual({ device: 'string', steps: 3 });
    },
  );

  test('a run that was stopped goes on, to the bytes of one that was not', adapterBytes, async () => {
    const whole = outOf('node');
    const stopped = outOf('stopped');
    const args = [
      '--model',
      'demo',
      '--host',
      'node',
      '--out',
      stopped,
      ...settings({ ...small, save_steps: 1 }),
    ];
    const running = start('train', args, env);
    const limit = AbortSignal.timeout(200_000);
    while (metricsOf(stopped).length === 0 && !limit.aborted)
      await new Promise((wake) => setTimeout(wake, 50));
    running.child.kill('SIGINT');
    const { exitCode, stderr } = await running.finished;
    if (metricsOf(stopped).length < 3) {
      expect(exitCode, stderr).toBe(1);
      expect(stderr).toContain('cancelled: Stopped after step');
    }
    const resumed = await train('stopped', 'node', {}, ['--resume']);
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(adapterOf(stopped).equals(adapterOf(whole))).toBe(true);
  });

  test.skipIf(process.platform === 'win32')(
    'where no file may become as large as a checkpoint, that is said, and the one before stands byte for byte',
    adapterBytes,
    () => {
      const out = outOf('small-files');
      cpSync(outOf('node'), out, { recursive: true });
      const checkpoint = join(out, 'checkpoint/checkpoint.safetensors');
      const before = readFileSync(checkpoint);
      // POSIX counts blocks of 512 bytes: an adapter has room, a checkpoint has not.
      const blocks = Math.floor(before.length / 2 / 512);
      const script = `ulimit -f ${blocks}; exec "$0" --import tsx scripts/train.ts "$@"`;
      const args = ['--model', 'demo', '--host', 'node', '--out', out, '--json', '--resume'];
      const ended = spawnSync('sh', ['-c', script, process.execPath, ...args, '--set', 'max_steps=4'], {
        cwd: projectRoot,
        env: { ...process.env, ...env },
        encoding: 'utf8',
      });
      expect(ended.status, ended.stderr).toBe(1);
      expect(ended.stderr).toMatch(
        /storage-full: There is no room on the disk for .* The one from before is kept/,
      );
      expect(readFileSync(checkpoint).equals(before)).toBe(true);
      expect(metricsOf(out).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    },
  );

  test('answers of the adapter, the same every time', adapterBytes, async () => {
    const files = writeFiles(tempFolder(), { 'prompts.json': '["What is 3 + 4?", "How do I bake a cake?"]' });
    const out = join(files, 'answers.json');
    const args = [
      '--model',
      'demo',
      '--host',
      'node',
      '--prompts',
      join(files, 'prompts.json'),
      '--out',
      out,
    ];
    const finished = await run(
      'generate',
      [...args, '--max-new-tokens', '12', '--adapter', outOf('node')],
      env,
    );
    expect(finished.exitCode, finished.stderr).toBe(0);
    const answers = JSON.parse(readFileSync(out, 'utf8')) as { tokenIds: number[]; text: string }[];
    expect(answers).toHaveLength(2);
    for (const { tokenIds, text } of answers) {
      expect(tokenIds.length).toBeGreaterThan(4);
      expect(text).toMatch(/\w/);
    }
  });
});

test('a machine without a driver is told what to install, and nothing is written', async () => {
  const files = writeFiles(tempFolder(), {
    'none.json': '{"file_format_version":"1.0.0","ICD":{"library_path":"/nowhere.so","api_version":"1.3.0"}}',
  });
  const out = outOf('none');
  const none = join(files, 'none.json');
  const args = ['--model', 'demo', '--host', 'node', '--out', out, ...settings(small)];
  const finished = await run('train', args, { ...env, VK_DRIVER_FILES: none, VK_ICD_FILENAMES: none });
  expect(finished.exitCode).toBe(1);
  expect(finished.stderr).toContain('webgpu-unavailable: ');
  expect(finished.stderr).toContain('--host browser');
  expect(existsSync(join(out, 'adapter_model.safetensors'))).toBe(false);
});

test('a host there is not is refused', async () => {
  const finished = await run('train', ['--model', 'demo', '--host', 'moon', '--out', outOf('moon')]);
  expect(finished.exitCode).toBe(2);
  expect(finished.stderr).toContain('--host moon is none of auto, node, browser');
});
