/** Which GPU Dawn finds, asked in a process of its own, because a broken driver can end the one that loads it. */
import { spawnSync } from 'node:child_process';
import { nodeProgram, startFolder } from './own-commands.ts';
import type { Probed } from './probe-adapter.ts';

export interface ProbeOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** What starts Node, where Node does not start by itself. */
  readonly through?: readonly string[];
}

/** null: there is none. A text: why nothing can be said. */
export function probe({ env = process.env, through = [] }: ProbeOptions = {}): Probed | null | string {
  const [program, ...before] = [...through, process.execPath];
  const args = [...before, ...nodeProgram('probe-adapter')];
  const options = { cwd: startFolder(), encoding: 'utf8', timeout: 120_000, env } as const;
  const { status, stdout, stderr, error } = spawnSync(program, args, options);
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as Probed | null;
  return error?.message ?? stderr.trim().split('\n').slice(0, 3).join(' ');
}
