/** The benchmark's page, or, for `?headless`, only what scripts/bench.ts drives. */
import { toWire } from '../../src/support/trainer-error.ts';
import type { Outcome } from '../../src/headless/commands.ts';
import type { BenchEvent, BenchSettings, WorkerReport } from './protocol.ts';
import { startBench } from './runner.ts';

declare global {
  var altTrainBench: ((settings: BenchSettings) => Promise<Outcome<WorkerReport>>) | undefined;
  /** Put there by the script that drives the page. */
  var altTrainBenchEvent: ((event: BenchEvent) => Promise<void>) | undefined;
}

if (new URLSearchParams(location.search).has('headless')) {
  globalThis.altTrainBench = async (settings) => {
    const running = startBench(settings, (event) => void globalThis.altTrainBenchEvent?.(event));
    try {
      return { ok: true, value: await running.report };
    } catch (error) {
      return { ok: false, error: toWire(error), hasStarted: true };
    }
  };
} else {
  const { mountBenchPage } = await import('./page.ts');
  mountBenchPage(document.querySelector('#bench') ?? document.body);
}
