/**
 * `npm run proof:save-cost -- [--model <folder>] [--every 50] [--saves 2] [--rounds 3] [--set …]`: what checkpoints cost.
 *
 * The same run in Chromium (the demo, or a model folder), with a save every `--every` steps and without one, in turns, each in a page of its
 * own. Timed is each step; what a save adds is the difference in the steps in which it is taken and written:
 * into the private file system of the page, and into `--out` as `npm run train` does. `--set key=value` goes to both.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelSource } from '../../src/api/trainer-api.ts';
import { requireRunConfig } from '../../src/config/run-config.ts';
import { outPrefix } from '../../src/headless/bridge.ts';
import { deliveredNames, type HeadlessEvent, type Outcome } from '../../src/headless/commands.ts';
import { launchBrowser } from '../cli/browser.ts';
import { ensureDist } from '../cli/build.ts';
import { distFolder } from '../cli/paths.ts';
import { serve } from '../cli/serve.ts';
import { numberOf, textOption, textOptions } from './arguments.ts';

async function timeRun(model: string | null, settings: Readonly<Record<string, unknown>>): Promise<number[]> {
  const out = mkdtempSync(join(tmpdir(), 'alttrain-cost-'));
  const mounts = model === null ? [] : [{ prefix: 'model', path: model }];
  const inbox = { prefix: outPrefix, path: out, names: deliveredNames };
  const served = await serve({ root: distFolder, inbox, mounts });
  const { browser } = await launchBrowser(() => undefined);
  const ends: number[] = [];
  try {
    const page = await browser.newPage();
    await page.exposeFunction('altTrainEvent', (event: HeadlessEvent) => {
      if (event.kind === 'step') ends.push(performance.now());
    });
    await page.goto(`${served.url}/?headless`);
    await page.waitForFunction(() => globalThis.altTrainHeadless !== undefined);
    const source: ModelSource =
      model === null ? { kind: 'demo' } : { kind: 'url', name: 'model', baseUrl: `${served.url}/model/` };
    const plan = {
      model: source,
      dataset: { kind: 'builtin', name: 'alttrain-1k' },
      config: requireRunConfig(settings),
      initAdapter: null,
      checkpointUrl: null,
      allowChanges: false,
    } as const;
    const outcome = (await page.evaluate(
      (wanted) => globalThis.altTrainHeadless?.train(wanted),
      plan,
    )) as Outcome<unknown>;
    if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
    return ends.slice(1).map((end, i) => (end - ends[i]) / 1000);
  } finally {
    await browser.close();
    await served.close();
    rmSync(out, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const [every, saves, rounds] = [numberOf('every', 50), numberOf('saves', 2), numberOf('rounds', 3)];
  const model = textOption('model');
  const steps = every * saves + writingSteps + 1;
  const given = textOptions('set').map((text) => {
    const [key, value] = text.split('=');
    return [key, Number.isNaN(Number(value)) ? value : Number(value)] as const;
  });
  const common = {
    learning_rate: 1e-4,
    max_steps: steps,
    gradient_accumulation_steps: 1,
    sample_steps: 0,
    suite_prompts: 0,
    ...Object.fromEntries(given),
  };
  await ensureDist({ say: console.log });
  const costs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const without = await timeRun(model, { ...common, save_steps: 1_000_000 });
    const saving = await timeRun(model, { ...common, save_steps: every });
    const { perSave, step } = costOf(without, saving, every);
    costs.push(perSave / (50 * step));
    console.log(
      `round ${round}: ${steps - 1} steps in ${sum(without).toFixed(2)} s without saves, ${sum(saving).toFixed(2)} s with ${saves}; ` +
        `${(1000 * perSave).toFixed(0)} ms a save beside steps of ${(1000 * step).toFixed(0)} ms: every 50 steps ${(100 * (costs.at(-1) ?? 0)).toFixed(2)} %`,
    );
  }
  console.log(`median of ${rounds} rounds: every 50 steps ${(100 * middle(costs)).toFixed(2)} %`);
}

/** Steps after a save in which it may still be written. */
const writingSteps = 5;

/**
 * What one save takes, in seconds. Both runs do the same work in the same step, so steps are compared in pairs: those far from a
 * save say how fast the machine was in one run and in the other, which differs by more than a save takes; the others say what was added.
 */
function costOf(
  without: readonly number[],
  saving: readonly number[],
  every: number,
): { perSave: number; step: number } {
  // `without[i]` ends with step i + 2; a save is taken at the end of each `every`th.
  const sinceSave = (i: number): number => (i + 2) % every;
  const isNear = (i: number): boolean => i + 2 >= every && sinceSave(i) <= writingSteps;
  const pace = middle(saving.flatMap((took, i) => (isNear(i) ? [] : [took / without[i]])));
  const added = saving.map((took, i) => (isNear(i) ? took - pace * without[i] : 0));
  const saves = saving.filter((_, i) => i + 2 >= every && sinceSave(i) === 0).length;
  return { perSave: sum(added) / saves, step: (pace * sum(without)) / without.length };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
