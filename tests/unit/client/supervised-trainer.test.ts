/** What the supervisor asks of its workers when they are lost; with real workers in tests/worker and tests/app. */
import { expect, test } from 'vitest';
import type { RunResult, TrainerApi, TrainEvent, TrainingRequest } from '../../../src/api/trainer-api.ts';
import type { RemoteWorker } from '../../../src/client/remote-api.ts';
import { superviseTrainer } from '../../../src/client/supervised-trainer.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { TrainerError, type ErrorCode } from '../../../src/support/trainer-error.ts';

const config = defaultRunConfig;
const nothing = (): void => undefined;

type Training = (
  request: TrainingRequest,
  onEvent: (event: TrainEvent) => void,
) => Promise<RunResult> | RunResult;

/** Workers one after the other, each training as its script says; what they are asked is noted. */
function workers(scripts: readonly Training[], runId: string | null = 'r1') {
  const asked: string[] = [];
  const requests: TrainingRequest[] = [];
  let count = 0;
  const start = (): RemoteWorker<TrainerApi> => {
    const number = count++;
    const note =
      (what: string, answer: unknown = undefined) =>
      (): Promise<unknown> => {
        asked.push(`${number} ${what}`);
        return Promise.resolve(answer);
      };
    const api = {
      openDevice: note('openDevice'),
      loadModel: note('loadModel'),
      readDataset: note('readDataset'),
      stop: note('stop'),
      exportStoredRun: note('exportStoredRun', new Blob(['stored'])),
      exportZip: note('exportZip', new Blob(['zip'])),
      exportCheckpoint: note('exportCheckpoint', new Blob(['checkpoint'])),
      startTraining: async (request: TrainingRequest, onEvent: (event: TrainEvent) => void) => {
        asked.push(`${number} startTraining`);
        requests.push(request);
        onEvent({ kind: 'run', id: runId, step: 0, rowsFrom: 1 });
        return scripts[number](request, onEvent);
      },
    };
    return { api: api as unknown as TrainerApi, end: () => void asked.push(`${number} end`) };
  };
  return { start, asked, requests };
}
const lose =
  (code: ErrorCode = 'device-lost', steps: readonly number[] = []): Training =>
  (_, onEvent) => {
    for (const step of steps) onEvent({ kind: 'step', report: { step } } as TrainEvent);
    throw new TrainerError(code, 'Gone.');
  };
const result = { finished: true } as RunResult;
const finish: Training = () => result;

async function opened(scripts: readonly Training[], runId: string | null = 'r1') {
  const made = workers(scripts, runId);
  const api = superviseTrainer(made.start);
  await api.loadModel({ kind: 'demo' }, 'none', nothing);
  await api.readDataset({ kind: 'builtin', name: 'd' }, config, nothing);
  return { api, ...made };
}

test('a lost run goes on in a new worker with everything open that was', async () => {
  const { api, asked, requests } = await opened([lose(), finish]);
  expect(await api.startTraining({ config, allowChanges: true }, nothing)).toBe(result);
  expect(asked.slice(2)).toEqual([
    '0 startTraining',
    '0 end',
    '1 openDevice',
    '1 loadModel',
    '1 readDataset',
    '1 startTraining',
  ]);
  expect(requests[1]).toEqual({ config, allowChanges: true, runId: 'r1' });
});

test('the fourth loss in a row ends it; the adapter is that of the store', async () => {
  const { api, asked } = await opened([lose(), lose(), lose(), lose(), finish]);
  await expect(api.startTraining({ config }, nothing)).rejects.toMatchObject({
    code: 'device-lost',
    message: expect.stringContaining('failure 4 in a row before the first step') as string,
  });
  expect(await (await api.exportZip()).text()).toBe('stored');
  expect(asked.at(-1)).toBe('4 exportStoredRun');
});

test('a failure is told when nothing is done about it, and not before', async () => {
  const failing =
    (code: ErrorCode): Training =>
    (request, onEvent) => {
      onEvent({ kind: 'phase', phase: 'failed', note: code });
      return lose(code)(request, onEvent);
    };
  const told: string[] = [];
  const { api } = await opened([failing('device-lost'), failing('config-invalid'), finish]);
  const run = api.startTraining({ config }, (event) => {
    if (event.kind === 'phase') told.push(`${event.phase}: ${event.note}`);
  });
  await expect(run).rejects.toMatchObject({ code: 'config-invalid' });
  expect(told).toEqual([expect.stringMatching(/^recovering: Gone/), 'failed: config-invalid']);
});

test('a step that was never reached before is a new beginning', async () => {
  const losses = [1, 2, 3, 4, 5, 6].map((step) => lose('worker-lost', [step]));
  const { api } = await opened([...losses, finish]);
  expect(await api.startTraining({ config }, nothing)).toBe(result);
});

test('steps that are only taken again are none', async () => {
  const losses = [1, 2, 3, 4].map(() => lose('worker-lost', [1, 2]));
  const { api } = await opened([...losses, finish]);
  await expect(api.startTraining({ config }, nothing)).rejects.toMatchObject({
    message: expect.stringContaining('after step 2') as string,
  });
});

test('a run that was lost before anything of it was written begins anew', async () => {
  const { api, requests } = await opened([lose('worker-lost'), lose('run-not-found'), finish]);
  await expect(api.startTraining({ config }, nothing)).rejects.toMatchObject({ code: 'run-not-found' });
  expect(requests.map(({ runId }) => runId)).toEqual([undefined, 'r1', undefined]);
});

test('what is no loss ends the run at once', async () => {
  const { api, asked } = await opened([lose('gpu-out-of-memory'), finish]);
  await expect(api.startTraining({ config }, nothing)).rejects.toMatchObject({ code: 'gpu-out-of-memory' });
  expect(asked.filter((line) => line.startsWith('1'))).toEqual([]);
});

test('a run that is stopped is not taken up again', async () => {
  const { api } = await opened([
    () => {
      void api.stop();
      throw new TrainerError('device-lost', 'Gone.');
    },
    finish,
  ]);
  await expect(api.startTraining({ config }, nothing)).rejects.toMatchObject({ code: 'device-lost' });
});

test('a run that is not kept goes on from what the worker still holds', async () => {
  const { api, requests } = await opened([lose(), finish], null);
  await api.startTraining({ config, isKept: false }, nothing);
  expect(await requests[1].checkpoint?.text()).toBe('checkpoint');
  expect(requests[1].runId).toBeUndefined();
});

test('a run told to go on with a stored one still does when its first worker is lost before the start', async () => {
  const made = workers([lose('worker-lost'), finish]);
  const api = superviseTrainer(made.start);
  await api.startTraining({ config, runId: 'r1' }, nothing);
  expect(made.requests.map(({ runId }) => runId)).toEqual(['r1', 'r1']);
});

test.each(['device-lost', 'nothing-to-export'] as const)(
  'what a finished run has left is fetched from the store where its worker answers %s',
  async (code) => {
    const { start } = workers([finish, finish]);
    const api = superviseTrainer(() => {
      const worker = start();
      const exportZip = (): Promise<Blob> => Promise.reject(new TrainerError(code, 'Gone.'));
      return { ...worker, api: { ...worker.api, exportZip } };
    });
    await api.startTraining({ config }, nothing);
    expect(await (await api.exportZip()).text()).toBe('stored');
  },
);

test('of a run that is not kept, nothing else can be given than what its worker has', async () => {
  const { start } = workers([finish], null);
  const api = superviseTrainer(() => {
    const worker = start();
    const exportZip = (): Promise<Blob> => Promise.reject(new TrainerError('device-lost', 'Gone.'));
    return { ...worker, api: { ...worker.api, exportZip } };
  });
  await api.startTraining({ config }, nothing);
  await expect(api.exportZip()).rejects.toMatchObject({ code: 'device-lost' });
});

test('a run that is lost before it has begun is begun again, not the one that its worker still holds', async () => {
  const made = workers([finish, finish]);
  let calls = 0;
  const api = superviseTrainer(() => {
    const worker = made.start();
    const startTraining: TrainerApi['startTraining'] = (request, onEvent) => {
      calls++;
      // The first worker trains a run, and loses its GPU while it prepares a second one.
      if (calls === 2) return Promise.reject(new TrainerError('device-lost', 'Gone.'));
      return worker.api.startTraining(request, onEvent);
    };
    return { ...worker, api: { ...worker.api, startTraining } };
  });
  await api.startTraining({ config }, nothing);
  const second = { config: { ...config, seed: 2 } };
  await api.startTraining(second, nothing);
  expect(made.requests).toEqual([{ config }, second]);
  expect(made.asked.filter((what) => /export/.test(what))).toEqual([]);
});

test('a run that is kept elsewhere goes on from the checkpoint that was fetched last, where its worker is gone', async () => {
  const gone = (): Promise<never> => Promise.reject(new TrainerError('worker-lost', 'Gone.'));
  let isGone = false;
  const { start, requests } = workers(
    [
      async () => {
        await api.exportCheckpoint();
        isGone = true;
        throw new TrainerError('worker-lost', 'Gone.');
      },
      finish,
    ],
    null,
  );
  const api = superviseTrainer(() => {
    const worker = start();
    const exportCheckpoint: TrainerApi['exportCheckpoint'] = () =>
      isGone ? gone() : worker.api.exportCheckpoint();
    return { ...worker, api: { ...worker.api, exportCheckpoint } };
  });
  const initAdapter = {} as TrainingRequest['initAdapter'];
  await api.startTraining({ config, initAdapter, isKept: false }, nothing);
  expect(await requests[1].checkpoint?.text()).toBe('checkpoint');
  expect(requests[1]).toMatchObject({ isKept: false });
  expect(requests[1].initAdapter).toBeUndefined();
  // Another run knows nothing of it.
  isGone = false;
  await api.startTraining({ config, isKept: false }, nothing).catch(nothing);
  expect(requests[2].checkpoint).toBeUndefined();
});
