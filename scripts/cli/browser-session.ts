/** The built page's worker in headless Chromium: server, browser, page and bridge as one thing. */
import type { Page } from 'playwright-core';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { outPrefix } from '../../src/headless/bridge.ts';
import type { HeadlessCommands, Outcome } from '../../src/headless/commands.ts';
import { ensureDist } from './build.ts';
import { distFolder } from './paths.ts';
import { launchBrowser } from './browser.ts';
import { watchPage } from './page-faults.ts';
import { hubSourcesOf } from '../vite/page-policy.ts';
import { serve } from './serve.ts';
import type { Session, SessionOptions } from './session.ts';

const bridgeLimitMs = 60_000;
/** A worker that fails on purpose gives its coded error right after the fault; wait for it, it says more. */
const faultGraceMs = 5_000;

export async function openBrowserSession(options: SessionOptions): Promise<Session> {
  const { hubUrl, mounts, out, onEvent, say } = options;
  await ensureDist({ say });
  const { browser, mode } = await launchBrowser(say);
  const host = `Chromium ${browser.version()}, ${mode} WebGPU`;
  const inbox = out === undefined ? undefined : { prefix: outPrefix, ...out };
  const served = await serve({
    root: distFolder,
    mounts,
    connect: hubUrl === null ? [] : hubSourcesOf(hubUrl),
    ...(inbox === undefined ? {} : { inbox }),
  });
  const close = async (): Promise<void> => {
    await browser.close().catch(() => undefined);
    await served.close();
  };
  try {
    const page = await browser.newPage();
    const faults = watchPage(page);
    await page.exposeFunction('altTrainEvent', (event: Parameters<typeof onEvent>[0]) =>
      onEvent(event.kind === 'device' ? { ...event, host } : event),
    );
    await page.goto(`${served.url}/?headless`);
    const bridge = page.waitForFunction(() => globalThis.altTrainHeadless !== undefined, undefined, {
      timeout: bridgeLimitMs,
    });
    const fault = await Promise.race([bridge.then(() => null), faults.first]);
    if (fault !== null) throw new TrainerError('internal', `The page did not start: ${fault}`);
    return {
      close,
      train: (plan) => runGuarded(callBridge(page, 'train', plan), faults),
      generate: (plan) => runGuarded(callBridge(page, 'generate', plan), faults),
      open: (plan) => runGuarded(callBridge(page, 'open', plan), faults),
      answer: (request) => runGuarded(callBridge(page, 'answer', request), faults),
      askJudge: (question) => runGuarded(callBridge(page, 'askJudge', question), faults),
      stop: () => page.evaluate(() => globalThis.altTrainHeadless?.stop()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Command = 'train' | 'generate' | 'open' | 'answer' | 'askJudge';

function callBridge<Name extends Command>(
  page: Page,
  name: Name,
  plan: Parameters<HeadlessCommands[Name]>[0],
): ReturnType<HeadlessCommands[Name]> {
  return page.evaluate(
    ([command, given]) => {
      const bridge = globalThis.altTrainHeadless;
      if (bridge === undefined) throw new Error('the bridge is gone');
      return (bridge[command] as (plan: unknown) => Promise<unknown>)(given);
    },
    [name, plan] as const,
  ) as ReturnType<HeadlessCommands[Name]>;
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
