/** One of the project's commands in a process of its own; gives the JSON of its last line. */
import { spawn } from 'node:child_process';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { asTyped, nodeArguments, startFolder } from '../cli/own-commands.ts';

type Command = 'build-dataset' | 'train' | 'evaluate' | 'inspect';

/** Its progress goes to the terminal. @throws TrainerError with what it said, when it fails */
export function runScript(command: Command, args: readonly string[]): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...nodeArguments(command), ...args, '--json'], {
      cwd: startFolder(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let last = '';
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = `${rest}${chunk.toString()}`.split('\n');
      rest = lines.pop() ?? '';
      last = lines.findLast((line) => line.startsWith('{')) ?? last; // inspect writes a line per row
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const line = rest.startsWith('{') ? rest : last;
      const value = (line === '' ? {} : JSON.parse(line)) as Record<string, unknown>;
      if (code === 0) return resolve(value);
      const message = typeof value['message'] === 'string' ? value['message'] : `exit code ${code}`;
      reject(new TrainerError('internal', `${asTyped(command)} failed: ${message}`));
    });
  });
}
