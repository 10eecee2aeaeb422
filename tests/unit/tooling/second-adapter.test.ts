// The second adapter's script says when it could not run: its own exit code, the reason, and nothing that looks like a pass.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/cli/paths.ts';
import { driverEnvironment, findDriver } from '../../../scripts/second-adapter/find-driver.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

const run = (environment: NodeJS.ProcessEnv) =>
  spawnSync(process.execPath, ['--import', 'tsx', 'scripts/test-second-adapter.ts'], {
    cwd: projectRoot,
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });

test('a driver that is not there ends with code 3, the reason and how to install one', () => {
  const { status, stdout, stderr } = run({ VK_DRIVER_FILES: '/nowhere/lvp_icd.json' });
  expect(status).toBe(3);
  expect(stderr).toContain('second-adapter-missing: VK_DRIVER_FILES names "/nowhere/lvp_icd.json"');
  expect(stderr).toContain('No test was run');
  expect(stderr).toContain('--install');
  expect(stdout).not.toContain('passed');
});

test('a driver that cannot be loaded ends with code 3 too: a manifest alone is no adapter', () => {
  const folder = writeFiles(tempFolder(), {
    'lvp_icd.json': JSON.stringify({
      file_format_version: '1.0.0',
      ICD: { library_path: '/nowhere/libvulkan_lvp.so', api_version: '1.4.0' },
    }),
  });
  const { status, stdout, stderr } = run({ VK_DRIVER_FILES: join(folder, 'lvp_icd.json') });
  expect(status).toBe(3);
  expect(stderr).toContain('second-adapter-missing');
  expect(stderr).toContain(folder);
  expect(stdout).not.toContain('passed');
});

test('the private copy comes before the system, with its libraries', () => {
  const copy = writeFiles(tempFolder(), { 'lvp_icd.x86_64.json': '{}', 'lib/libvulkan.so.1': '' });
  const search = findDriver({}, copy);
  expect(search).toMatchObject({ driver: { foundBy: 'private copy', libraries: join(copy, 'lib') } });
  if (!('driver' in search)) throw new Error('no driver');
  expect(driverEnvironment(search.driver)['LD_LIBRARY_PATH']).toContain(join(copy, 'lib'));
});
