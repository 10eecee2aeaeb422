/** Chromium switches for WebGPU: the machine's own GPU where it has one, else SwiftShader on the CPU. */
import { existsSync, readdirSync } from 'node:fs';
import { platform } from 'node:process';

export type GpuMode = 'hardware' | 'software';

/** ALTTRAIN_GPU decides; without it, Linux with no render node (containers, most CI) is the software case. */
export function gpuMode(): GpuMode {
  const wanted = process.env['ALTTRAIN_GPU'];
  if (wanted === 'hardware' || wanted === 'software') return wanted;
  return hasGpu() ? 'hardware' : 'software';
}

export function gpuModeIsForced(): boolean {
  return process.env['ALTTRAIN_GPU'] === 'hardware' || process.env['ALTTRAIN_GPU'] === 'software';
}

function hasGpu(): boolean {
  if (platform !== 'linux') return true;
  if (existsSync('/dev/nvidia0')) return true;
  return existsSync('/dev/dri') && readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
}

const common: readonly string[] = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-default-browser-check',
  // A training page must not be slowed down because nobody looks at it.
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
  '--disable-dev-shm-usage',
];

export function chromiumArgs(mode: GpuMode): readonly string[] {
  switch (mode) {
    case 'software':
      return [
        ...common,
        '--enable-unsafe-webgpu',
        '--use-webgpu-adapter=swiftshader',
        '--enable-features=Vulkan',
        '--use-vulkan=swiftshader',
      ];
    case 'hardware':
      return platform === 'linux'
        ? [...common, '--enable-unsafe-webgpu', '--enable-features=Vulkan', '--ignore-gpu-blocklist']
        : [...common, '--enable-unsafe-webgpu'];
    default:
      return mode satisfies never;
  }
}
