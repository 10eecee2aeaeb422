/**
 * `npm run proof:kills -- [--page 80] [--node 20] [--seed 1]`: runs that are killed at random and end as if nothing had been.
 *
 * In Chromium the page trains the demo; at random moments its worker is ended, the GPU process crashed, the page reloaded,
 * its tab closed, or the whole browser killed with SIGKILL, until the run is done. In Node `npm run train --host node` is
 * killed with SIGKILL and resumed until it is done. Each run's adapter must be that of an uninterrupted one, bit for bit, and its metrics
 * must have every step once, with the same losses.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { createRng, type Rng } from '../../src/support/rng.ts';
import { drivePage, type PageDriver } from '../../tests/app/drive-page.ts';
import { ensureDist } from '../cli/build.ts';
import { requireBrowser } from '../cli/find-browser.ts';
import { chromiumArgs, gpuMode } from '../cli/gpu-flags.ts';
import { distFolder, projectRoot } from '../cli/paths.ts';
import { serve } from '../cli/serve.ts';
import { numberOf } from './arguments.ts';

const STEPS = 24;
const SAVE_EVERY = 4;
const STEP_LIMIT_MS = 300_000;

interface Outcome {
  readonly adapter: string; // hash
  readonly steps: string; // every row's step and loss
}
const outcomeOf = (adapter: Uint8Array, metrics: string): Outcome => ({
  adapter: createHash('sha256').update(adapter).digest('hex').slice(0, 16),
  steps: metrics
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; loss?: number })
    .map(({ step, loss }) => `${step}:${loss}`)
    .join(' '),
});
const isSame = (a: Outcome, b: Outcome): boolean => a.adapter === b.adapter && a.steps === b.steps;

const kinds = [
  'worker ended',
  'GPU process crashed',
  'page reloaded',
  'tab closed',
  'browser killed',
] as const;
type Kind = (typeof kinds)[number];

/** A browser with a profile that outlives it. */
class Visitor {
  readonly #profile = mkdtempSync(join(tmpdir(), 'alttrain-kills-'));
  readonly #url: string;
  #context: BrowserContext | null = null;
  #page: Page | null = null;

  constructor(url: string) {
    this.#url = url;
  }

  get page(): Page {
    if (this.#page === null) throw new Error('there is no page');
    return this.#page;
  }
  get ui(): PageDriver {
    return drivePage(this.page);
  }

  async open(): Promise<void> {
    const { path } = requireBrowser(console.log);
    this.#context ??= await chromium.launchPersistentContext(this.#profile, {
      executablePath: path,
      headless: true,
      acceptDownloads: true,
      viewport: { width: 1280, height: 900 },
      // A browser gives up GPUs that crash often; here that is what they are made to do.
      args: [
        ...chromiumArgs(gpuMode()),
        '--disable-gpu-process-crash-limit',
        '--disable-domain-blocking-for-3d-apis',
      ],
    });
    this.#page = await this.#context.newPage();
    this.#page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
    await this.#page.goto(this.#url);
    await this.ui.waitUntilReady();
  }

  /** true: the page was lost with it, and the run has to be taken up again. */
  async kill(kind: Kind): Promise<boolean> {
    switch (kind) {
      case 'worker ended':
        for (const worker of this.page.workers())
          if (worker.url().includes('trainer')) await worker.evaluate(() => close()).catch(() => undefined);
        return false;
      case 'GPU process crashed': {
        const session = await this.#context?.newCDPSession(this.page);
        await session?.send('Browser.crashGpuProcess').catch(() => undefined);
        return false;
      }
      case 'page reloaded':
        await this.page.reload();
        await this.ui.waitUntilReady();
        return true;
      case 'tab closed':
        await this.page.close();
        await this.open();
        return true;
      case 'browser killed':
        await this.#killBrowser();
        await this.open();
        return true;
    }
  }

  /** Every process of this profile, without a word to any. */
  async #killBrowser(): Promise<void> {
    const gone = new Promise((resolve) => this.#context?.once('close', resolve));
    spawn('pkill', ['-KILL', '-f', `user-data-dir=${this.#profile}`]);
    await gone;
    this.#context = null;
  }

  async close(): Promise<void> {
    await this.#context?.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}

const settings = {
  'Max steps': String(STEPS),
  'Batch size': '1',
  'Sample every': '0',
  'Prompts per suite': '0',
  'Snapshot every': String(SAVE_EVERY),
};

async function download({ page, ui }: Visitor): Promise<Outcome> {
  // Killed between its last step and its answer, the run is taken up once more, and finds that nothing is left to do.
  const began = performance.now();
  while (!(await ui.download.isEnabled())) {
    if (performance.now() - began > STEP_LIMIT_MS) throw new Error('nothing can be downloaded');
    await sleep(100);
  }
  const arriving = page.waitForEvent('download');
  await ui.download.click();
  const files = unzipSync(readFileSync(await (await arriving).path()));
  return outcomeOf(files['adapter_model.safetensors'], new TextDecoder().decode(files['metrics.jsonl']));
}

async function startRun({ page, ui }: Visitor): Promise<void> {
  await ui.fillSettings(settings);
  await ui.start.click();
  const discard = page.getByRole('button', { name: 'Start without downloading' });
  if (await discard.isVisible()) await discard.click();
}

/** Takes up the newest run that was interrupted. */
async function takeUp({ page }: Visitor): Promise<void> {
  const unfinished = page.getByRole('list', { name: 'Unfinished runs' }).getByRole('listitem').first();
  await unfinished.waitFor({ timeout: 30_000 });
  await unfinished.getByRole('button', { name: /^Continue/ }).click();
}

async function killPages(count: number, rng: Rng, url: string): Promise<readonly string[]> {
  const faults: string[] = [];
  const visitor = new Visitor(url);
  const kills = new Map<Kind, number>();
  try {
    await visitor.open();
    await startRun(visitor);
    await visitor.ui.waitForPhase('done');
    const whole = await download(visitor);
    const began = performance.now(); // the second one finds its kernels compiled
    await startRun(visitor);
    await visitor.ui.waitForPhase('done');
    const runMs = performance.now() - began;
    console.log(`uninterrupted: adapter ${whole.adapter}, ${(runMs / 1000).toFixed(1)} s`);
    let done = 0;
    let runs = 0;
    while (done < count) {
      await startRun(visitor);
      const inThisRun: string[] = [];
      for (;;) {
        const kind = kinds[Math.floor(rng.next() * kinds.length)] ?? 'worker ended';
        await sleep(rng.next() * runMs * 0.6);
        if ((await visitor.ui.phase()) === 'done') break;
        const at = `${await visitor.ui.phase()} ${await visitor.ui.step()}`;
        const isLost = await visitor.kill(kind);
        inThisRun.push(`${kind} (${at})`);
        console.log(`  ${kind} (${at})`);
        kills.set(kind, (kills.get(kind) ?? 0) + 1);
        done++;
        const isOver =
          isLost && (await visitor.page.getByRole('list', { name: 'Unfinished runs' }).count()) === 0;
        if (isOver) {
          await showNewest(visitor); // it had ended in that moment
          break;
        }
        if (isLost) await takeUp(visitor);
        await untilItMoves(visitor);
      }
      const outcome = await download(visitor);
      runs++;
      const verdict = isSame(outcome, whole) ? 'same' : 'DIFFERENT';
      if (verdict !== 'same')
        faults.push(`page run ${runs}: ${inThisRun.join(', ')}: ${outcome.adapter} ${outcome.steps}`);
      console.log(`page run ${runs}, ${done} kills in all: ${verdict}`);
    }
    for (const kind of kinds) console.log(`${kind}: ${kills.get(kind) ?? 0}`);
    console.log(`${done} kills in ${runs} runs in the page, ${faults.length} runs that differ`);
  } finally {
    await visitor.close();
  }
  return faults;
}

async function showNewest({ page, ui }: Visitor): Promise<void> {
  const newest = page.getByRole('list', { name: 'Other runs' }).getByRole('listitem').first();
  await newest.getByRole('button', { name: /^Show/ }).click();
  await ui.waitForPhase('done');
}

/** Until the run trains again or has ended: two kills at once would be one. */
async function untilItMoves({ ui }: Visitor): Promise<void> {
  const began = performance.now();
  let first: number | null = null;
  for (;;) {
    const phase = await ui.phase();
    if (phase === 'done') return;
    // A page that takes up a run shows for a moment what was written of it: that its device was lost.
    const alerts = phase === 'failed' ? await ui.alerts.allInnerTexts() : [];
    if (alerts.length > 0) throw new Error(`the run has failed: ${alerts.join('; ')}`);
    const step = await ui.step();
    if (phase === 'training' && first !== null && step !== first) return;
    if (phase === 'training') first ??= step;
    if (performance.now() - began > STEP_LIMIT_MS) throw new Error(`nothing moves: ${phase}, step ${step}`);
    await sleep(50);
  }
}

async function killNode(count: number, rng: Rng): Promise<readonly string[]> {
  const root = mkdtempSync(join(tmpdir(), 'alttrain-kills-'));
  const faults: string[] = [];
  const read = (out: string): Outcome =>
    outcomeOf(
      readFileSync(join(out, 'adapter_model.safetensors')),
      readFileSync(join(out, 'metrics.jsonl'), 'utf8'),
    );
  try {
    const began = performance.now();
    const first = join(root, 'whole');
    const code = await ended(trainInNode(first, false));
    if (code !== 0) throw new Error(`npm run train ended with ${code}`);
    const runMs = performance.now() - began;
    const whole = read(first);
    console.log(`uninterrupted in Node: adapter ${whole.adapter}, ${(runMs / 1000).toFixed(1)} s`);
    let done = 0;
    for (let run = 1; done < count; run++) {
      const out = join(root, `run-${run}`);
      const places: string[] = [];
      for (;;) {
        const canResume = existsSync(join(out, 'checkpoint', 'checkpoint.safetensors')); // else it is begun anew
        const child = trainInNode(out, canResume);
        const exit = ended(child);
        const isKilled = await Promise.race([
          exit.then(() => false),
          sleep((0.3 + rng.next() * 0.7) * runMs).then(() => true),
        ]);
        if (isKilled) {
          child.kill('SIGKILL');
          await exit;
          done++;
          places.push(canResume ? 'resumed' : 'new');
        } else if ((await exit) === 0) break;
        else throw new Error(`npm run train ended with ${await exit}`);
      }
      const isWhole = isSame(read(out), whole);
      if (!isWhole) faults.push(`Node run ${run}: ${read(out).adapter} ${read(out).steps}`);
      console.log(
        `Node run ${run}, ${done} kills in all (${places.join(', ')}): ${isWhole ? 'same' : 'DIFFERENT'}`,
      );
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return faults;
}

function trainInNode(out: string, isResumed: boolean): ChildProcess {
  const values = { max_steps: STEPS, save_steps: SAVE_EVERY, per_device_train_batch_size: 1 };
  const off = { sample_steps: 0, suite_prompts: 0 };
  const set = Object.entries({ ...values, ...off }).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const args = [
    '--model',
    'demo',
    '--host',
    'node',
    '--out',
    out,
    ...(isResumed ? ['--resume'] : [...set, '--overwrite']),
  ];
  return spawn(process.execPath, ['--import', 'tsx', join(projectRoot, 'scripts/train.ts'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
const ended = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code ?? -1)));

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function main(): Promise<void> {
  const seed = numberOf('seed', 1);
  const rng = createRng(seed);
  await ensureDist({ say: console.log });
  const served = await serve({ root: distFolder });
  const faults: string[] = [];
  try {
    const pages = numberOf('page', 80);
    if (pages > 0) faults.push(...(await killPages(pages, rng, served.url)));
    const nodes = numberOf('node', 20);
    if (nodes > 0) faults.push(...(await killNode(nodes, rng)));
  } finally {
    await served.close();
  }
  for (const fault of faults) console.log(`✗ ${fault}`);
  console.log(
    faults.length === 0 ? 'Every run ended as the uninterrupted one.' : `${faults.length} runs differ.`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
