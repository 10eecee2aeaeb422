// The second adapter's script says when it could not run: its own exit code, the reason, and nothing that looks like a pass.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/cli/paths.ts';
import {
  driverEnvironment,
  findDriver,
  startedThrough,
} from '../../../scripts/second-adapter/find-driver.ts';
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

test('a newer Debian in a folder lends its driver, its linker and its libraries', () => {
  const root = writeFiles(tempFolder(), {
    'usr/share/vulkan/icd.d/lvp_icd.json': '{}',
    'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2': '',
  });
  const search = findDriver({ ALTTRAIN_DRIVER_ROOT: root, VK_DRIVER_FILES: '/nowhere/lvp_icd.json' });
  if (!('driver' in search)) throw new Error(search.lacking);
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  expect(startedThrough(search.driver)).toEqual([
    join(libraries, 'ld-linux-x86-64.so.2'),
    '--library-path',
    libraries,
  ]);
  // Programs of the system that are started on the way would get the wrong C library.
  expect(driverEnvironment(search.driver)).not.toHaveProperty('LD_LIBRARY_PATH');
  expect(findDriver({ ALTTRAIN_DRIVER_ROOT: '/nowhere' })).toEqual({
    lacking: 'ALTTRAIN_DRIVER_ROOT names "/nowhere", which has no usr/share/vulkan/icd.d/lvp_icd*.json',
  });
});
