/** `npm run train`: a training run with the page's own worker in headless Chromium. `--help` says the rest. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RunResult } from '../src/api/trainer-api.ts';
import { TrainerError } from '../src/api/trainer-error.ts';
import type { RunConfig } from '../src/config/run-config.ts';
import { checkpointName, type HeadlessEvent, type TrainPlan } from '../src/headless/bridge.ts';
import { parseTrainArgs, trainHelp, wantsHelp, wantsJson, type TrainOptions } from './cli/args.ts';
import { cancelled, RunFailure, runCommand } from './cli/exit.ts';
import { isFile } from './cli/files.ts';
import { adapterInput, datasetInput, hubAccess, modelInput, reasonOf } from './cli/inputs.ts';
import { openMetricsLog } from './cli/metrics-log.ts';
import { createProgressView, suiteLines } from './cli/progress.ts';
import type { Mount } from './cli/serve.ts';
import { resolveRunConfig } from './cli/settings.ts';
import { stopOnSignal } from './cli/stop-on-signal.ts';

const outNames = [
  'adapter_model.safetensors',
  'adapter_config.json',
  'README.md',
  'metrics.jsonl',
  'run_config.json',
  checkpointName,
];

interface Prepared {
  readonly plan: TrainPlan;
  readonly mounts: readonly Mount[];
  readonly out: string; // absolute
}

/** Everything that can be refused without a browser. @throws TrainerError */
async function prepare(options: TrainOptions): Promise<Prepared> {
  const out = resolve(options.out);
  const hub = hubAccess(options.hubUrl);
  const model = modelInput(options.model, hub);
  const dataset = datasetInput(options.dataset, hub);
  const adapter = options.initAdapterFolder === null ? null : adapterInput(options.initAdapterFolder);
  const checkpoint = join(out, checkpointName);
  if (options.resume && !isFile(checkpoint))
    throw new TrainerError('checkpoint-invalid', `--resume: there is no ${checkpoint}.`);
  const config: RunConfig = await resolveRunConfig({
    isDemo: model.served.kind === 'demo',
    configPath: options.configPath,
    settings: options.settings,
    initAdapterFolder: options.initAdapterFolder,
    checkpointPath: options.resume ? checkpoint : null,
  });
  makeFolder(out);
  return {
    out,
    mounts: [
      ...model.mounts,
      ...dataset.mounts,
      ...(adapter?.mounts ?? []),
      ...(options.resume ? [{ prefix: 'local/checkpoint', path: checkpoint }] : []),
    ],
    plan: {
      model: model.served,
      dataset: dataset.served,
      config,
      initAdapter: adapter?.served ?? null,
      checkpointUrl: options.resume ? '/local/checkpoint' : null,
      outUrl: '/local/out',
    },
  };
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new TrainerError('config-invalid', `--out ${path} cannot be used as a folder: ${reasonOf(error)}.`);
  }
}

async function train(options: TrainOptions, asJson: boolean): Promise<void> {
  const { plan, mounts, out } = await prepare(options);
  const view = createProgressView(process.stderr);
  const metrics = openMetricsLog(join(out, 'metrics.jsonl'), options.resume);
  const onEvent = (event: HeadlessEvent): void => {
    view.show(event);
    if (
      event.kind === 'device' ||
      event.kind === 'load' ||
      event.kind === 'model' ||
      event.kind === 'dataset'
    )
      return;
    metrics.add(event);
  };
  const { openSession } = await import('./cli/session.ts'); // the slow part, loaded once the input is good
  const session = await openSession({
    mounts,
    inbox: { prefix: 'local/out', path: out, names: outNames },
    onEvent,
    say: (line) => view.say(line),
  });
  try {
    const note = 'Stopping after this step; again to end at once without the adapter.';
    const signal = stopOnSignal(session, (line) => view.say(line), note);
    const outcome = await session.run((page) =>
      page.evaluate((given) => {
        if (globalThis.altTrainHeadless === undefined) throw new Error('the bridge is gone');
        return globalThis.altTrainHeadless.train(given);
      }, plan),
    );
    view.end();
    if (!outcome.ok) throw new RunFailure(outcome.error, outcome.hasStarted);
    metrics.finish();
    const { value } = outcome;
    if (!value.finished || signal.wasAsked())
      throw cancelled(
        `Stopped after step ${value.steps}. The adapter so far is in ${out}; --resume continues.`,
      );
    printResult(value, options, out, asJson);
  } finally {
    await session.close();
  }
}

function printResult(result: RunResult, options: TrainOptions, out: string, asJson: boolean): void {
  const { rows, steps, lossFirst, lossLast, targetTokens, seconds, tokensPerSecond, gpuBytesPeak } = result;
  const { before, after, device } = result;
  console.log(`Done: ${steps} steps, loss ${lossFirst.toFixed(4)} → ${lossLast.toFixed(4)}, ${out}`);
  if (before !== null) console.log(`before\n${suiteLines(before).join('\n')}`);
  if (after !== null) console.log(`after\n${suiteLines(after).join('\n')}`);
  if (!asJson) return;
  console.log(
    JSON.stringify({
      ok: true,
      model: options.model,
      dataset: options.dataset,
      rows,
      steps,
      lossFirst,
      lossLast,
      targetTokens,
      seconds,
      tokensPerSecond,
      gpuBytesPeak,
      before,
      after,
      out,
      device,
    }),
  );
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(trainHelp);
else await runCommand(wantsJson(argv), () => train(parseTrainArgs(argv), wantsJson(argv)));
