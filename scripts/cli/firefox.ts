/** Finds and starts Firefox for tests: the second browser engine (Gecko, with Naga and wgpu where Chromium has Tint and Dawn). */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { env, platform } from 'node:process';
import puppeteer, { type Browser } from 'puppeteer-core';
import { findProgram, type FoundProgram } from './find-program.ts';
import { projectRoot } from './paths.ts';
import { serve } from './serve.ts';

const namesOnPath = ['firefox', 'firefox-esr', 'firefox-nightly', 'firefox-developer-edition'];

function usualPlaces(): readonly string[] {
  switch (platform) {
    case 'darwin':
      return ['/Applications', join(homedir(), 'Applications')].flatMap((folder) =>
        ['Firefox', 'Firefox Developer Edition', 'Firefox Nightly'].map((app) =>
          join(folder, `${app}.app/Contents/MacOS/firefox`),
        ),
      );
    case 'win32':
      return [env['PROGRAMFILES'], env['PROGRAMFILES(X86)'], env['LOCALAPPDATA']]
        .filter((folder) => folder !== undefined)
        .map((folder) => join(folder, 'Mozilla Firefox', 'firefox.exe'));
    default:
      return ['/usr/bin/firefox', '/usr/bin/firefox-esr', '/usr/lib/firefox/firefox', '/opt/firefox/firefox'];
  }
}

/** @throws when FIREFOX_PATH is set and is not a program. */
const findFirefox = (): FoundProgram | null =>
  findProgram({ variable: 'FIREFOX_PATH', namesOnPath, usualPlaces: usualPlaces() });

const howToGetFirefox =
  'install it (Debian: apt-get install firefox-esr mesa-vulkan-drivers) or set FIREFOX_PATH to its program';

export type FirefoxSearch =
  { readonly path: string; readonly version: string } | { readonly lacking: string };

/** Starts it once: only that shows whether it finds a GPU, or a driver that computes on the processor. */
export async function lookForFirefox(): Promise<FirefoxSearch> {
  const found = findFirefox();
  if (found === null) return { lacking: `Firefox is not here: ${howToGetFirefox}` };
  const { path } = found;
  const served = await serve({ root: join(projectRoot, 'public') }); // WebGPU exists on secure origins only
  const browser = await launchFirefox();
  try {
    const page = await browser.newPage();
    await page.goto(`${served.url}/models/demo/config.json`);
    const hasGpu = await page.evaluate(async () => {
      const { gpu } = navigator as { readonly gpu?: GPU };
      return gpu !== undefined && (await gpu.requestAdapter()) !== null;
    });
    if (hasGpu) return { path, version: (await browser.version()).replace('firefox/', '') };
    return {
      lacking: `${path} finds no GPU (Debian: apt-get install mesa-vulkan-drivers has one in software)`,
    };
  } finally {
    await browser.close();
    await served.close();
  }
}

const startLimitMs = 90_000;
const answerLimitMs = 3_600_000; // a run on a software GPU that a script waits for

/** On Linux Firefox keeps WebGPU behind these in its releases; elsewhere they are what it has anyway. */
const preferences = {
  'dom.webgpu.enabled': true,
  'dom.webgpu.workers.enabled': true,
  'gfx.webgpu.ignore-blocklist': true,
};

/** A new profile, gone when the browser is closed. Caller closes. @throws where there is no Firefox. */
export async function launchFirefox(
  more: Readonly<Record<string, string | number | boolean>> = {},
  environment: NodeJS.ProcessEnv = {},
  args: readonly string[] = [],
): Promise<Browser> {
  const found = findFirefox();
  if (found === null) throw new Error(`No Firefox found: ${howToGetFirefox}.`);
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: found.path,
    headless: true,
    args: [...args],
    timeout: startLimitMs,
    protocolTimeout: answerLimitMs,
    env: { ...env, ...environment },
    extraPrefsFirefox: { ...preferences, ...more },
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
}
