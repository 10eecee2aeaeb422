/** `npm run train`: a training run with the page's own trainer, in Node or headless Chromium. `--help` says the rest. */
import { join, resolve } from 'node:path';
import type { BestStep, RunResult } from '../src/api/trainer-api.ts';
import type { WireError } from '../src/support/trainer-error.ts';
import type { RunConfig } from '../src/config/run-config.ts';
import {
  deliveredNames,
  formerCheckpointName,
  type HeadlessEvent,
  type TrainPlan,
} from '../src/headless/commands.ts';
import { adapterInput } from './cli/adapter-input.ts';
import { parseTrainArgs, trainHelp, wantsHelp, wantsJson, type TrainOptions } from './cli/args.ts';
import { checkpointOf, readCheckpointHead } from './cli/checkpoint-file.ts';
import { cancelled, RunFailure, runCommand } from './cli/exit.ts';
import { datasetInput, hubAccess, modelInput, reasonOf } from './cli/inputs.ts';
import { openMetricsLog, type MetricsLog } from './cli/metrics-log.ts';
import { prepareOutFolder, refuseHeldRun } from './cli/out-folder.ts';
import { createProgressView, suiteLines } from './cli/progress.ts';
import type { Mount } from '../src/host/node/mounts.ts';
import { lackOfRoom } from './cli/room.ts';
import { resolveRunConfig } from './cli/settings.ts';
import { printJson } from './cli/terminal.ts';
import { stopOnSignal } from './cli/stop-on-signal.ts';

/** Written here, row by row; the rest comes from the trainer. */
const metricsName = 'metrics.jsonl';

interface Prepared {
  readonly plan: TrainPlan;
  readonly mounts: readonly Mount[];
  readonly out: string; // absolute
  readonly resumedStep: number | null;
}

/** Everything that can be refused without a browser. @throws TrainerError */
async function prepare(options: TrainOptions): Promise<Prepared> {
  const out = resolve(options.out);
  const hub = hubAccess(options.hubUrl);
  const model = modelInput(options.model, hub);
  const dataset = datasetInput(options.dataset, hub);
  const adapter = options.initAdapterFolder === null ? null : adapterInput(options.initAdapterFolder);
  const checkpoint = options.resume ? await checkpointOf(out, (line) => console.error(line)) : null;
  const config: RunConfig = await resolveRunConfig(
    {
      isDemo: model.served.kind === 'demo',
      configPath: options.configPath,
      settings: options.settings,
      initAdapterFolder: options.initAdapterFolder,
      checkpointPath: checkpoint,
    },
    (line) => console.error(line),
  );
  if (checkpoint === null && !options.overwrite) refuseHeldRun(out);
  prepareOutFolder(out, [...deliveredNames, formerCheckpointName, metricsName]);
  return {
    out,
    resumedStep: checkpoint === null ? null : (await readCheckpointHead(checkpoint)).step,
    mounts: [
      ...model.mounts,
      ...dataset.mounts,
      ...(adapter?.mounts ?? []),
      ...(checkpoint === null ? [] : [{ prefix: 'local/checkpoint', path: checkpoint }]),
    ],
    plan: {
      model: model.served,
      dataset: dataset.served,
      config,
      initAdapter: adapter?.served ?? null,
      checkpointUrl: checkpoint === null ? null : '/local/checkpoint',
      allowChanges: options.allowChanges,
    },
  };
}

async function train(options: TrainOptions, asJson: boolean): Promise<void> {
  const { plan, mounts, out, resumedStep } = await prepare(options);
  const view = createProgressView(process.stderr);
  const metrics = openMetricsLog(join(out, metricsName), resumedStep);
  const onEvent = (event: HeadlessEvent): void => {
    view.show(event);
    if (event.kind === 'forecast') {
      const lacking = lackOfRoom(out, event.report.storage);
      if (lacking !== null) view.say(lacking);
    }
    if (event.kind === 'run') metrics.cutFrom(event.rowsFrom);
    if (event.kind === 'metrics') metrics.add(event.row);
  };
  const { openSession } = await import('./cli/session.ts'); // the slow part, loaded once the input is good
  const session = await openSession({
    host: options.host,
    hubUrl: options.hubUrl,
    mounts,
    out: { path: out, names: deliveredNames },
    onEvent,
    say: (line) => view.say(line),
  });
  try {
    const note = 'Stopping after this step; again to end at once without the adapter.';
    const signal = stopOnSignal(session, (line) => view.say(line), note);
    const outcome = await session.train(plan);
    view.end();
    const metricsFailure = finishMetrics(metrics);
    if (!outcome.ok) throw new RunFailure(outcome.error, outcome.hasStarted);
    if (metricsFailure !== null) throw new RunFailure(metricsFailure, true);
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

function finishMetrics(metrics: MetricsLog): WireError | null {
  try {
    metrics.finish();
    return null;
  } catch (error) {
    const message = `${metricsName} could not be written: ${reasonOf(error)}. The adapter and its checkpoint are complete.`;
    return { code: 'storage-full', message, detail: null };
  }
}

function printResult(result: RunResult, options: TrainOptions, out: string, asJson: boolean): void {
  const { rows, steps, lossFirst, lossLast, targetTokens, seconds, tokensPerSecond, gpuBytesPeak } = result;
  const { before, after, device, trainRows, evaluationRows, examples, alreadyFinished } = result;
  const { skippedSteps, best, isBestKept, earlyStop } = result;
  console.log(
    alreadyFinished
      ? `Already finished: ${steps} steps are done, nothing to do. ${out} is as it was.`
      : `Done: ${steps} steps, loss ${lossFirst.toFixed(4)} → ${lossLast.toFixed(4)}, ${out}`,
  );
  if (earlyStop !== null) console.log(earlyStop);
  if (best !== null) console.log(bestLine(best, isBestKept));
  if (skippedSteps > 0)
    console.log(`${skippedSteps} of the steps were skipped: their loss or gradient was not finite.`);
  if (before !== null) console.log(`before\n${suiteLines(before).join('\n')}`);
  if (after !== null) console.log(`after\n${suiteLines(after).join('\n')}`);
  if (!asJson) return;
  printJson({
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
    trainRows,
    evaluationRows,
    examples,
    alreadyFinished,
    skippedSteps,
    best: best === null ? null : { step: best.step, eval_loss: best.evalLoss },
    isBestKept,
    earlyStop,
    ...(alreadyFinished ? { message: `Already finished: ${steps} steps are done, nothing to do.` } : {}),
  });
}

const bestLine = ({ step, evalLoss }: BestStep, isKept: boolean): string =>
  `Lowest held-out loss ${evalLoss.toFixed(4)} at step ${step}${isKept ? ': the adapter is that of this step' : '; the adapter is that of the last step (load_best_model_at_end keeps this one)'}.`;

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(trainHelp);
else await runCommand(wantsJson(argv), () => train(parseTrainArgs(argv), wantsJson(argv)));
