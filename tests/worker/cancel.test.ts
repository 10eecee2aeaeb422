// A worker in an endless loop takes no message: it is ended. The same in Node: tests/unit/client/cancel.test.ts.
import { expect, test } from 'vitest';
import type { ModelSource, TrainerApi } from '../../src/api/trainer-api.ts';
import { startRemoteWorker } from '../../src/client/remote-api.ts';
import { superviseTrainer } from '../../src/client/supervised-trainer.ts';

const model = (name: string): ModelSource => ({ kind: 'files', name, files: [] });
const silent = (): void => undefined;

test('a worker in an endless loop is ended by a cancel, and another one opens what was open', async () => {
  let started = 0;
  const trainer = superviseTrainer(() => {
    started++;
    const worker = new Worker(new URL('./stuck.worker.ts', import.meta.url), { type: 'module' });
    return startRemoteWorker<TrainerApi>('training', worker);
  });
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
  expect(started).toBe(2);
});
