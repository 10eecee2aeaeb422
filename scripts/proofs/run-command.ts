/** The project's own commands, run as a user runs them; their progress goes to the terminal, their output comes back. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../cli/paths.ts';

/** @throws when the command fails; it has said why by then. */
export function runCommand(
  command: 'train' | 'generate' | 'inspect' | 'export',
  args: readonly string[],
  options: { readonly isQuiet?: boolean } = {},
): Promise<string> {
  const script = join(projectRoot, `scripts/${command}.ts`);
  return runProgram(process.execPath, ['--import', 'tsx', script, ...args], options);
}

export function runProgram(
  program: string,
  args: readonly string[],
  { isQuiet = false } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: projectRoot, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!isQuiet) process.stdout.write(chunk);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${[program, ...args].join(' ')} ended with exit code ${code}`));
    });
  });
}

export function lastLineAsJson<T>(output: string): T {
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as T;
}
