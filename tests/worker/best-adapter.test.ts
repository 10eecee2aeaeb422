// The adapter with the lowest held-out loss, and a run that ends where it falls no more, on a real device.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunResult, TrainerApi, TrainingRequest } from '../../src/api/trainer-api.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import {
  defaultRunConfig,
  requireRunConfig,
  type RawRunConfig,
  type RunConfig,
} from '../../src/config/run-config.ts';
import { browserHost } from '../../src/host/browser/browser-host.ts';
import { createTrainerService } from '../../src/trainer/trainer-service.ts';
import { fixtureUrl } from '../gpu/open.ts';

const folder = 'goldens/tied-gqa';
const nothing = (): void => undefined;

/** A rate so high that the held-out loss soon rises. */
const config = (raw: RawRunConfig = {}): RunConfig =>
  requireRunConfig({
    learning_rate: 5e-2,
    lr_scheduler_type: 'constant',
    max_steps: 30,
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 1,
    r: 4,
    max_length: 96,
    eval_fraction: 0.25,
    eval_steps: 1,
    logging_steps: 4,
    early_stopping_patience: 3,
    load_best_model_at_end: true,
    ...raw,
  });

interface Ran {
  readonly result: RunResult;
  readonly evalLosses: readonly number[];
  readonly rows: readonly number[]; // steps with a mean loss
  readonly notes: readonly string[];
  readonly weights: Uint8Array;
  readonly card: string;
  readonly checkpoint: Blob;
}
async function run(request: TrainingRequest, stopAfter = Infinity): Promise<Ran> {
  const evalLosses: number[] = [];
  const rows: number[] = [];
  const notes: string[] = [];
  const result = await service.startTraining(request, (event) => {
    if (event.kind === 'eval-loss') evalLosses.push(event.loss);
    if (event.kind === 'metrics' && 'loss' in event.row) rows.push(event.row.step);
    if (event.kind === 'phase') notes.push(event.note);
    if (event.kind === 'step' && event.report.step === stopAfter) void service.stop();
  });
  const files = new Map((await service.exportFiles()).map(({ name, bytes }) => [name, bytes]));
  return {
    result,
    evalLosses,
    rows,
    notes,
    weights: files.get('adapter_model.safetensors') ?? new Uint8Array(),
    card: new TextDecoder().decode(files.get('README.md')),
    checkpoint: await service.exportCheckpoint(),
  };
}

let service: TrainerApi;
let whole: Ran;
beforeAll(async () => {
  service = createTrainerService(browserHost(`${location.origin}/`, navigator.gpu));
  const baseUrl = fixtureUrl(`${folder}/model/`);
  await service.loadModel({ kind: 'url', name: 'tied-gqa', baseUrl }, 'none', nothing);
  const file = await (await fetch(fixtureUrl(`${folder}/dataset.jsonl`))).blob();
  const settings = { ...datasetSettings(defaultRunConfig), maxLength: 96 };
  await service.readDataset({ kind: 'file', name: 'dataset.jsonl', file }, settings, nothing);
  whole = await run({ config: config() });
});
afterAll(() => service.destroyDevice());

test('a run ends three evaluations after its lowest held-out loss, finished, and says why', () => {
  const { result, evalLosses, notes, card, rows } = whole;
  const lowest = Math.min(...evalLosses);
  const step = 1 + evalLosses.indexOf(lowest);
  expect(step).toBeGreaterThan(1);
  expect(result).toMatchObject({
    finished: true,
    steps: step + 3,
    best: { step, evalLoss: lowest },
    isBestKept: true,
  });
  expect(result.steps).toBeLessThan(30);
  expect(result.earlyStop).toMatch(/^Stopped early after step \d+ of 30: .*early_stopping_patience/);
  expect(notes.at(-1)).toBe(result.earlyStop);
  expect(card).toContain('this is the adapter of that step');
  expect(rows.at(-1)).toBe(result.steps); // the last steps have a row, whatever logging_steps says
});

test('its adapter is that of a run of as many steps as the best has, to the bit, and not the last', async () => {
  const { step } = whole.result.best!;
  const plain = { early_stopping_patience: 0, load_best_model_at_end: false };
  const short = await run({ config: config({ ...plain, max_steps: step }) });
  expect(whole.weights).toEqual(short.weights);
  const last = await run({ config: config({ ...plain, max_steps: whole.result.steps }) });
  expect(last.weights).not.toEqual(whole.weights);
  expect(last.result).toMatchObject({ best: whole.result.best, isBestKept: false, earlyStop: null });
});

test('resumed at the best step, after it, or when it had ended, it ends the same', async () => {
  const { step } = whole.result.best!;
  for (const at of [step - 1, step, step + 2]) {
    const { checkpoint } = await run({ config: config() }, at);
    const resumed = await run({ config: config(), checkpoint });
    expect(resumed.weights, `resumed after step ${at}`).toEqual(whole.weights);
    expect(resumed.result).toMatchObject({
      steps: whole.result.steps,
      best: whole.result.best,
      isBestKept: true,
      earlyStop: whole.result.earlyStop,
    });
  }
  const again = await run({ config: config(), checkpoint: whole.checkpoint });
  expect(again.result).toMatchObject({ alreadyFinished: true, steps: whole.result.steps, isBestKept: true });
  expect(again.weights).toEqual(whole.weights);
});

test('with more patience a run that had stopped goes on, from its last step and not from its best', async () => {
  const patient = config({ early_stopping_patience: 0, max_steps: whole.result.steps + 2 });
  const resumed = await run({ config: patient, checkpoint: whole.checkpoint });
  const unbroken = await run({ config: patient });
  expect(resumed.result.steps).toBe(whole.result.steps + 2);
  expect(resumed.weights).toEqual(unbroken.weights);
});
