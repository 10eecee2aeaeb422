/**
 * `npm run proof:large-model -- <folder>`: a checkpoint of R1-Distill-Qwen-1.5B's size in this project.
 *
 * 1. What a run at 1,024 tokens, rank 16, nf4, layers recomputed, is planned to take of the GPU.
 * 2. The page opens the folder in nf4 and takes one step and one token: time, memory of the page's process, and the
 *    bytes of the GPU beside the plan.
 * 3. With PYTHON naming a Python that has torch and safetensors: the same kind of step from the command line, its loss
 *    and every gradient beside float64 on the same dequantised weights (check_large_step.py).
 *
 * `npm run make-checkpoint -- --shape r1-1.5b --out <folder>` makes such a folder.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { planMemory } from '../../src/model/memory-plan.ts';
import { parseModelConfig } from '../../src/model/model-config.ts';
import { defaultRunConfig } from '../../src/config/run-config.ts';
import { projectRoot } from '../cli/paths.ts';
import { LIMIT_MS, openLargeModel, rowsFile, seconds } from './large-page.ts';
import { runCommand, runProgram } from './run-command.ts';

const MIB = 2 ** 20;
const DEFAULT_BINDING_BYTES = 128 * MIB; // what every WebGPU adapter has

function printPlan(folder: string): void {
  const model = parseModelConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')));
  const plan = planMemory({
    model,
    format: 'nf4',
    lora: { ...defaultRunConfig, r: 16 },
    size: { rows: 1024, lossRows: 1024, checkpointing: true },
    longest: 1024,
    samples: null,
    maxTensorBytes: DEFAULT_BINDING_BYTES,
  });
  console.log('Planned at 1,024 tokens, rank 16, nf4, layers recomputed, bindings of 128 MiB:');
  console.log(JSON.stringify({ ...plan, totalGB: Number((plan.total / 1e9).toFixed(3)) }));
}

async function throughThePage(folder: string, rows: string): Promise<void> {
  const large = await openLargeModel(folder, rows);
  const { page, start } = large;
  try {
    const settings = {
      'Max steps': '1',
      'Batch size': '1',
      'Gradient accumulation': '1',
      'Max length': '64',
      'Sample every': '1',
      'Sample prompts': 'What is a lamp?',
      'New tokens': '1',
      'Prompts per suite': '0',
      'Rank r': '16',
    };
    await large.fill(settings);
    await page.waitForTimeout(2000); // the plan follows the settings
    const planned = await page.locator('.memory-plan summary').innerText();
    const trained = performance.now();
    await start.click();
    await page.getByRole('status').filter({ hasText: /^done/ }).waitFor({ timeout: LIMIT_MS });
    const held = await page
      .locator('dl div')
      .filter({ has: page.getByText('GPU memory', { exact: true }) })
      .locator('dd')
      .innerText();
    const traces = await page.getByRole('region', { name: 'Sample traces' }).innerText();
    const loss = await page.getByRole('region', { name: 'Loss' }).innerText();
    console.log(`One step of 64 tokens and one token before and after it: ${seconds(trained)}`);
    console.log(`Planned ${planned}; held ${held.replace('\n', ' ')}`);
    console.log(`${loss.replaceAll('\n', ' ')} | ${traces.replaceAll('\n', ' ')}`);
  } finally {
    await large.close();
  }
}

async function besideFloat64(folder: string, work: string, rows: string, python: string): Promise<void> {
  const check = join(projectRoot, 'scripts/proofs/check_large_step.py');
  const adapter = join(work, 'start');
  const out = join(work, 'trained');
  await runProgram(python, [check, 'prepare', folder, adapter]);
  const given = ['--model', folder, '--dataset', rows];
  const settings = [
    'quantization=nf4',
    'max_length=64',
    'max_steps=1',
    'per_device_train_batch_size=1',
    'gradient_accumulation_steps=1',
    'gradient_checkpointing=on',
    'sample_steps=0',
    'suite_prompts=0',
    'learning_rate=1',
    'lr_scheduler_type=constant',
    'warmup_steps=0',
    'weight_decay=0',
    'adam_epsilon=1',
    'max_grad_norm=0',
  ].flatMap((setting) => ['--set', setting]);
  const began = performance.now();
  await runCommand('train', [...given, '--init-adapter', adapter, '--out', out, '--json', ...settings]);
  console.log(`Loaded and one step: ${seconds(began)}`);
  const inspect = join(projectRoot, 'scripts/inspect.ts');
  const args = ['--import', 'tsx', inspect, ...given, '--set', 'max_length=64', '--json'];
  const tokens = join(work, 'tokens.jsonl');
  writeFileSync(tokens, await runProgram(process.execPath, args));
  await runProgram(python, [check, 'check', folder, adapter, out, tokens]);
}

async function main(): Promise<void> {
  const [name] = process.argv.slice(2);
  if (name === undefined)
    throw new Error('Name the folder: npm run proof:large-model -- checkpoints/r1-1.5b');
  const folder = resolve(name);
  const work = mkdtempSync(join(tmpdir(), 'large-model-'));
  const rows = rowsFile(work);
  printPlan(folder);
  await throughThePage(folder, rows);
  const python = process.env['PYTHON'];
  if (python === undefined) console.log('PYTHON is not set: the step was not compared with float64.');
  else await besideFloat64(folder, work, rows, python);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
