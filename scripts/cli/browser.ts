/** Starts Chromium for a headless page, with the machine's own GPU where that works. */
import type { Browser, BrowserType } from 'playwright-core';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { requireBrowser } from './find-browser.ts';
import { chromiumArgs, gpuMode, gpuModeIsForced, type GpuMode } from './gpu-flags.ts';

export interface LaunchedBrowser {
  readonly browser: Browser;
  readonly mode: GpuMode;
}

const withoutToken = ({ HF_TOKEN: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv => env;

/** An optional dependency of the package. @throws TrainerError "webgpu-unavailable" */
async function loadChromium(): Promise<BrowserType> {
  try {
    return (await import('playwright-core')).chromium;
  } catch {
    throw new TrainerError(
      'webgpu-unavailable',
      'The package playwright-core, which drives the browser, is not installed: npm install playwright-core, or --host node for a run without a browser.',
    );
  }
}

async function launch(chromium: BrowserType, executablePath: string, mode: GpuMode): Promise<Browser> {
  // playwright gives each launch a new profile folder and removes it again.
  return chromium.launch({
    executablePath,
    headless: true,
    args: [...chromiumArgs(mode)],
    env: withoutToken(process.env), // it reaches the page in the call that needs it
    // Ctrl-C stops the run consistently first; the caller closes the browser.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}

/** WebGPU exists on secure origins only, and http://127.0.0.1 is one; `about:blank` is not. */
async function hasAdapter(browser: Browser, url: string): Promise<boolean> {
  const page = await browser.newPage();
  try {
    await page.route('**/*', (route) =>
      route.fulfill({ body: '<title>probe</title>', contentType: 'text/html' }),
    );
    await page.goto(url);
    return await page.evaluate(async () => {
      const gpu = (navigator as { gpu?: GPU }).gpu;
      return gpu !== undefined && (await gpu.requestAdapter()) !== null;
    });
  } catch {
    return false;
  } finally {
    await page.close();
  }
}

/** Hardware first where the machine seems to have a GPU; falls back to the software adapter unless ALTTRAIN_GPU says otherwise. */
export async function launchBrowser(say: (line: string) => void): Promise<LaunchedBrowser> {
  const chromium = await loadChromium();
  const { path } = requireBrowser(say);
  const mode = gpuMode();
  const browser = await launch(chromium, path, mode);
  if (mode === 'software' || gpuModeIsForced()) return { browser, mode };
  if (await hasAdapter(browser, 'http://127.0.0.1/')) return { browser, mode };
  await browser.close();
  say('The GPU of this machine gives headless Chromium no WebGPU adapter: using its software adapter.');
  return { browser: await launch(chromium, path, 'software'), mode: 'software' };
}
