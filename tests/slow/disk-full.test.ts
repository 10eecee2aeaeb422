// A disk that fills up under a command that trains in Node: a real small one where a file system may be mounted, else files that may not grow.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { metricsOf, run, settings } from '../headless/support.ts';
import { hasNodeDriver as hasDriver } from '../support/node-driver.ts';
import { tempFolder } from '../support/temp-folder.ts';

if (!hasDriver) console.warn('No Vulkan driver is here: the tests of a full disk are skipped.');

const folder = tempFolder();
const env = { ALTTRAIN_CACHE: join(folder, 'cache') };
const values = {
  max_steps: 4,
  save_steps: 1,
  per_device_train_batch_size: 2,
  sample_steps: 0,
  suite_prompts: 0,
};
const outOf = (name: string): string => join(folder, name);
const argsFor = (out: string, more: readonly string[] = []): string[] => [
  ...['--model', 'demo', '--host', 'node', '--out', out, '--json', ...more],
];
const adapterOf = (out: string): Buffer => readFileSync(join(out, 'adapter_model.safetensors'));
const checkpointOf = (out: string): Buffer => readFileSync(join(out, 'checkpoint/checkpoint.safetensors'));
const stepOf = (checkpoint: Buffer): number =>
  Number(/"step":"(\d+)"/.exec(checkpoint.subarray(0, 20_000).toString('latin1'))?.[1]);

/** A disk of 4 MB in a name space of its own: a checkpoint of the demo takes 2.2 MB, an adapter 0.7. */
const onSmallDisk =
  'mount -t tmpfs -o size=4m none "$1" && "$2" --import tsx scripts/train.ts $4; code=$?; cp -r "$1/." "$3"; exit $code';
const canMount = spawnSync('unshare', ['-Urm', 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0;
/** POSIX counts blocks of 512 bytes: files of up to 1.5 MB. */
const withSmallFiles = 'ulimit -f 3000; exec "$1" --import tsx scripts/train.ts $2';

function sh(script: string, args: readonly string[], wrapper: readonly string[] = []) {
  const [command, ...first] = [...wrapper, 'sh', '-c', script, 'sh'];
  const done = spawnSync(command, [...first, ...args], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 400_000,
  });
  return { exitCode: done.status, stderr: done.stderr, stdout: done.stdout };
}

describe.skipIf(!hasDriver)('a full disk in Node', () => {
  beforeAll(async () => {
    const whole = await run('train', [...argsFor(outOf('whole')), ...settings(values)], env);
    expect(whole.exitCode, whole.stderr).toBe(0);
  }, 400_000);

  const expectGoesOn = async (out: string): Promise<void> => {
    const resumed = await run('train', argsFor(out, ['--resume']), env);
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(adapterOf(out).equals(adapterOf(outOf('whole')))).toBe(true);
    const losses = (name: string): unknown => metricsOf(name).map(({ step, loss }) => [step, loss]);
    expect(losses(out)).toEqual(losses(outOf('whole')));
  };

  test.skipIf(!canMount)(
    'that has room for one checkpoint: it is said before and at each save, that one stands, and the run goes on from it',
    async () => {
      const [disk, copy] = [outOf('disk'), outOf('copy')];
      for (const path of [disk, copy]) mkdirSync(path);
      const args = [...argsFor(disk), ...settings(values)].join(' ');
      const ended = sh(onSmallDisk, [disk, process.execPath, copy, args], ['unshare', '-Urm']);
      expect(ended.exitCode, ended.stderr).toBe(1);
      expect(ended.stderr).toContain('There may be too little room');
      expect(ended.stderr).toMatch(
        /The checkpoint of step 2 could not be saved, the one before is kept: There is no room/,
      );
      expect(ended.stderr).toContain('storage-full: ');
      expect(ended.stdout).toContain('"code":"storage-full"');
      expect(stepOf(checkpointOf(copy))).toBe(1);
      await expectGoesOn(copy);
    },
    800_000,
  );

  test('whose files may not grow: what was there before stands byte for byte, and the run goes on from it', async () => {
    const out = outOf('small-files');
    const begun = await run(
      'train',
      [...argsFor(out), ...settings({ ...values, max_steps: 2, lr_scheduler_type: 'constant' })],
      env,
    );
    expect(begun.exitCode, begun.stderr).toBe(0);
    const before = checkpointOf(out);
    const straight = outOf('straight');
    cpSync(out, straight, { recursive: true });
    const more = ['--resume', ...settings({ max_steps: 4 })];
    const ended = sh(withSmallFiles, [process.execPath, argsFor(out, more).join(' ')]);
    expect(ended.exitCode, ended.stderr).toBe(1);
    expect(ended.stderr).toContain('The checkpoint of step 3 could not be saved, the one before is kept');
    expect(ended.stderr).toContain('storage-full: ');
    expect(checkpointOf(out).equals(before)).toBe(true);
    for (const path of [out, straight]) {
      const resumed = await run('train', argsFor(path, more), env);
      expect(resumed.exitCode, resumed.stderr).toBe(0);
    }
    expect(adapterOf(out).equals(adapterOf(straight))).toBe(true);
    expect(metricsOf(out).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  }, 800_000);
});
