/** Elapsed time of a run without its pauses, told once a second while it runs. */
import { signal, type ReadonlySignal } from '@preact/signals';

interface Stopwatch {
  readonly elapsedMs: ReadonlySignal<number>;
  readonly start: () => void; // no effect while it runs
  readonly stop: () => void;
  readonly restart: () => void;
}

export function createStopwatch(): Stopwatch {
  const elapsedMs = signal(0);
  let pastMs = 0;
  let startedAt: number | null = null;
  let timer: ReturnType<typeof setInterval> | null = null;

  const tell = (): void => {
    elapsedMs.value = pastMs + (startedAt === null ? 0 : performance.now() - startedAt);
  };
  const start = (): void => {
    startedAt ??= performance.now();
    timer ??= setInterval(tell, 1000);
  };
  const stop = (): void => {
    tell();
    pastMs = elapsedMs.peek();
    startedAt = null;
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  return {
    elapsedMs,
    start,
    stop,
    restart: () => {
      stop();
      pastMs = 0;
      tell();
      start();
    },
  };
}
