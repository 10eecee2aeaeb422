/** Writes the types of both libraries beside the browser's: the compiler's own declarations, as far as they are reached from the two entries. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Plugin } from 'vite';
import { projectRoot } from '../cli/paths.ts';

const entries = ['src/index.d.ts', 'src/node.d.ts'];
const imported = /(from |import\()(['"])(\.[^'"]*)\.ts\2/g;

export const packageTypes = (): Plugin => ({
  name: 'package-types',
  apply: 'build',
  generateBundle() {
    for (const [fileName, source] of declarations()) this.emitFile({ type: 'asset', fileName, source });
  },
});

function declarations(): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'alttrain-types-'));
  try {
    emit(folder);
    return reachable(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function emit(folder: string): void {
  const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc');
  const args = ['-p', join(projectRoot, 'tsconfig.types.json'), '--outDir', folder, '--noCheck'];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The types of the library cannot be written:\n${stdout}`);
}

/** Sources import with ".ts"; a declaration beside a module is found as ".js" by every resolution of TypeScript's. */
function reachable(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  const waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file)) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    const [, foreign] = /(?:from |import\()['"]([^.'"][^'"]*)['"]/.exec(text) ?? [];
    if (foreign !== undefined)
      throw new Error(
        `${file} names ${foreign}, which an installation has not: mark what leads there @internal.`,
      );
    const from = dirname(join(folder, file));
    for (const [, , , path] of text.matchAll(imported))
      waiting.push(relative(folder, join(from, `${path}.d.ts`)));
    found.set(file, text.replace(imported, '$1$2$3.js$2'));
  }
  return new Map([...found].map(([file, text]) => [file.replace(/^src/, 'types'), text]));
}
