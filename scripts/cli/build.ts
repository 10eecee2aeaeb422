/**
 * Builds the page into dist/, the benchmark into dist-bench/ and the trainer for Node into dist-node/, where a build there is older than
 * what it is made from. A package has them built, but for the benchmark's page, and no bundler.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import {
  benchFolder,
  cliFolder,
  distFolder,
  isPackage,
  libraryFolder,
  nodeFolder,
  projectRoot,
} from './paths.ts';

const sources = [
  'index.html',
  'package.json',
  'package-lock.json',
  'vite.config.ts',
  'src',
  'workers',
  'public',
  'scripts/vite',
];

interface Target {
  readonly folder: string;
  readonly configFile: string;
  /** Written by every build: its age is the build's. */
  readonly page: string;
  readonly sources: readonly string[];
}
const site: Target = { folder: distFolder, configFile: 'vite.config.ts', page: 'index.html', sources };
const bench: Target = {
  folder: benchFolder,
  configFile: 'scripts/vite/bench.config.ts',
  page: 'tests/bench/index.html',
  sources: [...sources, 'tests/bench'],
};

const node: Target = {
  folder: nodeFolder,
  configFile: 'scripts/vite/node.config.ts',
  page: 'trainer.js',
  sources: ['package.json', 'package-lock.json', 'src', 'workers', 'scripts/vite', 'tests/bench'],
};

const cli: Target = {
  folder: cliFolder,
  configFile: 'scripts/vite/cli.config.ts',
  page: 'cli.js',
  sources: [...node.sources, 'scripts'],
};

const library: Target = {
  folder: libraryFolder,
  configFile: 'scripts/vite/library.config.ts',
  page: 'index.js',
  sources: [...sources, 'tsconfig.base.json'],
};

function newestChange(path: string): number {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(path).reduce(
    (newest, name) => Math.max(newest, newestChange(join(path, name))),
    stats.mtimeMs, // a removed file changes its folder
  );
}

function isFresh({ folder, page, sources: from }: Target): boolean {
  if (isPackage) return true;
  const built = join(folder, page);
  if (!existsSync(built)) return false;
  const builtAt = statSync(built).mtimeMs;
  return from.every((source) => newestChange(join(projectRoot, source)) <= builtAt);
}

/** Built beside its folder and moved into place, so a page being served never sees half a build. */
async function buildTarget({ folder, configFile, page }: Target): Promise<void> {
  const { build } = await import('vite');
  const startedAt = new Date();
  const fresh = join(projectRoot, '.cache', `build-${process.pid}`);
  const { NODE_ENV: environment } = process.env;
  process.env['NODE_ENV'] = 'production'; // Vite would build for what a shell or a test runner has there
  try {
    await build({
      root: projectRoot,
      configFile: join(projectRoot, configFile),
      logLevel: 'warn',
      build: { outDir: fresh, emptyOutDir: true },
    });
    await utimes(join(fresh, page), startedAt, startedAt); // a source saved while building counts as newer
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } finally {
    if (environment === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = environment;
    await rm(fresh, { recursive: true, force: true });
  }
}

type Say = { readonly say: (line: string) => void };

export const buildDist = (): Promise<void> => buildTarget(site);

export async function ensureDist({ say }: Say): Promise<void> {
  if (isFresh(site)) return;
  say('Building the page …');
  await buildTarget(site);
}

export async function ensureBench({ say }: Say): Promise<void> {
  if (isFresh(bench)) return;
  say('Building the benchmark …');
  await buildTarget(bench);
}

export async function ensureNode({ say }: Say): Promise<void> {
  if (isFresh(node)) return;
  say('Building the trainer for Node …');
  await buildTarget(node);
}

/** What only a package needs. */
export async function ensurePackage({ say }: Say): Promise<void> {
  for (const [target, name] of [
    [cli, 'the commands'],
    [library, 'the library'],
  ] as const) {
    if (isFresh(target)) continue;
    say(`Building ${name} …`);
    await buildTarget(target);
  }
}
