/** Starts the benchmark's worker and ends it: the one way in for the page and for the script that drives it. */
import * as comlink from 'comlink';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { installErrorTransport } from '../../src/api/trainer-transport.ts';
import type { BenchEvent, BenchSettings, BenchWorkerApi, WorkerReport } from './protocol.ts';

export interface Running {
  readonly report: Promise<WorkerReport>;
  /** Ends the worker at once, whatever it is doing; `report` rejects with "cancelled". */
  cancel(): void;
}

export function startBench(settings: BenchSettings, onEvent: (event: BenchEvent) => void): Running {
  installErrorTransport();
  const worker = new Worker(new URL('./bench.worker.ts', import.meta.url), { type: 'module' });
  const remote = comlink.wrap<BenchWorkerApi>(worker);
  let end: (error: TrainerError) => void = () => undefined;
  const ended = new Promise<never>((_, reject) => {
    end = reject;
  });
  worker.addEventListener('error', ({ message, filename, lineno }) =>
    end(
      new TrainerError(
        'internal',
        `The benchmark's worker failed: ${message || 'its script could not be loaded'}. Reload the page.`,
        filename === '' ? null : `${filename}:${lineno}`,
      ),
    ),
  );
  const report = Promise.race([remote.run(settings, comlink.proxy(onEvent)), ended]).finally(() =>
    worker.terminate(),
  );
  return {
    report,
    cancel: () => end(new TrainerError('cancelled', 'The benchmark was cancelled.')),
  };
}
