/** The package where npm installs it: an empty folder, the tarball, and what the README says to do then. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { chooseHost } from '../../scripts/cli/choose-host.ts';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { blocksIn } from '../support/doc-commands.ts';
import { hasNodeDriver } from '../support/node-driver.ts';
import { pack, runIn, runSync } from '../support/package.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { lastJson } from '../headless/support.ts';

const folder = tempFolder();
const rows = [1, 2, 3, 4, 5, 6].map((n) =>
  JSON.stringify({ prompt: `What is ${n} plus ${n}?`, completion: `${2 * n}.` }),
);
const env = { ALTTRAIN_CACHE: join(folder, 'cache') };

beforeAll(async () => {
  const { tarball } = await pack(tempFolder());
  expect(readdirSync(folder)).toEqual([]);
  runSync('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], folder);
}, 600_000);

test('npm installs the package, Dawn and what drives a browser, and little else', () => {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>;
  };
  const { packages } = lock;
  expect(Object.keys(packages)).toEqual(
    expect.arrayContaining([
      'node_modules/alttrain-web',
      'node_modules/webgpu',
      'node_modules/playwright-core',
    ]),
  );
  expect(Object.keys(packages).length).toBeLessThan(10);
  expect(packages['node_modules/alttrain-web'].hasInstallScript).toBeUndefined();
});

test.skipIf(!hasNodeDriver)('the demo is trained by npx, in Node', async () => {
  chooseHost('node'); // sets the software driver in the environment where there is no card
  const few = { max_steps: 2, suite_prompts: 0, sample_steps: 0 };
  const settings = Object.entries(few).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const args = ['alttrain-web', 'train', '--model', 'demo', '--host', 'node', '--out', 'runs/demo', '--json'];
  const trained = await runIn(folder, 'npx', [...args, ...settings], env);
  expect(trained.exitCode, trained.stderr).toBe(0);
  expect(lastJson(trained)).toMatchObject({ ok: true, model: 'demo', steps: 2, rows: 1000 });
  expect(readdirSync(join(folder, 'runs/demo'))).toContain('adapter_model.safetensors');
  const exported = await runIn(
    folder,
    'npx',
    ['alttrain-web', 'export', '--run', 'runs/demo', '--format', 'gguf', '--out', 'out'],
    env,
  );
  expect(exported.exitCode, exported.stderr).toBe(0);
});

test.skipIf(!hasNodeDriver)('the README’s sample of the library trains in it as it stands', async () => {
  chooseHost('node');
  const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
  const [sample] = blocksIn(readme).filter(({ language }) => language === 'ts');
  writeFiles(folder, { 'rows.jsonl': rows.join('\n'), 'sample.mjs': sample.text });
  const ran = await runIn(folder, process.execPath, ['sample.mjs'], env);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stdout).toMatch(/^step 1: loss \d\.\d{4}\nstep 2: loss \d\.\d{4}\nstep 3: loss \d\.\d{4}\n$/m);
  expect(readdirSync(folder)).toContain('adapter_config.json');
});
