/** Where Chrome or Chromium is on this machine; on Debian as root it is installed when there is none. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { env, platform } from 'node:process';
import { chromium } from 'playwright-core';

export interface Browser {
  readonly path: string;
  readonly foundBy: string; // "CHROME_PATH", "PATH", "usual place", "playwright"
}

const namesOnPath = [
  'chromium',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'chromium-browser',
  'microsoft-edge',
];

function usualPlaces(): readonly string[] {
  switch (platform) {
    case 'darwin': {
      const apps = [
        'Google Chrome.app/Contents/MacOS/Google Chrome',
        'Chromium.app/Contents/MacOS/Chromium',
        'Google Chrome Canary.app/Contents/MacOS/Google Chrome Canary',
        'Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
      ];
      return ['/Applications', join(homedir(), 'Applications')].flatMap((folder) =>
        apps.map((app) => join(folder, app)),
      );
    }
    case 'win32':
      return [env['PROGRAMFILES'], env['PROGRAMFILES(X86)'], env['LOCALAPPDATA']]
        .filter((folder) => folder !== undefined)
        .flatMap((folder) => [
          join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe'),
          join(folder, 'Chromium', 'Application', 'chrome.exe'),
          join(folder, 'Microsoft', 'Edge', 'Application', 'msedge.exe'),
        ]);
    default:
      return [
        '/usr/bin/chromium',
        '/usr/bin/google-chrome-stable',
        '/usr/bin/google-chrome',
        '/opt/google/chrome/chrome',
        '/usr/lib/chromium/chromium',
        '/snap/bin/chromium',
        '/var/lib/flatpak/exports/bin/org.chromium.Chromium',
      ];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Ubuntu's chromium-browser is a script that only says "install the snap": ask for the version before believing it. */
function starts(path: string): boolean {
  if (platform !== 'linux') return true; // on Windows --version opens a window
  return spawnSync(path, ['--version'], { timeout: 20_000, stdio: 'ignore' }).status === 0;
}

function playwrightBrowser(): string | null {
  try {
    const path = chromium.executablePath();
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

/** @throws when CHROME_PATH is set and is not a program: a wrong setting is never replaced silently. */
export function findBrowser(): Browser | null {
  const wanted = env['CHROME_PATH'];
  if (wanted) {
    if (!isExecutable(wanted))
      throw new Error(`CHROME_PATH is ${wanted}, which is not a program. Correct it or unset it.`);
    return { path: wanted, foundBy: 'CHROME_PATH' };
  }
  const endings = platform === 'win32' ? ['.exe'] : [''];
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    for (const name of namesOnPath.flatMap((base) => endings.map((ending) => base + ending))) {
      const path = join(folder, name);
      if (isExecutable(path) && starts(path)) return { path, foundBy: 'PATH' };
    }
  }
  for (const path of usualPlaces()) {
    if (isExecutable(path) && starts(path)) return { path, foundBy: 'usual place' };
  }
  const downloaded = playwrightBrowser();
  return downloaded === null ? null : { path: downloaded, foundBy: 'playwright' };
}

export const howToGetABrowser =
  'No Chrome or Chromium found: install one (Debian: apt-get install chromium; anywhere: npx playwright install chromium) or set CHROME_PATH to its program.';

/** The words that make an apt-get call work here, or null where it may not be used. */
function aptPrefix(): readonly string[] | null {
  if (platform !== 'linux' || !existsSync('/usr/bin/apt-get')) return null;
  const isDebian = /^(ID|ID_LIKE)=.*(debian|ubuntu)/m.test(readOsRelease());
  if (!isDebian) return null;
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : null;
}

function readOsRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

/** Finds a browser, or installs Debian's where that needs no question. @throws with one line saying what to do. */
export function requireBrowser(say: (line: string) => void): Browser {
  const found = findBrowser();
  if (found !== null) return found;
  const prefix = aptPrefix();
  if (prefix === null) throw new Error(howToGetABrowser);
  say('No Chrome or Chromium found: installing the chromium package with apt-get …');
  const apt = (...words: string[]): boolean => {
    const [program = 'apt-get', ...rest] = [...prefix, 'apt-get', ...words];
    const environment = { ...env, DEBIAN_FRONTEND: 'noninteractive' };
    return (
      spawnSync(program, rest, { stdio: ['ignore', 'ignore', 'inherit'], env: environment }).status === 0
    );
  };
  apt('update');
  apt('install', '-y', '--no-install-recommends', 'chromium');
  const installed = findBrowser();
  if (installed === null) throw new Error(howToGetABrowser);
  return installed;
}
