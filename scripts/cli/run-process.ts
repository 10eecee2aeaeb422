/** Runs a program of node_modules (or node itself) with its output streamed, and waits for its exit code. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './paths.ts';

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** A program that starts Node, with its arguments: a dynamic linker. */
  readonly through?: readonly string[];
  readonly limitMs?: number; // a program that hangs is ended and counts as failed
  /** Shows what it writes when it has ended: two programs at a time would write into each other's lines. */
  readonly holdsOutput?: boolean;
}

/** `script` is a path from the project's root, e.g. "node_modules/vitest/vitest.mjs". */
export function runNode(script: string, args: readonly string[], options: RunOptions = {}): Promise<number> {
  return new Promise((resolve) => {
    const [program, ...before] = [...(options.through ?? []), process.execPath];
    const child = spawn(program, [...before, join(projectRoot, script), ...args], {
      cwd: projectRoot,
      stdio: options.holdsOutput ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...options.env },
    });
    const held: Buffer[] = [];
    for (const output of [child.stdout, child.stderr])
      output?.on('data', (chunk: Buffer) => held.push(chunk));
    const timer =
      options.limitMs === undefined
        ? undefined
        : setTimeout(() => {
            console.error(`${script} ${args.join(' ')} took more than ${options.limitMs} ms: ended.`);
            child.kill('SIGKILL');
          }, options.limitMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      console.error(error.message);
      resolve(1);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (held.length > 0) process.stdout.write(Buffer.concat(held));
      resolve(code ?? 1);
    });
  });
}
