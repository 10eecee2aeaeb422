/** `alttrain-web/node`, as a program uses it: the documented example runs, beside the command line on the same rows. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseHost } from '../../scripts/cli/choose-host.ts';
import { ensureNode } from '../../scripts/cli/build.ts';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { hasNodeDriver } from '../support/node-driver.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { run } from '../headless/support.ts';
import { finished, type Finished } from '../support/finished.ts';

const rows = [1, 2, 3, 4, 5, 6].map((n) =>
  JSON.stringify({ prompt: `What is ${n} plus ${n}?`, completion: `${2 * n}.` }),
);

function runNode(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Finished> {
  const child = spawn(process.execPath, args, {
    cwd: projectRoot,
    env: { ...process.env, ...env },
  });
  return finished(child);
}

test.skipIf(!hasNodeDriver)('the example gives the adapter that the command line gives', async () => {
  await ensureNode({ say: () => undefined });
  chooseHost('node'); // sets the software driver in the environment where there is no card
  const folder = writeFiles(tempFolder(), { 'sums.jsonl': rows.join('\n') });
  const [file, out, other] = ['sums.jsonl', 'adapter', 'other'].map((name) => join(folder, name));
  const env = { ALTTRAIN_CACHE: join(folder, 'cache') };
  const example = await runNode(['--import', 'tsx', 'examples/train-in-node.ts', file, out], env);
  expect(example.exitCode, example.stderr).toBe(0);
  expect(example.stdout).toMatch(/step 1: loss \d\.\d{4}\nstep 2: loss \d\.\d{4}\nstep 3: loss \d\.\d{4}\n$/);
  // All settings of the example's: the command has defaults of its own for the demo.
  const same = ['--config', join(out, 'run_config.json')];
  const args = ['--model', 'demo', '--dataset', file, '--host', 'node', '--out', other, ...same];
  const command = await run('train', args, env);
  expect(command.exitCode, command.stderr).toBe(0);
  expect(readdirSync(out)).toContain('adapter_config.json');
  const [here, there] = [out, other].map((path) => readFileSync(join(path, 'adapter_model.safetensors')));
  expect(here.equals(there)).toBe(true);
  // the control: another seed gives another
  const another = await run('train', [...args, '--overwrite', '--set', 'seed=7'], env);
  expect(another.exitCode, another.stderr).toBe(0);
  expect(readFileSync(join(other, 'adapter_model.safetensors')).equals(here)).toBe(false);
});

test.skipIf(!hasNodeDriver)('a folder is opened by its path, and an adapter says so', async () => {
  await ensureNode({ say: () => undefined });
  chooseHost('node');
  const folder = writeFiles(tempFolder(), { 'sums.jsonl': rows.join('\n') });
  const model = join(projectRoot, 'tests/fixtures/goldens/tied-gqa/model');
  const program = `
    import { createTrainer, datasetFile, modelFolder, requireRunConfig } from 'alttrain-web/node';
    const [, folder, rows] = process.argv;
    const engine = await (await createTrainer({ cacheFolder: null })).openEngine();
    const model = await engine.loadModel(await modelFolder(folder), 'nf4');
    const config = requireRunConfig({ max_steps: 1, sample_steps: 0, quantization: 'nf4' });
    const dataset = await model.readDataset(await datasetFile(rows), config);
    const run = await model.createRun(dataset, { config });
    await run.train(() => undefined);
    const file = (await run.files()).find(({ name }) => name === 'adapter_config.json');
    const { name, quantization } = model.report;
    console.log(JSON.stringify({ name, quantization, rows: dataset.report.usableRows, ...JSON.parse(new TextDecoder().decode(file.bytes)) }));
    process.exit();`;
  const args = ['--input-type=module', '-e', program, model, join(folder, 'sums.jsonl')];
  const finished = await runNode(args, {});
  expect(finished.exitCode, finished.stderr).toBe(0);
  expect(JSON.parse(finished.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
    name: 'model',
    quantization: 'nf4',
    rows: 6,
    base_model_name_or_path: model,
  });
});
