/** The page's side: a worker for the cases, with an eye on its silence. */
import { allowOwnWorkers } from '../../../../src/trusted-types.ts';
import type { PageAnswer } from '../in-page.ts';
import type { Outcome } from '../run-case.ts';

const FIRST_LIMIT_MS = 60_000; // loads what it needs
allowOwnWorkers(); // the server's policy is that of the page itself
let seeds: Map<string, Uint8Array> = new Map();
let worker: Worker | null = null;

globalThis.fuzzSeeds = (given) => {
  seeds = new Map(
    given.map(([name, base64]) => [name, Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))]),
  );
};

globalThis.fuzzRange = ({ seed, from, end, limitMs }) =>
  new Promise<PageAnswer>((resolve) => {
    const isNew = worker === null;
    const current = (worker ??= new Worker(new URL('./fuzz.worker.ts', import.meta.url), { type: 'module' }));
    const outcomes: Outcome[] = [];
    const finish = (failed: string | null): void => {
      clearTimeout(timer);
      if (failed !== null) {
        current.terminate();
        worker = null;
      }
      resolve({ outcomes, failed });
    };
    const limited = (ms: number) => setTimeout(() => finish(`hangs: no answer within ${ms / 1000} s`), ms);
    let timer = limited(isNew ? FIRST_LIMIT_MS : limitMs);
    current.onmessage = ({ data }: MessageEvent<Outcome>) => {
      outcomes.push(data);
      if (outcomes.length === end - from) return finish(null);
      clearTimeout(timer);
      timer = limited(limitMs);
    };
    current.onerror = (event) => finish(`crashes: ${event.message}`);
    current.postMessage({ seed, from, end, seeds });
  });
