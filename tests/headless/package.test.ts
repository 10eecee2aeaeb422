/** What `npm pack` makes, unpacked into an empty folder beside Dawn alone. tests/slow/package-install.test.ts has npm install it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { chooseHost } from '../../scripts/cli/choose-host.ts';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { blocksIn } from '../support/doc-commands.ts';
import { hasNodeDriver } from '../support/node-driver.ts';
import { pack, runIn, unpack, type Packed } from '../support/package.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson } from './support.ts';
import type { Finished } from '../support/finished.ts';

const folder = tempFolder();
let packed: Packed;
let installed: string;

beforeAll(async () => {
  packed = await pack(tempFolder());
  installed = unpack(packed, folder, ['webgpu']);
});

const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
const samples = blocksIn(readme)
  .filter(({ language }) => language === 'ts')
  .map(({ text }) => text);

interface Manifest {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly private?: boolean;
}
const manifest = (): Manifest =>
  JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;

const alttrain = (...args: readonly string[]): Promise<Finished> =>
  runIn(folder, process.execPath, [join(installed, manifest().bin['alttrain-web']), ...args], {
    ALTTRAIN_CACHE: join(folder, 'cache'),
  });

describe('the package', () => {
  test('holds what is built and what must be read, and no tests, sources or maps', () => {
    const { files } = packed;
    for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'dist/index.html', 'dist/third-party.txt'])
      expect(files).toContain(name);
    const allowed =
      /^(dist|dist-cli|dist-lib|dist-node)\/|^(package\.json|LICENSE|CITATION\.cff|[A-Z]+\.md|scripts\/demo-model\/README\.md)$/;
    expect(files.filter((name) => !allowed.test(name))).toEqual([]);
    expect(files.filter((name) => /\.map$|\.test\.|(?<!\.d)\.tsx?$/.test(name))).toEqual([]);
    expect(packed.bytes).toBeLessThan(6e6);
    const stated = Number(/The tarball has ([\d.]+) MB/.exec(readme)?.[1]);
    expect(Math.abs(packed.bytes / 1e6 - stated)).toBeLessThan(0.5);
  });

  test('installs nothing but Dawn, and runs nothing when it is installed', () => {
    const { dependencies, scripts, ...rest } = manifest();
    expect(Object.keys(dependencies)).toEqual(['webgpu']);
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
    expect(rest.private).toBeUndefined();
  });

  test('tells its version and its commands, and a slip from a command', async () => {
    expect((await alttrain('--version')).stdout.trim()).toBe(manifest().version);
    const help = await alttrain('help');
    for (const name of [
      'start',
      'train',
      'inspect',
      'build-dataset',
      'generate',
      'evaluate',
      'export',
      'bench',
    ])
      expect(help.stdout).toContain(`  ${name} `);
    const slip = await alttrain('trian', '--model', 'demo');
    expect(slip.exitCode).toBe(2);
    expect(slip.stderr).toContain('"trian" is no command of alttrain-web. Did you mean train?');
    const topic = await alttrain('help', 'train');
    expect(topic.stdout).toMatch(/^npx alttrain-web train --model/);
    expect(topic.stdout).not.toContain('npm run');
  });

  test('shows the rows of a file as the demo sees them, from a path beside it', async () => {
    writeFiles(folder, { 'rows.jsonl': '{"prompt":"What is 1 plus 1?","completion":"2."}\n' });
    const shown = await alttrain('inspect', '--model', 'demo', '--dataset', 'rows.jsonl', '--json');
    expect(shown.exitCode, shown.stderr).toBe(0);
    expect(JSON.parse(shown.stdout.split('\n')[0])).toMatchObject({ line: 1, dropped: null });
  });

  test('says what is missing where a browser is asked for and what drives it is not installed', async () => {
    const refused = await alttrain(
      'train',
      '--model',
      'demo',
      '--out',
      'unused',
      '--host',
      'browser',
      '--json',
    );
    expect(refused.exitCode).not.toBe(0);
    expect(lastJson(refused)).toMatchObject({ ok: false, code: 'webgpu-unavailable' });
    expect(refused.stderr).toContain('npm install playwright-core, or --host node');
    const bench = await alttrain('bench', 'step', '--host', 'browser');
    expect(bench.exitCode).toBe(2);
    expect(bench.stderr).toContain("The benchmark's page is no part of the package");
  });

  test.skipIf(!hasNodeDriver)('trains in Node', async () => {
    chooseHost('node'); // sets the software driver in the environment where there is no card
    const few = { max_steps: 2, suite_prompts: 0, sample_steps: 0, max_length: 64 };
    const settings = Object.entries(few).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const args = [
      '--model',
      'demo',
      '--dataset',
      'rows.jsonl',
      '--host',
      'node',
      '--out',
      'runs/first',
      '--json',
    ];
    const trained = await alttrain('train', ...args, ...settings);
    expect(trained.exitCode, trained.stderr).toBe(0);
    expect(lastJson(trained)).toMatchObject({ ok: true, steps: 2 });
    const config = readFileSync(join(folder, 'runs/first/adapter_config.json'), 'utf8');
    expect(JSON.parse(config)).toMatchObject({ peft_type: 'LORA' });
  });
});

test('what the README marks as tested runs there', async () => {
  const blocks = blocksIn(readme).filter(({ isRun, text }) => isRun && text.includes('npx alttrain-web'));
  expect(blocks.length).toBeGreaterThan(0);
  for (const { line, text } of blocks) {
    const ran = await runIn(folder, 'bash', ['-euo', 'pipefail', '-c', text], { npm_config_offline: 'true' });
    expect(ran.exitCode, `README.md, line ${line}: ${ran.stdout}${ran.stderr}`).toBe(0);
  }
  const wrong = await runIn(folder, 'bash', [
    '-euo',
    'pipefail',
    '-c',
    'npx alttrain-web inspect --modle demo',
  ]);
  expect(wrong.exitCode).toBe(2); // the control
});

describe('its types', () => {
  const programs = {
    ...Object.fromEntries(samples.map((text, i) => [`readme-${i}.ts`, text])),
    'page.ts': readFileSync(join(projectRoot, 'examples/train-in-a-page.ts'), 'utf8'),
    'worker.ts': readFileSync(join(projectRoot, 'examples/train-in-a-worker.ts'), 'utf8'),
    'node.ts': readFileSync(join(projectRoot, 'examples/train-in-node.ts'), 'utf8'),
  };
  const wrong = `import { createTrainer } from 'alttrain-web/node';\n(await createTrainer()).openEngines();\n`;

  // Read once for all programs. What a file is read as (CommonJS or not) is of no matter to the compiler's own.
  const ownLibraries = new Map<string, ts.SourceFile | undefined>();

  function faults(files: readonly string[], more: ts.CompilerOptions): string[] {
    const options: ts.CompilerOptions = {
      target: ts.ScriptTarget.ES2023,
      strict: true,
      noEmit: true,
      // once is enough: all declarations are then checked too, so that nothing they name is missing
      skipLibCheck: more.moduleResolution !== ts.ModuleResolutionKind.Bundler,
      skipDefaultLibCheck: true,
      typeRoots: [join(projectRoot, 'node_modules/@types')],
      types: ['node'],
      lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
      ...more,
    };
    const host = ts.createCompilerHost(options);
    const read = host.getSourceFile.bind(host);
    host.getSourceFile = (name, ...rest) => {
      if (!name.includes('/typescript/lib/lib.')) return read(name, ...rest);
      if (!ownLibraries.has(name)) ownLibraries.set(name, read(name, ...rest));
      return ownLibraries.get(name);
    };
    const found = ts.getPreEmitDiagnostics(ts.createProgram([...files], options, host));
    return found.map(
      ({ file, messageText }) =>
        `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  }

  test.each([
    ['bundler', { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
    ['nodenext', { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }],
  ])('resolve under moduleResolution %s, and a wrong call does not', (_, options) => {
    const here = writeFiles(join(folder, 'app'), {
      ...programs,
      'wrong.ts': wrong,
      'package.json': '{"type":"module"}',
    });
    const found = faults(
      [...Object.keys(programs), 'wrong.ts'].map((name) => join(here, name)),
      options,
    );
    expect(found).toEqual([expect.stringMatching(/wrong\.ts: Property 'openEngines' does not exist/)]);
  });
});
