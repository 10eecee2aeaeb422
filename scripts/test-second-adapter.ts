/**
 * `npm run test:second-adapter`: the GPU tests of the browser once more, in Node, on Dawn over a Vulkan driver that
 * computes in software. Exit code 0: all passed; 1: tests failed; 3: not run, because no such adapter is here.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { passes } from '../tests/second-adapter/passes.ts';
import { probe } from './cli/probe.ts';
import { runNode } from './cli/run-process.ts';
import { addCounts, noTests, readCounts, summary, type Counts } from './cli/test-counts.ts';
import {
  driverEnvironment,
  findDriver,
  rootVariable,
  startedThrough,
  type Driver,
} from './second-adapter/find-driver.ts';
import { installDriver } from './second-adapter/install-driver.ts';
import type { Probed } from './cli/probe-adapter.ts';

const notRun = 3;
const passLimitMs = 90 * 60_000;
const swiftShaderLanes = 4;

const help = `npm run test:second-adapter [-- --install] [--pass NAME] [words of test files' paths]
  --install    Debian: fetch a recent Mesa into .cache/lavapipe first; the system stays as it is
  --pass NAME  only one of ${passes.map(({ name }) => name).join(', ')}

${rootVariable}=<folder>: the driver, the libraries and the dynamic linker of a newer Debian in that folder.
The pass "matrix" needs one with Mesa 26.2 or later.`;

const howToInstall =
  'On Debian: npm run test:second-adapter -- --install (Mesa 25 or later into .cache/lavapipe), or install the ' +
  'packages mesa-vulkan-drivers and libvulkan1; VK_DRIVER_FILES names the driver by hand.';

const newer =
  `Mesa 26.2 has them, as Debian's sid does: debootstrap --variant=minbase --include=mesa-vulkan-drivers,libvulkan1 sid <folder>, ` +
  `then ${rootVariable}=<folder>; the system stays as it is`;
const matrixFeature = 'chromium-experimental-subgroup-matrix';

/** Says why nothing ran, and never ends like a run that passed. */
function refuse(why: string): void {
  console.error(`second-adapter-missing: ${why}. No test was run. ${howToInstall}`);
  process.exitCode = notRun;
}

/** Why `probed` is no adapter for these tests, or null. */
function lackOf(probed: Probed | null): string | null {
  if (probed === null) return 'Dawn found no Vulkan adapter with this driver (is libvulkan.so.1 there?)';
  const lacking = ['shader-f16', 'subgroups'].filter((name) => !probed.features.includes(name));
  if (lacking.length > 0) return `${probed.description} lacks ${lacking.join(' and ')}`;
  const [least = 0] = probed.subgroupSizes ?? [];
  return least === swiftShaderLanes
    ? `${probed.description} has subgroups of ${least}, as the browser's software adapter has: it would show nothing new`
    : null;
}

async function runPass(name: string, driver: Driver, filters: readonly string[]): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'alttrain-test-'));
  const report = join(folder, 'report.json');
  const started = performance.now();
  try {
    const through = startedThrough(driver);
    // A linker that starts Node is what Node takes for itself: it can start threads, but no processes.
    const pool = through.length > 0 ? ['--pool', 'threads'] : [];
    const args = [
      '--config',
      'scripts/second-adapter/vitest.config.ts',
      '--project',
      name,
      ...pool,
      ...filters,
    ];
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const exitCode = await runNode('node_modules/vitest/vitest.mjs', ['run', ...args, ...reporters], {
      env: driverEnvironment(driver),
      through,
      limitMs: passLimitMs,
    });
    const counts = readCounts(report, exitCode, false);
    console.log(`${name}: ${summary(counts)} (${((performance.now() - started) / 1000).toFixed(0)} s)\n`);
    return counts;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  if (words.includes('--help')) return console.log(help);
  const at = words.indexOf('--pass');
  const only = at < 0 ? null : words[at + 1];
  const chosen = passes.filter(({ name }) => only === null || name === only);
  const filters = words.filter((word, i) => word !== '--install' && (at < 0 || (i !== at && i !== at + 1)));
  if (chosen.length === 0 || filters.some((word) => word.startsWith('-'))) {
    console.error(help);
    process.exitCode = 2;
    return;
  }
  if (words.includes('--install')) {
    try {
      installDriver((line) => console.log(line));
    } catch (error) {
      return refuse(`installing failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const search = findDriver(process.env);
  if ('lacking' in search) return refuse(search.lacking);
  const { driver } = search;
  const probed = probe({
    env: { ...process.env, ...driverEnvironment(driver) },
    through: startedThrough(driver),
  });
  const lack =
    typeof probed === 'string'
      ? `the package webgpu (Dawn) could not open an adapter: ${probed}`
      : lackOf(probed);
  if (probed === null || typeof probed === 'string' || lack !== null)
    return refuse(`the driver ${driver.manifest} (${driver.foundBy}): ${lack}`);
  const [least, most] = probed.subgroupSizes ?? [];
  console.log(
    `Adapter: ${probed.description}\nDriver: ${driver.manifest} (${driver.foundBy})\n` +
      `Subgroups of ${least} to ${most}; shader-f16; bindings of ${probed.bindingBytes / 2 ** 20} MiB; ` +
      "the engine is given WebGPU's default limits\n",
  );
  const lacksUnits = !probed.features.includes(matrixFeature);
  if (lacksUnits && only === 'matrix')
    return refuse(`the driver ${driver.manifest} has no matrix units. ${newer}`);
  let counts = noTests;
  for (const { name } of chosen) {
    if (lacksUnits && name === 'matrix')
      console.log(`matrix: not run, this driver has no matrix units. ${newer}\n`);
    else counts = addCounts(counts, await runPass(name, driver, filters));
  }
  console.log(summary(counts));
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

await main();
