/** Runs the commands as a user does, in their own process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../scripts/cli/paths.ts';
import { finished, type Finished } from '../support/finished.ts';

export type Command =
  | 'push'
  | 'train'
  | 'generate'
  | 'evaluate'
  | 'inspect'
  | 'build-dataset'
  | 'bench'
  | 'export'
  | 'import-run';

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

export function start(
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const script = join(projectRoot, `scripts/${command}.ts`);
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, finished: finished(child) };
}

export function run(
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return start(command, args, env).finished;
}

/** The last line of the output. The whole output is in the error when it is no JSON. */
export function lastJson({ stdout, stderr }: Finished): Record<string, unknown> {
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw new Error(`no JSON line at the end of the output:\n${stdout}\n${stderr}`);
  }
}

export interface MetricsRow {
  readonly step: number;
  readonly loss?: number;
  readonly learning_rate?: number;
  readonly grad_norm?: number;
  readonly target_tokens?: number;
  readonly eval_loss?: number;
  readonly samples?: readonly unknown[];
}

export function metricsOf(out: string): readonly MetricsRow[] {
  const path = join(out, 'metrics.jsonl');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as MetricsRow);
}

/** `--set key=value` for each entry. */
export function settings(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => [
    '--set',
    `${key}=${Array.isArray(value) ? value.join(',') : String(value)}`,
  ]);
}
