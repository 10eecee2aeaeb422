/** A run of the demo in Firefox, through the page that has no page (`/?headless`). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../../../src/api/trainer-api.ts';
import { demoSettings } from '../../../src/config/demo-preset.ts';
import { requireRunConfig } from '../../../src/config/run-config.ts';
import { outPrefix } from '../../../src/headless/bridge.ts';
import { deliveredNames, type HeadlessEvent, type Outcome } from '../../../src/headless/commands.ts';
import { launchFirefox } from '../../cli/firefox.ts';
import { distFolder } from '../../cli/paths.ts';
import { serve } from '../../cli/serve.ts';

export interface TrainedInFirefox {
  readonly result: RunResult;
  readonly losses: readonly number[]; // of each step
  readonly stepMs: readonly number[];
}

/** `settings` over the demo's own, as `npm run train -- --model demo --set …` has them. `env`: what Firefox is started with, e.g. a Vulkan driver. */
export async function trainInFirefox(
  settings: Readonly<Record<string, unknown>>,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<TrainedInFirefox> {
  const out = await mkdtemp(join(tmpdir(), 'alttrain-firefox-'));
  const served = await serve({
    root: distFolder,
    inbox: { prefix: outPrefix, path: out, names: deliveredNames },
  });
  const browser = await launchFirefox({}, env);
  const losses: number[] = [];
  const stepMs: number[] = [];
  try {
    const page = await browser.newPage();
    page.on('pageerror', (error) => say(`uncaught error: ${String(error)}`));
    await page.exposeFunction('altTrainEvent', (event: HeadlessEvent) => {
      if (event.kind === 'device') say(`Device: ${event.report.gpu}`);
      if (event.kind !== 'step') return;
      losses.push(event.report.loss);
      stepMs.push(event.report.stepMs);
      const { step, loss, stepMs: ms } = event.report;
      say(`step ${step}: loss ${loss.toFixed(4)}, ${(ms / 1000).toFixed(1)} s`);
    });
    await page.goto(`${served.url}/?headless`);
    await page.waitForFunction(() => globalThis.altTrainHeadless !== undefined);
    const plan = {
      model: { kind: 'demo' },
      dataset: { kind: 'builtin', name: 'alttrain-1k' },
      config: requireRunConfig({ ...demoSettings, ...settings }),
      initAdapter: null,
      checkpointUrl: null,
      allowChanges: false,
    } as const;
    const outcome = (await page.evaluate(
      (wanted) => globalThis.altTrainHeadless?.train(wanted),
      plan,
    )) as Outcome<RunResult>;
    if (!outcome.ok)
      throw new Error(`${outcome.error.code}: ${outcome.error.message} ${outcome.error.detail ?? ''}`);
    return { result: outcome.value, losses, stepMs };
  } finally {
    await browser.close();
    await served.close();
    await rm(out, { recursive: true, force: true });
  }
}
