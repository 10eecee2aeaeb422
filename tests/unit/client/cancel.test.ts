// The same in Chromium: tests/worker/cancel.test.ts.
import { Worker as Thread } from 'node:worker_threads';
import { afterEach, expect, test } from 'vitest';
import { asWebWorker } from '../../../scripts/cli/node-trainer.ts';
import type { ModelSource, TrainerApi } from '../../../src/api/trainer-api.ts';
import { startRemoteWorker } from '../../../src/client/remote-api.ts';
import { superviseTrainer } from '../../../src/client/supervised-trainer.ts';

const threads: Thread[] = [];
afterEach(() => Promise.all(threads.splice(0).map((thread) => thread.terminate())));

const open = (): TrainerApi =>
  superviseTrainer(() => {
    const thread = new Thread(new URL('./stuck-thread.mjs', import.meta.url));
    threads.push(thread);
    return startRemoteWorker<TrainerApi>('training', asWebWorker(thread));
  });
const model = (name: string): ModelSource => ({ kind: 'files', name, files: [] });
const silent = (): void => undefined;

test('a thread in an endless loop is ended by a cancel, and another one opens what was open', async () => {
  const trainer = open();
  expect(await trainer.loadModel(model('good'), 'none', silent)).toEqual({ name: 'good' });
  const outcome = expect(trainer.loadModel(model('endless'), 'none', silent)).rejects.toMatchObject({
    name: 'TrainerError',
    code: 'cancelled',
  });
  const start = performance.now();
  await trainer.cancelLoading();
  expect(performance.now() - start).toBeLessThan(5_000); // 1 s, on a machine that does nothing else
  await outcome;
  expect(await trainer.loadModel(model('another'), 'none', silent)).toEqual({ name: 'another' });
  expect(threads).toHaveLength(2);
});

test('a thread that takes the cancel is left alone', async () => {
  const trainer = open();
  await trainer.openDevice();
  await trainer.cancelLoading();
  expect(await trainer.loadModel(model('good'), 'none', silent)).toEqual({ name: 'good' });
  expect(threads).toHaveLength(1);
});
