/** Cases in a process of Node that is ended and begun again behind the case that hung or crashed. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './run-case.ts';
import type { Tally } from './tally.ts';

export const LIMIT_MS = 10_000;
export const MAX_RSS_BYTES = 1.5e9;
/** Starting Node, and reading the first case's libraries, is no fault of the case. */
const START_LIMIT_MS = 120_000;

type Message =
  | { readonly ready: true }
  | { readonly begins: number }
  | { readonly outcome: Outcome; readonly rss: number };

export interface Range {
  readonly seed: number;
  readonly from: number;
  readonly end: number;
}

export async function fuzzInNode(
  { seed, from, end }: Range,
  tally: Tally,
  onDone: (number: number) => void,
): Promise<void> {
  for (let next = from; next < end;) {
    const failed = await runChild({ seed, from: next, end }, tally, onDone);
    if (failed === null) return;
    tally.addFault(failed.number, failed.what);
    next = failed.number + 1;
  }
}

function runChild(
  { seed, from, end }: Range,
  tally: Tally,
  onDone: (number: number) => void,
): Promise<{ readonly number: number; readonly what: string } | null> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL('child.ts', import.meta.url)), [seed, from, end].map(String), {
      execArgv: ['--import', 'tsx', '--max-old-space-size=1200'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let number = from;
    let stderr = '';
    let reason: string | null = null;
    const give = (what: string): void => {
      reason = what;
      child.kill('SIGKILL');
    };
    let timer = setTimeout(() => give('it did not start'), START_LIMIT_MS);
    child.stderr?.on('data', (text: Buffer) => (stderr = (stderr + text.toString()).slice(-2_000)));
    child.on('message', (message: Message) => {
      clearTimeout(timer);
      if ('begins' in message) number = message.begins;
      // The first case loads what it needs.
      const limit = number === from ? START_LIMIT_MS : LIMIT_MS;
      timer = setTimeout(() => give(`hangs: no answer within ${limit / 1000} s`), limit);
      if (!('outcome' in message)) return;
      tally.add(message.outcome, message.rss);
      onDone(message.outcome.number);
      if (message.rss > MAX_RSS_BYTES) give(`takes ${Math.round(message.rss / 1e6)} MB`);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (reason === null && code === 0) return resolve(null);
      resolve({ number, what: reason ?? `crashes: ${code ?? signal}\n${stderr}` });
    });
  });
}
