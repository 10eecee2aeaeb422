/**
 * `npm run proof:peft`: an adapter trained here means the same in real PEFT, for each family of models.
 * Trains the demo (Qwen2) and two of the golden checkpoints (Qwen3, Llama) for some steps, answers prompts greedily with
 * the adapter, and lets transformers + PEFT answer the same prompts with the written adapter. Needs Python with torch,
 * transformers and peft; PYTHON names the program.
 * Arguments go to `npm run train`, e.g. `npm run proof:peft -- --set max_steps=100`.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Prompt } from '../../src/api/trainer-api.ts';
import { projectRoot } from '../cli/paths.ts';
import { runCommand, runProgram } from './run-command.ts';

const promptsPerSuite = 5;
const steps = ['--set', 'max_steps=30', '--set', 'suite_prompts=0', '--set', 'sample_steps=0'];

interface Subject {
  readonly folder: string; // of the base model, for Python
  readonly model: readonly string[]; // for the commands
  readonly training: readonly string[];
  readonly prompts: readonly Prompt[];
  readonly maxNewTokens: number;
}

interface Suites {
  readonly suites: readonly { readonly prompts: readonly { readonly prompt: Prompt }[] }[];
}

function demo(): Subject {
  const path = join(projectRoot, 'public/datasets/demo-suites.json');
  const { suites } = JSON.parse(readFileSync(path, 'utf8')) as Suites;
  return {
    folder: join(projectRoot, 'public/models/demo'),
    model: ['--model', 'demo'],
    training: steps,
    prompts: suites.flatMap(({ prompts }) => prompts.slice(0, promptsPerSuite).map(({ prompt }) => prompt)),
    maxNewTokens: 96,
  };
}

/** A checkpoint with random weights: what it answers is noise, but noise that must be the same. */
function golden(name: string): Subject {
  const at = join(projectRoot, 'tests/fixtures/goldens', name);
  const dataset = join(at, 'dataset.jsonl');
  const rows = readFileSync(dataset, 'utf8').trimEnd().split('\n');
  return {
    folder: join(at, 'model'),
    model: ['--model', join(at, 'model')],
    training: [
      ...['--dataset', dataset, ...steps],
      ...['--set', 'learning_rate=5e-3', '--set', 'max_length=96', '--set', 'r=4'],
    ],
    prompts: rows.slice(0, 10).map((row) => (JSON.parse(row) as { instruction: string }).instruction),
    maxNewTokens: 24,
  };
}

async function prove(subject: Subject, python: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'alttrain-peft-'));
  const adapter = join(folder, 'adapter');
  const prompts = join(folder, 'prompts.json');
  const generations = join(folder, 'generations.json');
  writeFileSync(prompts, JSON.stringify(subject.prompts));

  await runCommand('train', [
    ...subject.model,
    ...['--out', adapter],
    ...subject.training,
    ...process.argv.slice(2),
  ]);
  await runCommand('generate', [
    ...[...subject.model, '--adapter', adapter],
    ...['--prompts', prompts, '--out', generations, '--max-new-tokens', String(subject.maxNewTokens)],
  ]);
  const check = join(projectRoot, 'scripts/proofs/check_adapter.py');
  await runProgram(python, [check, subject.folder, adapter, generations]);
  console.log(`The adapter of ${subject.model[1]} gives the same in PEFT. Its files: ${folder}`);
}

async function main(): Promise<void> {
  const python = process.env['PYTHON'] ?? 'python3';
  await runProgram(python, ['-c', 'import torch, transformers, peft']).catch(() => {
    throw new Error(
      `${python} has no torch, transformers and peft: pip install torch transformers peft, or set PYTHON to one that has.`,
    );
  });
  for (const subject of [golden('qwen3-untied-sharded'), golden('llama-tied-rope3'), demo()])
    await prove(subject, python);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
