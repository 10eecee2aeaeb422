/** A suite of the benchmark in a Node process of its own, on Dawn: no browser. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type {
  BenchEvent,
  BenchSettings,
  NodeBenchMessage,
  WorkerReport,
} from '../../tests/bench/protocol.ts';
import { ensureNode } from './build.ts';
import { RunFailure } from './exit.ts';
import { nodeFolder } from './paths.ts';

/** @throws RunFailure with what the suite failed of. */
export async function benchInNode(
  settings: BenchSettings,
  onEvent: (event: BenchEvent) => void,
  say: (line: string) => void,
): Promise<WorkerReport> {
  await ensureNode({ say });
  return new Promise((resolve, reject) => {
    const child = fork(join(nodeFolder, 'bench.js'), [JSON.stringify(settings)], { execArgv: [] });
    child.on('message', (message: NodeBenchMessage) => {
      if (message.kind === 'event') onEvent(message.event);
      else if (message.kind === 'report') resolve(message.report);
      else reject(new RunFailure(message.error, true));
    });
    child.on('error', reject);
    // not "exit", which may come before the last message
    child.on('close', (code, signal) => {
      const message = `The benchmark's process ended without a report (${signal ?? `exit code ${code}`}).`;
      reject(new RunFailure({ code: 'internal', message, detail: null }, true));
    });
  });
}
