/**
 * `npm run bench -- --pack <folder>`: all that `./measure` needs on a Linux x64 machine with a Vulkan driver and nothing else:
 * the bundled benchmark, Dawn, the demo's model and data, and Node itself.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { ensureNode } from './build.ts';
import { commitOf } from './commit.ts';
import { nodeFolder, projectRoot, publicFolder } from './paths.ts';

export interface PackOptions {
  readonly folder: string;
  readonly withNode: boolean;
}

const launcher = `#!/bin/sh
# Measures this machine's graphics card; ./measure --help lists the options.
case $0 in */*) here=\${0%/*} ;; *) here=. ;; esac
: "\${XDG_RUNTIME_DIR:=/tmp}"
export XDG_RUNTIME_DIR
if [ -x "$here/node" ]; then exec "$here/node" "$here/measure.js" "$@"; fi
exec node "$here/measure.js" "$@"
`;

const readme = `AltTrain Web: the benchmark for a machine with a graphics card.

Needs Linux on x64 and the card's Vulkan driver with its loader (libvulkan.so.1). Nothing is installed, nothing is sent anywhere.

    ./measure                     at most 8 minutes; figures in measured.json, a table in measured.md
    ./measure --help

The files are whole after every case: Ctrl-C loses nothing that was measured.
Licences of what is packed: NODE-LICENSE (Node.js), node_modules/webgpu/LICENSE.md (Dawn), LICENSE (AltTrain Web),
third-party.txt (what it is built with).
`;

/** The folder is made, or must be empty. @throws TrainerError "config-invalid" */
export async function packBench(
  { folder, withNode }: PackOptions,
  say: (line: string) => void,
): Promise<void> {
  const out = resolve(folder);
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new TrainerError('config-invalid', `${out} is not empty: name a new folder for --pack.`);
  const dawn = dirname(createRequire(import.meta.url).resolve('webgpu/package.json')); // npm may put it beside the package
  const binary = join('dist', 'linux-x64', 'dawn.node');
  if (!existsSync(join(dawn, binary)))
    throw new TrainerError('config-invalid', 'Dawn for Linux on x64 is not installed here: run npm install.');
  if (withNode && (process.platform !== 'linux' || process.arch !== 'x64'))
    throw new TrainerError(
      'config-invalid',
      'Node can be packed on Linux on x64 only: --without-node packs the rest, and the machine then needs Node 20.19 or newer.',
    );
  await ensureNode({ say });
  mkdirSync(out, { recursive: true });
  cpSync(nodeFolder, out, { recursive: true });
  cpSync(join(publicFolder, 'models', 'demo'), join(out, 'public', 'models', 'demo'), { recursive: true });
  cpSync(join(publicFolder, 'datasets'), join(out, 'public', 'datasets'), {
    recursive: true,
    filter: (path) => basename(path) !== 'reproduce', // rows of the page's comparison
  });
  for (const name of ['package.json', 'index.js', 'LICENSE.md', binary])
    cpSync(join(dawn, name), join(out, 'node_modules', 'webgpu', name));
  cpSync(join(projectRoot, 'LICENSE'), join(out, 'LICENSE'));
  writeFileSync(join(out, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(out, 'commit'), `${commitOf() ?? 'unknown'}\n`);
  writeFileSync(join(out, 'README.txt'), readme);
  writeFileSync(join(out, 'measure'), launcher);
  chmodSync(join(out, 'measure'), 0o755);
  if (withNode) packNode(out);
  say(
    `Packed in ${out}. To carry it: tar -cJf measure.tar.xz -C ${dirname(out)} ${out.slice(dirname(out).length + 1)}`,
  );
}

/** The program alone: npm and its headers stay here. Symbols for debuggers are taken out where a tool for it is here. */
function packNode(out: string): void {
  const program = join(out, 'node');
  cpSync(process.execPath, program, { dereference: true });
  try {
    execFileSync('strip', [program], { stdio: 'ignore' });
  } catch {
    // larger, and as good
  }
  const license = [join(dirname(process.execPath), '..', 'LICENSE'), '/usr/share/doc/nodejs/copyright'].find(
    existsSync,
  );
  if (license === undefined)
    writeFileSync(
      join(out, 'NODE-LICENSE'),
      'Node.js is licensed as https://github.com/nodejs/node/blob/main/LICENSE says.\n',
    );
  else cpSync(license, join(out, 'NODE-LICENSE'), { dereference: true });
}
