/**
 * `npm run proof:firefox [-- gpu | step | demo …]`: the second engine, at length; `gpu` and `step` where nothing is named.
 *
 *   gpu   the GPU tests of Chromium in Firefox: kernels against float64, the goldens of transformers and PEFT, the worker;
 *         words after "--" choose test files
 *   step  the time of a training step of the demo in Firefox and on Dawn in Node, both on lavapipe, and in Chromium on SwiftShader
 *   demo  the demo's default run in Firefox: loss, and rates before and after
 *
 * `gpu` takes lavapipe from the system; `step` and `demo` take the one that `npm run test:second-adapter -- --install` fetches where
 * it is there, because Dawn refuses that of Mesa 22.3. LLVM's optimisation is off for both, since
 * compiling takes minutes with it; `GALLIVM_PERF=` (empty) switches it on.
 */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDist } from '../cli/build.ts';
import { lookForFirefox } from '../cli/firefox.ts';
import { runNode } from '../cli/run-process.ts';
import { driverEnvironment, findDriver } from '../second-adapter/find-driver.ts';
import { trainInFirefox } from './firefox/train.ts';

const say = (line: string): void => console.log(line);
const stepSettings = { max_steps: 4, sample_steps: 0, suite_prompts: 0 };

async function gpuTests(words: readonly string[]): Promise<boolean> {
  const config = ['--config', 'scripts/proofs/firefox/vitest.config.ts'];
  return (await runNode('node_modules/vitest/vitest.mjs', ['run', ...config, ...words])) === 0;
}

interface Steps {
  readonly where: string;
  readonly losses: readonly number[];
  readonly stepMs: readonly number[];
}

/** By `npm run train` on a host; null: it has no adapter with this environment. */
async function stepsOf(
  where: string,
  host: 'node' | 'browser',
  env: NodeJS.ProcessEnv,
): Promise<Steps | null> {
  const out = mkdtempSync(join(tmpdir(), 'alttrain-steps-'));
  const settings = Object.entries(stepSettings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const args = ['scripts/train.ts', '--model', 'demo', '--host', host, '--out', out, ...settings];
  const exitCode = await runNode('node_modules/tsx/dist/cli.mjs', args, { env, holdsOutput: true });
  if (exitCode !== 0) return null;
  const rows = readFileSync(join(out, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly loss?: number; readonly step_ms?: number });
  const steps = rows.filter(({ loss }) => loss !== undefined);
  return {
    where,
    losses: steps.map(({ loss }) => loss ?? Number.NaN),
    stepMs: steps.map(({ step_ms }) => step_ms ?? Number.NaN),
  };
}

/** Of the steps after the first, which compiles. */
const median = (values: readonly number[]): number =>
  [...values.slice(1)].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;

function lavapipe(): NodeJS.ProcessEnv {
  const search = findDriver(process.env);
  if ('lacking' in search) throw new Error(`No lavapipe: ${search.lacking}.`);
  say(`lavapipe: ${search.driver.manifest}`);
  return driverEnvironment(search.driver);
}

async function stepTimes(): Promise<boolean> {
  const env = lavapipe();
  const firefox = await trainInFirefox(stepSettings, env, say);
  const all = [
    { where: 'Firefox (wgpu, Naga), lavapipe', ...firefox },
    await stepsOf('Node (Dawn, Tint), lavapipe', 'node', env),
    await stepsOf('Chromium (Dawn, Tint), SwiftShader', 'browser', {}),
  ].filter((one): one is NonNullable<typeof one> => one !== null);
  say('| Where | first step, s | step, s | loss of step 1 | loss of the last |\n|---|---|---|---|---|');
  for (const { where, losses, stepMs } of all)
    say(
      `| ${where} | ${(stepMs[0] / 1000).toFixed(1)} | ${(median(stepMs) / 1000).toFixed(2)} | ${losses[0]?.toFixed(5)} | ${losses.at(-1)?.toFixed(5)} |`,
    );
  const [first, ...others] = all;
  const worst = Math.max(
    ...others.flatMap(({ losses }) => losses.map((loss, i) => Math.abs(loss - (first.losses[i] ?? 0)))),
  );
  say(`Losses are apart by at most ${worst.toExponential(1)}.`);
  return all.length > 1 && worst < 1e-4;
}

async function demoRun(): Promise<boolean> {
  const { result, losses } = await trainInFirefox({}, lavapipe(), say);
  say(
    `${result.steps} steps in ${result.seconds.toFixed(0)} s: loss ${losses[0]?.toFixed(4)} → ${losses.at(-1)?.toFixed(4)}`,
  );
  for (const before of result.before?.suites ?? []) {
    const after = result.after?.suites.find(({ id }) => id === before.id);
    const rate = (suite: typeof before | undefined): string =>
      suite === undefined
        ? '–'
        : (100 * (suite.kind === 'accuracy' ? (suite.correctRate ?? 0) : suite.refusedRate)).toFixed(1);
    say(`${before.title} (${before.n}): ${rate(before)} % → ${rate(after)} %`);
  }
  return (losses.at(-1) ?? 1) < 0.1 * (losses[0] ?? 0);
}

async function main(): Promise<void> {
  const firefox = await lookForFirefox();
  if ('lacking' in firefox) throw new Error(`not run: ${firefox.lacking}.`);
  say(`Firefox: ${firefox.path} ${firefox.version}`);
  await ensureDist({ say });
  const words = process.argv.slice(2);
  const parts = words.filter((word) => ['gpu', 'step', 'demo'].includes(word));
  const files = words.filter((word) => !parts.includes(word));
  let isGood = true;
  for (const part of parts.length === 0 ? ['gpu', 'step'] : parts)
    isGood = (await (part === 'gpu' ? gpuTests(files) : part === 'step' ? stepTimes() : demoRun())) && isGood;
  process.exitCode = isGood ? 0 : 1;
}

await main();
