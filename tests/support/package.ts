/** The project as others get it: what `npm pack` makes, in a folder with nothing else. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensureDist, ensureNode, ensurePackage } from '../../scripts/cli/build.ts';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { finished, type Finished } from './finished.ts';

export interface Packed {
  readonly tarball: string;
  readonly bytes: number;
  readonly unpackedBytes: number;
  readonly files: readonly string[]; // paths in the package
}

/** `npm pack`, with what its prepack does done before: a build that is fresh is used. */
export async function pack(folder: string): Promise<Packed> {
  const say = (): void => undefined;
  await ensureDist({ say });
  await ensureNode({ say });
  await ensurePackage({ say });
  const told = runSync(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
    projectRoot,
  );
  const parsed: unknown = JSON.parse(told);
  // npm 11 gives the packages by their names, older ones as a list
  const [made] = Object.values(parsed as Record<string, PackReport>);
  return {
    tarball: join(folder, made.filename),
    bytes: made.size,
    unpackedBytes: made.unpackedSize,
    files: made.files.map(({ path }) => path),
  };
}

interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** As npm lays it out, without the network: `links` are the project's own packages that it may load. */
export function unpack({ tarball }: Packed, folder: string, links: readonly string[]): string {
  const modules = join(folder, 'node_modules');
  const installed = join(modules, 'alttrain-web');
  mkdirSync(installed, { recursive: true });
  runSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'], folder);
  for (const name of links) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(projectRoot, 'node_modules', name), join(modules, name), 'junction');
  }
  const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    readonly bin: Readonly<Record<string, string>>;
  };
  mkdirSync(join(modules, '.bin'));
  for (const [name, file] of Object.entries(bin)) {
    chmodSync(join(installed, file), 0o755);
    symlinkSync(join(installed, file), join(modules, '.bin', name));
  }
  return installed;
}

/** @throws with what it said, when it fails */
export function runSync(program: string, args: readonly string[], cwd: string): string {
  const options = { cwd, encoding: 'utf8', shell: process.platform === 'win32' } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? ''}\n${stdout}\n${stderr}`);
  return stdout;
}

export function runIn(
  cwd: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return finished(child);
}
