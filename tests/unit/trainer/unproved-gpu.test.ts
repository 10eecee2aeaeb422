/** A GPU whose self-test fails computes nothing, whatever is asked for; that it is open by then changes nothing of it. */
import { expect, test } from 'vitest';
import type { TrainerApi, TrainEvent } from '../../../src/api/trainer-api.ts';
import type { Host } from '../../../src/host/host.ts';
import { TrainerError, toWire } from '../../../src/support/trainer-error.ts';
import type { Engine } from '../../../src/trainer/engine.ts';
import type { Model } from '../../../src/trainer/model.ts';
import type { Dataset } from '../../../src/trainer/dataset.ts';
import { Current } from '../../../src/trainer/service/current.ts';
import { evaluationCalls } from '../../../src/trainer/service/evaluations.ts';
import { modelCalls } from '../../../src/trainer/service/models.ts';
import { playgroundCalls } from '../../../src/trainer/service/playground.ts';
import { runCalls } from '../../../src/trainer/service/runs.ts';

/** With a model and a dataset that say so when they are used. */
function opened(proof: () => Promise<void>) {
  const used: string[] = [];
  const tells = (name: string) =>
    new Proxy(
      {},
      {
        get: (_, member) => (): unknown => {
          used.push(`${name}.${String(member)}`);
          return {};
        },
      },
    );
  const current = new Current({ gpu: undefined, gpuAdvice: '' } as unknown as Host);
  const engine = {
    proved: proof,
    isProved: false,
    assertHealthy: () => undefined,
    report: { gpu: 'cardboard' },
  };
  current.trainer.openUnprovedEngine = async () => engine as unknown as Engine;
  current.model = tells('model') as Model;
  current.dataset = tells('dataset') as Dataset;
  const service = {
    ...modelCalls(current),
    ...runCalls(current),
    ...evaluationCalls(current),
    ...playgroundCalls(current),
  } as unknown as TrainerApi;
  return { service, used };
}
const nothing = (): void => undefined;
const anything = {} as never;

const wrong = (): Promise<void> =>
  Promise.reject(new TrainerError('self-test-failed', 'It computes wrong numbers.'));

test.each<[string, (service: TrainerApi) => Promise<unknown>]>([
  ['a run', (service) => service.startTraining({ config: anything }, nothing)],
  ['an estimate', (service) => service.planRun(anything)],
  ['answers', (service) => service.generate(anything)],
  ['a reply', (service) => service.chat(anything, nothing)],
  ['an adapter', (service) => service.loadAdapter(anything)],
  ['an evaluation', (service) => service.startEvaluation(anything, nothing)],
  ['the GPU, proved', (service) => service.openDevice()],
])('%s waits for the self-test, and is refused with it', async (_, ask) => {
  const { service, used } = opened(wrong);
  await expect(service.openDevice(true)).resolves.toEqual({ gpu: 'cardboard' });
  expect(
    await ask(service).then(
      () => 'done',
      (error: unknown) => toWire(error).code,
    ),
  ).toBe('self-test-failed');
  expect(used.filter((call) => call !== 'model.openPlayground' && call !== 'model.release')).toEqual([]);
});

test('a run that is asked for meanwhile says what it waits for, and nothing of it is made before', async () => {
  let pass: () => void = nothing;
  const { service, used } = opened(() => new Promise((resolve) => (pass = resolve)));
  const events: TrainEvent[] = [];
  const run = service.startTraining({ config: { quantization: 'none' } as never }, (event) =>
    events.push(event),
  );
  run.catch(nothing);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(events).toEqual([{ kind: 'phase', phase: 'preparing', note: 'Self-test of the GPU' }]);
  expect(used.filter((call) => call !== 'model.release')).toEqual([]);
  pass();
  await run.catch(nothing);
  expect(events[1]).toMatchObject({ kind: 'phase', phase: 'loading' }); // it goes on
});
