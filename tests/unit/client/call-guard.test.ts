/** What a page learns of a worker that fails, with the events that browsers give; real workers stand in tests/worker. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isAlive } from '../../../src/api/worker-life.ts';
import { watchWorker } from '../../../src/client/call-guard.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A worker's events, without the worker. */
class Events extends EventTarget {
  terminate(): void {
    this.say('terminated');
  }
  say(data: string): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
}

function watched() {
  const events = new Events();
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const { guard } = watchWorker(events as unknown as Worker, 'training', () => ended, 1000);
  const call = guard(() => new Promise<string>(() => undefined)).catch(
    (error: { code: string }) => error.code,
  );
  const settled = (): Promise<string> =>
    Promise.race([call, vi.advanceTimersByTimeAsync(5000).then(() => 'waiting')]);
  return { events, end, settled };
}

test('a worker that never says anything is given up, so that another can be started', async () => {
  expect(await watched().settled()).toBe('worker-lost');
});

test('one that has said that it lives is waited for as long as it does', async () => {
  const { events, end, settled } = watched();
  events.say(isAlive);
  expect(await settled()).toBe('waiting');
  end();
  expect(await settled()).toBe('worker-lost');
});

test('an answer alone does not say that it can be told when it is gone', async () => {
  const { events, end, settled } = watched();
  events.say('an answer'); // before its lock was granted: to ask for it now would say that it is gone
  end();
  expect(await settled()).toBe('waiting');
});
