/** The built page's worker in headless Chromium, ready to be called: server, browser, page and bridge as one thing. */
import type { Page } from 'playwright-core';
import { TrainerError } from '../../src/support/trainer-error.ts';
import type { HeadlessEvent, Outcome } from '../../src/headless/bridge.ts';
import { ensureDist } from './build.ts';
import { distFolder } from './paths.ts';
import { launchBrowser } from './browser.ts';
import { watchPage } from './page-faults.ts';
import { serve, type ServeOptions } from './serve.ts';

export interface SessionOptions extends Pick<ServeOptions, 'mounts' | 'inbox'> {
  readonly onEvent: (event: HeadlessEvent) => void;
  readonly say: (line: string) => void;
}

export interface Session {
  /** Runs a call on the bridge. A fault in the page fails it, whatever the call itself says. */
  run<T>(call: (page: Page) => Promise<Outcome<T>>): Promise<Outcome<T>>;
  stopTraining(): Promise<void>;
  close(): Promise<void>;
}

const bridgeLimitMs = 60_000;
/** A worker that fails on purpose gives its coded error right after the fault; wait for it, it says more. */
const faultGraceMs = 5_000;

export async function openSession({ mounts, inbox, onEvent, say }: SessionOptions): Promise<Session> {
  await ensureDist({ say });
  const { browser, mode } = await launchBrowser(say);
  say(`Chromium ${browser.version()}, ${mode} WebGPU`);
  const served = await serve({ root: distFolder, mounts, inbox });
  const close = async (): Promise<void> => {
    await browser.close().catch(() => undefined);
    await served.close();
  };
  try {
    const page = await browser.newPage();
    const faults = watchPage(page);
    await page.exposeFunction('altTrainEvent', onEvent);
    await page.goto(`${served.url}/?headless`);
    const bridge = page.waitForFunction(() => globalThis.altTrainHeadless !== undefined, undefined, {
      timeout: bridgeLimitMs,
    });
    const fault = await Promise.race([bridge.then(() => null), faults.first]);
    if (fault !== null) throw new TrainerError('internal', `The page did not start: ${fault}`);
    return {
      close,
      run: (call) => runGuarded(call(page), faults),
      stopTraining: () => page.evaluate(() => globalThis.altTrainHeadless?.stop()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function runGuarded<T>(
  call: Promise<Outcome<T>>,
  faults: ReturnType<typeof watchPage>,
): Promise<Outcome<T>> {
  const outcome = call.catch((error: unknown): Outcome<T> => {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(`The browser ended before the run did: ${reason}`);
  });
  const faulty = faults.first.then(async (fault): Promise<Outcome<T>> => {
    await new Promise((resolve) => setTimeout(resolve, faultGraceMs));
    return failure(`The page met an error that nothing caught: ${fault}`);
  });
  const result = await Promise.race([outcome, faulty]);
  if (!result.ok || faults.all.length === 0) return result;
  return failure(`The page met an error that nothing caught: ${faults.all[0]}`, faults.all.join('\n'));
}

function failure(message: string, detail: string | null = null): Outcome<never> {
  return { ok: false, error: { code: 'internal', message, detail }, hasStarted: true };
}
