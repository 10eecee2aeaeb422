/** One suite of the benchmark in Node, for `npm run bench -- … --host node`: told to the process that started this one. */
import { noAdapterAdvice, openNodeGpu } from '../../../src/host/node/node-gpu.ts';
import { toWire, TrainerError } from '../../../src/support/trainer-error.ts';
import type { BenchSettings, NodeBenchMessage } from '../protocol.ts';
import { runSuite } from '../suite/run-suite.ts';

const tell = (message: NodeBenchMessage): Promise<void> =>
  new Promise((told) => {
    if (process.send === undefined) throw new Error('started by npm run bench alone');
    process.send(message, () => told());
  });

try {
  const gpu = await openNodeGpu();
  const adapter = (await gpu?.requestAdapter()) ?? null;
  if (adapter === null) throw new TrainerError('webgpu-unavailable', `No GPU was found. ${noAdapterAdvice}`);
  const settings = JSON.parse(process.argv[2] ?? '') as BenchSettings;
  await tell({
    kind: 'report',
    report: await runSuite(settings, (event) => void tell({ kind: 'event', event })),
  });
} catch (error) {
  await tell({ kind: 'error', error: toWire(error) });
}
process.exit(); // Dawn's threads would keep Node alive
