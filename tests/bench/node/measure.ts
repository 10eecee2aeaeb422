/**
 * The benchmark in Node, for a machine that has a graphics card and nothing else: one command, one JSON file that is whole
 * after every case. `npm run bench -- --pack <folder>` packs it with Dawn, the demo and Node itself.
 */
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeWhole } from '../../../scripts/cli/write-whole.ts';
import type { EvaluationReport, RunResult } from '../../../src/api/trainer-api.ts';
import { toWire } from '../../../src/support/trainer-error.ts';
import { demoRunConfig } from '../../../src/config/demo-preset.ts';
import { noAdapterAdvice, openNodeGpu } from '../../../src/host/node/node-gpu.ts';
import { nodeHost } from '../../../src/host/node/node-host.ts';
import { createTrainer } from '../../../src/trainer/trainer.ts';
import { resultCells, roofLine } from '../format.ts';
import {
  defaultSettings,
  type BenchEvent,
  type BenchResult,
  type Suite,
  type WorkerReport,
} from '../protocol.ts';
import { deviceOf } from '../suite/engine.ts';
import { runSuite } from '../suite/run-suite.ts';
import { markdownOf } from './markdown.ts';

const help = `./measure [options]

Measures the graphics card through its Vulkan driver: what it is, whether it computes what it should, how fast its
operations, training steps and answers are, and the demo's whole training run.

  --out <file.json>      where the figures go (default measured.json); a table goes beside it, as .md
  --minutes <number>     start nothing new after this (default 8)
  --parts <a,b>          only these of ${['models', 'kernels', 'generate', 'demo', 'profile'].join(', ')}
  --only <words>         only cases whose name and shape contain all of these words
  --demo-steps <number>  a shorter demo run
  --help`;

/** What one part found, also where it was cut short. */
export interface PartReport {
  readonly name: string;
  readonly seconds: number;
  readonly failure: string | null;
  readonly results: readonly BenchResult[];
  readonly notes: readonly string[];
  readonly leftOut: readonly string[];
}
export interface DemoReport extends Pick<RunResult, 'steps' | 'lossFirst' | 'lossLast' | 'seconds'> {
  readonly tokensPerSecond: number;
  readonly before: EvaluationReport | null;
  readonly after: EvaluationReport | null;
  readonly samples: readonly string[];
}
export interface Measured {
  readonly startedAt: string;
  readonly seconds: number;
  readonly commit: string | null;
  readonly machine: {
    readonly cpu: string;
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly system: string;
  };
  readonly node: string;
  readonly device: WorkerReport['device'] | null;
  readonly limits: Readonly<Record<string, number>>;
  readonly info: Readonly<Record<string, unknown>>;
  readonly roofs: readonly { readonly gflops: number; readonly gbps: number }[];
  readonly parts: readonly PartReport[];
  readonly demo: DemoReport | null;
  readonly failure: string | null;
}

const here = dirname(fileURLToPath(import.meta.url));
const say = (line: string): void => console.log(line);

interface Options {
  readonly out: string;
  readonly minutes: number;
  readonly parts: readonly string[];
  readonly only: readonly string[];
  readonly demoSteps: number | null;
}

function optionsOf(argv: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      out: { type: 'string' },
      minutes: { type: 'string' },
      parts: { type: 'string' },
      only: { type: 'string' },
      'demo-steps': { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return null;
  return {
    out: values.out ?? 'measured.json',
    minutes: positive('minutes', values.minutes) ?? 8,
    parts: (values.parts ?? 'models,kernels,generate,demo').split(','),
    only: (values.only ?? '').split(/\s+/).filter((word) => word !== ''),
    demoSteps: positive('demo-steps', values['demo-steps']),
  };
}

function positive(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`--${name} ${text} is not a number above 0.`);
}

/** The file is replaced by a whole one after every case. */
function createLog(out: string, start: Measured) {
  const startedAt = performance.now();
  let measured = start;
  return {
    get measured() {
      return measured;
    },
    change(change: Partial<Measured>): void {
      measured = { ...measured, ...change, seconds: (performance.now() - startedAt) / 1000 };
      writeWhole(out, `${JSON.stringify(measured, null, 1)}\n`);
      writeWhole(out.replace(/(\.json)?$/, '.md'), markdownOf(measured));
    },
  };
}
type Log = ReturnType<typeof createLog>;

function commitOf(): string | null {
  try {
    return readFileSync(join(here, 'commit'), 'utf8').trim();
  } catch {
    return null;
  }
}

async function describe(gpu: GPU, log: Log): Promise<boolean> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return false;
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = (adapter.limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') limits[name] = value;
  }
  const info: Record<string, unknown> = {};
  for (const name in adapter.info) {
    const value: unknown = (adapter.info as unknown as Record<string, unknown>)[name];
    if (typeof value !== 'function') info[name] = value;
  }
  info['subgroupMatrixConfigs'] = matrixConfigs(adapter.info);
  const features = [...adapter.features].sort();
  log.change({ limits, info: { ...info, features } });
  say(`${JSON.stringify(info)}\n${features.join(' ')}`);
  return true;
}

/** Dawn's list has getters, which JSON does not see. */
function matrixConfigs(info: GPUAdapterInfo): readonly Readonly<Record<string, unknown>>[] {
  const { subgroupMatrixConfigs = [] } = info as { readonly subgroupMatrixConfigs?: Iterable<object> };
  return [...subgroupMatrixConfigs].map((config) => {
    const { componentType, resultComponentType, M, N, K } = config as Record<string, unknown>;
    return { componentType, resultComponentType, M, N, K };
  });
}

async function measureSuite(suite: Suite, seconds: number, only: readonly string[], log: Log): Promise<void> {
  const startedAt = performance.now();
  const results: BenchResult[] = [];
  const others = log.measured.parts;
  const report = (part: Partial<PartReport>): void => {
    const whole = { name: suite, failure: null, results, notes: [], leftOut: [], ...part };
    log.change({ parts: [...others, { ...whole, seconds: (performance.now() - startedAt) / 1000 }] });
  };
  const onEvent = (event: BenchEvent): void => {
    switch (event.kind) {
      case 'device':
        return log.change({ device: event.device });
      case 'roof':
        say(roofLine(event.roof));
        return log.change({ roofs: [...log.measured.roofs, event.roof] });
      case 'progress':
        return say(`[${event.done + 1}/${event.total}] ${event.note}`);
      case 'result':
        results.push(event.result);
        say(`  ${resultCells(event.result).filter(Boolean).join('  ')}`);
        return report({});
    }
  };
  try {
    const settings = { ...defaultSettings(suite), only, budgetSeconds: seconds, sampleMs: 50 };
    const { notes, leftOut } = await runSuite(settings, onEvent);
    report({ notes, leftOut });
  } catch (error) {
    const { code, message, detail } = toWire(error);
    say(`FAILED ${suite}: ${message}`);
    report({ failure: `${code}: ${message}${detail === null ? '' : ` (${detail})`}` });
  }
}

async function measureDemo(gpu: GPU, steps: number | null, log: Log): Promise<void> {
  const host = nodeHost({ gpu, publicFolder: join(here, 'public'), cacheFolder: null });
  const engine = await createTrainer(host).openEngine();
  log.change({ device: deviceOf(engine.gpu) });
  try {
    const config = { ...demoRunConfig, ...(steps === null ? {} : { maxSteps: steps }) };
    const model = await engine.loadModel({ kind: 'demo' });
    const dataset = await model.readDataset({ kind: 'builtin', name: 'alttrain-1k' }, config);
    const run = await model.createRun(dataset, { config });
    const samples: string[] = [];
    const result = await run.train((event) => {
      if (event.kind === 'step' && event.report.step % 25 === 1)
        say(
          `  step ${event.report.step}/${event.report.totalSteps} loss ${event.report.loss.toFixed(4)} ${Math.round(event.report.tokensPerSecond)} tokens/s`,
        );
      if (event.kind === 'samples')
        samples.splice(0, Infinity, ...event.samples.map(({ adapter }) => adapter.text));
    });
    const { lossFirst, lossLast, seconds, tokensPerSecond, before, after } = result;
    log.change({
      demo: { steps: result.steps, lossFirst, lossLast, seconds, tokensPerSecond, before, after, samples },
    });
    say(
      `demo: ${result.steps} steps in ${seconds.toFixed(1)} s, loss ${lossFirst.toFixed(4)} → ${lossLast.toFixed(4)}`,
    );
  } finally {
    engine.dispose();
  }
}

/** Shares of the time for each part; what one leaves over goes to those after it. */
const shares: Readonly<Record<string, number>> = { models: 0.5, kernels: 0.6, generate: 0.3, demo: 1 };

async function main({ out, minutes, parts, only, demoSteps }: Options): Promise<void> {
  const endsAt = performance.now() + minutes * 60_000;
  const left = (): number => (endsAt - performance.now()) / 1000;
  const log = createLog(out, {
    startedAt: new Date().toISOString(),
    seconds: 0,
    commit: commitOf(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cpus: cpus().length,
      memoryBytes: totalmem(),
      system: `${process.platform} ${process.arch} ${release()}`,
    },
    node: process.versions.node,
    device: null,
    limits: {},
    info: {},
    roofs: [],
    parts: [],
    demo: null,
    failure: null,
  });
  const gpu = await openNodeGpu();
  if (gpu === undefined || !(await describe(gpu, log))) {
    const failure = `webgpu-unavailable: no GPU was found. ${noAdapterAdvice}`;
    log.change({ failure });
    say(failure);
    process.exitCode = 2;
    return;
  }
  for (const part of parts) {
    if (left() < 5) break;
    say(`\n${part}, ${left().toFixed(0)} s left`);
    if (part === 'demo') {
      await measureDemo(gpu, demoSteps, log).catch((error: unknown) => {
        const { code, message } = toWire(error);
        log.change({ failure: `demo: ${code}: ${message}` });
        say(`FAILED demo: ${message}`);
      });
    } else await measureSuite(part as Suite, left() * (shares[part] ?? 1), only, log);
  }
  const failed = log.measured.parts.flatMap(({ failure, results }) => [
    failure,
    ...results.map((one) => one.failure),
  ]);
  say(`\n${out} and its table are written (${log.measured.seconds.toFixed(0)} s).`);
  if (log.measured.failure !== null || failed.some((failure) => failure !== null)) process.exitCode = 1;
}

try {
  const options = optionsOf(process.argv.slice(2));
  if (options === null) say(help);
  else await main(options);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
process.exit(); // Dawn's threads would keep Node alive
