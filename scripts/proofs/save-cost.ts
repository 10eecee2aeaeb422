/**
 * `npm run proof:save-cost -- [--model <folder>] [--every 50] [--saves 2] [--rounds 3] [--set …]`: what checkpoints cost.
 *
 * The same run in Chromium (the demo, or a model folder), with a save every `--every` steps and without one, in turns, each in a page of its
 * own. Timed is from the end of the first step to the end of the last, at which all saves but the one of the end have been taken:
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

async function timeRun(model: string | null, settings: Readonly<Record<string, unknown>>): Promise<number> {
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
    return (ends[ends.length - 1] - ends[0]) / 1000;
  } finally {
    await browser.close();
    await served.close();
    rmSync(out, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const [every, saves, rounds] = [numberOf('every', 50), numberOf('saves', 2), numberOf('rounds', 3)];
  const model = textOption('model');
  const steps = every * saves + 1;
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
  const times: { readonly without: number; readonly saving: number }[] = [];
  for (let round = 1; round <= rounds; round++) {
    const without = await timeRun(model, { ...common, save_steps: 1_000_000 });
    const saving = await timeRun(model, { ...common, save_steps: every });
    times.push({ without, saving });
    console.log(
      `round ${round}: ${steps - 1} steps in ${without.toFixed(2)} s without saves, ${saving.toFixed(2)} s with ${saves}, ${(100 * (saving / without - 1)).toFixed(2)} %`,
    );
  }
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const [without, saving] = [middle(times.map((t) => t.without)), middle(times.map((t) => t.saving))];
  const each = (saving - without) / saves;
  console.log(
    `medians: ${without.toFixed(2)} s and ${saving.toFixed(2)} s; ${(1000 * each).toFixed(0)} ms a save; every ${every} steps ${(100 * (saving / without - 1)).toFixed(2)} %, ` +
      `every 50 steps ${((100 * each) / ((without / (steps - 1)) * 50)).toFixed(2)} %`,
  );
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
