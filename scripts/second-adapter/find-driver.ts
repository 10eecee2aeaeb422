/**
 * Where a Vulkan driver that computes in software (Mesa's lavapipe) is on this machine: what the environment names, else
 * the copy that --install unpacked, else the system's. Nothing is changed here.
 */
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { projectRoot } from '../cli/paths.ts';

export interface Driver {
  readonly manifest: string; // the driver's .json, several joined by the platform's delimiter
  readonly foundBy: string;
  /** Folder with the Vulkan loader and the driver's libraries, where they are not the system's. */
  readonly libraries: string | null;
  /** The dynamic linker that Node is started with, where the driver needs a newer C library than the system's. */
  readonly linker: string | null;
}

export type Search = { readonly driver: Driver } | { readonly lacking: string };

export const privateCopy = join(projectRoot, '.cache', 'lavapipe');
/** A folder into which a newer Debian was unpacked, e.g. by debootstrap: its driver, its linker and its libraries. */
export const rootVariable = 'ALTTRAIN_DRIVER_ROOT';
const variables = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const;
const systemFolders = ['/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d'];

function manifestIn(folder: string): string | null {
  if (!existsSync(folder)) return null;
  const name = readdirSync(folder).find((file) => /^lvp_icd.*\.json$/.test(file));
  return name === undefined ? null : join(folder, name);
}

function driverIn(root: string): Search {
  const lacking = (what: string): Search => ({
    lacking: `${rootVariable} names "${root}", which has no ${what}`,
  });
  const manifest = manifestIn(join(root, 'usr/share/vulkan/icd.d'));
  if (manifest === null) return lacking('usr/share/vulkan/icd.d/lvp_icd*.json');
  const folder = join(root, 'usr/lib');
  const triplet = readdirSync(folder).find((name) => name.endsWith('-linux-gnu'));
  const libraries = join(folder, triplet ?? '');
  const linker = readdirSync(libraries).find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
  if (triplet === undefined || linker === undefined) return lacking('dynamic linker in usr/lib/*-linux-gnu');
  return { driver: { manifest, foundBy: rootVariable, libraries, linker: join(libraries, linker) } };
}

/** What Node is started through; empty: by itself. */
export const startedThrough = ({ linker, libraries }: Driver): readonly string[] =>
  linker === null || libraries === null ? [] : [linker, '--library-path', libraries];

/** A variable that is set is taken at its word: a path in it that is no file is lacking, never replaced. */
export function findDriver(environment: NodeJS.ProcessEnv, copy = privateCopy): Search {
  const root = environment[rootVariable];
  if (root !== undefined) return driverIn(root);
  const libraries = existsSync(join(copy, 'lib')) ? join(copy, 'lib') : null;
  for (const variable of variables) {
    const manifest = environment[variable];
    if (manifest === undefined) continue;
    const wrong = manifest.split(delimiter).find((path) => !existsSync(path));
    if (wrong === undefined) return { driver: { manifest, foundBy: variable, libraries, linker: null } };
    return { lacking: `${variable} names "${wrong}", and there is no such file` };
  }
  const own = manifestIn(copy);
  if (own !== null) return { driver: { manifest: own, foundBy: 'private copy', libraries, linker: null } };
  for (const folder of systemFolders) {
    const manifest = manifestIn(folder);
    if (manifest !== null) return { driver: { manifest, foundBy: folder, libraries, linker: null } };
  }
  return { lacking: `no lvp_icd*.json in ${systemFolders.join(', ')}` };
}

/**
 * What a process must have in its environment, from its start, for Dawn to use that driver and no other. Compiling takes
 * far longer than computing here, so LLVM's optimisation is off unless GALLIVM_PERF says otherwise; compiled shaders are kept.
 */
export function driverEnvironment({ manifest, libraries, linker }: Driver): NodeJS.ProcessEnv {
  const known = process.env['LD_LIBRARY_PATH'];
  return {
    VK_DRIVER_FILES: manifest,
    VK_ICD_FILENAMES: manifest, // the name that loaders before 1.3.207 know
    GALLIVM_PERF: process.env['GALLIVM_PERF'] ?? 'nopt',
    MESA_SHADER_CACHE_DIR: join(projectRoot, '.cache', 'mesa'),
    ...(libraries === null || linker !== null
      ? {}
      : { LD_LIBRARY_PATH: [libraries, known].filter(Boolean).join(delimiter) }),
  };
}
