import type { Seeds } from '../kinds.ts';
import { runCase } from '../run-case.ts';

interface Task {
  readonly seed: number;
  readonly from: number;
  readonly end: number;
  readonly seeds: Seeds;
}

globalThis.onmessage = async ({ data: { seed, from, end, seeds } }: MessageEvent<Task>) => {
  for (let number = from; number < end; number++)
    globalThis.postMessage(await runCase({ seed, number }, seeds));
};
