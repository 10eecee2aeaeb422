/**
 * `npm test`: types, lint, format, build, and every test (Node, Chromium with WebGPU, the whole app, and Firefox where it is installed).
 * The GPU tests mostly wait for one processor that compiles shaders: what needs no GPU, the commands and Firefox run beside them where
 * there are two processors, and whichever of the two is done first takes the next part of the app's tests. Those of them that measure
 * times come last and by themselves.
 * The last line is "N passed, N failed"; each static check counts as one test. The lines before say if Firefox or the Node host's driver was not
 * there.
 * `npm test -- <words>` runs only the test files whose path has one of the words.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDist } from './cli/build.ts';
import { launchBrowser } from './cli/browser.ts';
import { probeNodeHost } from './cli/choose-host.ts';
import { findBrowser } from './cli/find-browser.ts';
import { lookForFirefox } from './cli/firefox.ts';
import { runNode, type RunOptions } from './cli/run-process.ts';
import { addCounts, noTests, readCounts, summary, type Counts } from './cli/test-counts.ts';

const projectLimitMs = 30 * 60_000; // only against a run that hangs

const vitest = 'node_modules/vitest/vitest.mjs';
const tsc = 'node_modules/typescript/bin/tsc';
const eslint = 'node_modules/eslint/bin/eslint.js';
const prettier = 'node_modules/prettier/bin/prettier.cjs';

/** What runs beside the GPU tests is shown when it is done. */
const held = { holdsOutput: true } as const;

const checks: readonly { readonly name: string; readonly run: () => Promise<boolean> }[] = [
  ...['core', 'page', 'node'].map((realm) => ({
    name: `types (${realm})`,
    run: async () => (await runNode(tsc, ['-p', `tsconfig.${realm}.json`], held)) === 0,
  })),
  { name: 'lint', run: async () => (await runNode(eslint, ['.', '--max-warnings', '0'], held)) === 0 },
  {
    name: 'format',
    run: async () => (await runNode(prettier, ['--check', '--log-level', 'warn', '.'], held)) === 0,
  },
  {
    name: 'build',
    run: () =>
      buildDist().then(
        () => true,
        (error: unknown) => {
          console.error(error);
          return false;
        },
      ),
  },
];

async function runChecks(): Promise<Counts> {
  let counts = noTests;
  for (const { name, run } of checks) {
    const startedAt = performance.now();
    const passed = await run();
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`${passed ? '✓' : '✗'} ${name} (${seconds} s)`);
    counts = addCounts(counts, {
      ...noTests,
      passed: Number(passed),
      failed: Number(!passed),
      failures: passed ? [] : [name],
    });
  }
  return counts;
}

async function runVitest(name: string, args: readonly string[], output: RunOptions = {}): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'alttrain-test-'));
  const report = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const options = { ...output, limitMs: projectLimitMs };
    const exitCode = await runNode(vitest, ['run', ...args, ...reporters], options);
    const counts = readCounts(report, exitCode, false);
    console.log(`${name}: ${summary(counts)}\n`);
    return counts;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Also decides, once for all projects, whether the real GPU can be used. */
async function prepareBrowser(): Promise<void> {
  const { browser, mode } = await launchBrowser((line) => console.log(line));
  const path = findBrowser()?.path;
  console.log(`Browser: ${path} ${browser.version()}, ${mode} WebGPU`);
  await browser.close();
  process.env['CHROME_PATH'] = path;
  process.env['ALTTRAIN_GPU'] = mode;
}

const project = (name: string, output?: RunOptions): Promise<Counts> =>
  runVitest(name, ['--project', name], output);

type Job = () => Promise<Counts>;

const timed = 'tests/app/train-in-page.test.ts';

/** Enough that neither side waits long for the other at the end; each costs a few seconds to start. */
const appParts = 5;

/** One after the other. What is in `shared` may be taken by another that runs at the same time. */
async function runInTurn(own: readonly Job[], shared: Job[]): Promise<Counts> {
  let counts = noTests;
  for (const job of own) counts = addCounts(counts, await job());
  for (let job = shared.shift(); job !== undefined; job = shared.shift())
    counts = addCounts(counts, await job());
  return counts;
}

async function runAll(hasFirefox: boolean): Promise<Counts> {
  const withGpu = [(): Promise<Counts> => project('gpu')];
  const beside = [
    runChecks,
    ...['unit', 'headless', ...(hasFirefox ? ['firefox'] : [])].map((name) => () => project(name, held)),
  ];
  const app = Array.from({ length: appParts }, (_, i) => {
    const part = `${i + 1}/${appParts}`;
    const args = ['--project', 'app', '--exclude', timed, `--shard=${part}`];
    return () => runVitest(`app, part ${part}`, args, held);
  });
  const isAlone = availableParallelism() < 2;
  const counts = isAlone
    ? [await runInTurn([...beside, ...withGpu], app)]
    : await Promise.all([runInTurn(withGpu, app), runInTurn(beside, app)]);
  counts.push(await runVitest('app, timed', ['--project', 'app', timed]));
  return counts.reduce(addCounts);
}

async function main(): Promise<void> {
  const filters = process.argv.slice(2);
  await prepareBrowser();
  const firefox = await lookForFirefox();
  if ('version' in firefox) console.log(`Firefox: ${firefox.path} ${firefox.version}`);
  const inNode = probeNodeHost();
  let counts = noTests;
  if (filters.length > 0) {
    const without = 'lacking' in firefox ? ['--project', '!firefox'] : [];
    counts = await runVitest('selected', [...without, ...filters]);
  } else {
    counts = await runAll('version' in firefox);
  }
  if (inNode === null || typeof inNode === 'string')
    console.log(
      `The Node host: its GPU tests not run, Dawn finds no Vulkan driver here (Debian: libvulkan1; Chromium brings a driver). ${inNode ?? ''}`,
    );
  if ('lacking' in firefox) console.log(`tests/firefox: not run, ${firefox.lacking}.`);
  for (const failure of counts.failures) console.log(`✗ ${failure}`);
  console.log(summary(counts));
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.log(summary({ ...noTests, failed: 1 }));
  process.exitCode = 1;
});
