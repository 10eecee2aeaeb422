/** Where Chrome or Chromium is on this machine; on Debian as root it is installed when there is none. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { env, platform } from 'node:process';
import type * as Playwright from 'playwright-core';
import { findProgram } from './find-program.ts';

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

/** Of the package that drives browsers; it may be left out of an installation. */
function playwrightBrowser(): string | null {
  try {
    const { chromium } = createRequire(import.meta.url)('playwright-core') as typeof Playwright;
    const path = chromium.executablePath();
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

/** @throws when CHROME_PATH is set and is not a program: a wrong setting is never replaced silently. */
export function findBrowser(): Browser | null {
  const found = findProgram({ variable: 'CHROME_PATH', namesOnPath, usualPlaces: usualPlaces() });
  if (found !== null) return found;
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
