/**
 * Where this project is, whatever folder a command is started in: a checkout, whose commands run from scripts/ and build what they
 * need, or the package that `npm pack` makes of it, where all is built (scripts/build-package.ts).
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest package.json is the project's own: a bundle of the commands lies deeper in the package than their sources do. */
function rootAbove(file: string): string {
  const folder = dirname(file);
  return existsSync(join(folder, 'package.json')) || folder === file ? folder : rootAbove(folder);
}

export const projectRoot = rootAbove(fileURLToPath(import.meta.url));
/** A package holds what a build makes and no sources. */
export const isPackage = !existsSync(join(projectRoot, 'src'));
export const distFolder = join(projectRoot, 'dist');
/** The benchmark page; the site ships without it. */
export const benchFolder = join(projectRoot, 'dist-bench');
/** The trainer for Node. */
export const nodeFolder = join(projectRoot, 'dist-node');
/** The commands as a package has them. */
export const cliFolder = join(projectRoot, 'dist-cli');
/** The library for browsers, and the types of both libraries. */
export const libraryFolder = join(projectRoot, 'dist-lib');
/** The demo, its datasets and suites. The built page has a copy, and the package only that one. */
export const publicFolder = isPackage ? distFolder : join(projectRoot, 'public');
