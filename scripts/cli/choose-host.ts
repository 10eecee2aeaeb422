/**
 * Where a command runs the trainer. `auto`: in Node where Dawn finds a graphics card there, else in the browser, which has
 * a software adapter of its own. `node` without a card takes that software adapter's driver, if a browser is here.
 */
import { existsSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findBrowser } from './find-browser.ts';
import { gpuMode } from './gpu-flags.ts';
import { probe } from './probe.ts';
import type { Probed } from './probe-adapter.ts';

export const hostChoices = ['auto', 'node', 'browser'] as const;
export type HostChoice = (typeof hostChoices)[number];

const driverVariables = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES'] as const;

export function chooseHost(choice: HostChoice): 'node' | 'browser' {
  if (choice === 'browser') return 'browser';
  process.env['XDG_RUNTIME_DIR'] ??= tmpdir(); // a driver may complain where there is none
  if (choice === 'node') {
    useSoftwareDriver();
    return 'node';
  }
  if (gpuMode() === 'software') return 'browser';
  const probed = probe();
  return typeof probed === 'object' && probed !== null && !probed.isSoftware ? 'node' : 'browser';
}

/** The environment's driver counts; without a card and without one there, Chromium's. */
function useSoftwareDriver(): void {
  if (gpuMode() !== 'software' || driverVariables.some((name) => process.env[name] !== undefined)) return;
  const manifest = softwareDriver();
  if (manifest === null) return; // Dawn then looks in the system's places
  process.env['VK_DRIVER_FILES'] = manifest;
  process.env['VK_ICD_FILENAMES'] = manifest; // the name that loaders before 1.3.207 know
}

/** What `--host node` finds here; null or a text, as `probe`. */
export function probeNodeHost(): Probed | null | string {
  const mine = { ...process.env };
  try {
    chooseHost('node');
    return probe();
  } finally {
    for (const name of driverVariables) if (mine[name] === undefined) delete process.env[name];
  }
}

/** SwiftShader's manifest, which lies beside the browser's program. */
export function softwareDriver(): string | null {
  const browser = findBrowser();
  const beside = browser === null ? [] : [dirname(browser.path), dirname(realpathSync(browser.path))];
  const folders = [...beside, '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  const manifests = folders.map((folder) => join(folder, 'vk_swiftshader_icd.json'));
  return manifests.find((path) => existsSync(path)) ?? null;
}
