/**
 * `npm run proof:peft`: an adapter trained here means the same in real PEFT.
 * Trains the demo for some steps, answers prompts greedily with the adapter, and lets transformers + PEFT answer the
 * same prompts with the written adapter. Needs Python with torch, transformers and peft; PYTHON names the program.
 * Arguments go to `npm run train`, e.g. `npm run proof:peft -- --set max_steps=100`.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../cli/paths.ts';
import { runCommand, runProgram } from './run-command.ts';

const promptsPerSuite = 5;
const maxNewTokens = 96;

interface Suites {
  readonly suites: readonly { readonly prompts: readonly { readonly prompt: string }[] }[];
}

function choosePrompts(): readonly string[] {
  const path = join(projectRoot, 'public/datasets/demo-suites.json');
  const { suites } = JSON.parse(readFileSync(path, 'utf8')) as Suites;
  return suites.flatMap(({ prompts }) => prompts.slice(0, promptsPerSuite).map(({ prompt }) => prompt));
}

async function main(): Promise<void> {
  const python = process.env['PYTHON'] ?? 'python3';
  await runProgram(python, ['-c', 'import torch, transformers, peft']).catch(() => {
    throw new Error(
      `${python} has no torch, transformers and peft: pip install torch transformers peft, or set PYTHON to one that has.`,
    );
  });
  const folder = mkdtempSync(join(tmpdir(), 'alttrain-peft-'));
  const adapter = join(folder, 'adapter');
  const prompts = join(folder, 'prompts.json');
  const generations = join(folder, 'generations.json');
  writeFileSync(prompts, JSON.stringify(choosePrompts()));

  const quick = ['--set', 'max_steps=30', '--set', 'suite_prompts=0', '--set', 'sample_steps=0'];
  await runCommand('train', ['--model', 'demo', '--out', adapter, ...quick, ...process.argv.slice(2)]);
  await runCommand('generate', [
    ...['--model', 'demo', '--adapter', adapter],
    ...['--prompts', prompts, '--out', generations, '--max-new-tokens', String(maxNewTokens)],
  ]);
  const check = join(projectRoot, 'scripts/proofs/check_adapter.py');
  await runProgram(python, [check, join(projectRoot, 'public/models/demo'), adapter, generations]);
  console.log(`The adapter gives the same in PEFT. Its files: ${folder}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
