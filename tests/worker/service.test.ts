// The worker's service on a real device: determinism, resume, memory, pause and stop, lost devices, GPU errors.
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSafetensors } from '../../src/adapter/safetensors.ts';
import { bytesSource } from '../../src/support/byte-source.ts';
import type { AdapterFiles, TrainerApi, TrainEvent, TrainingRequest } from '../../src/api/trainer-api.ts';
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
const readSettings = { ...datasetSettings(defaultRunConfig), maxLength: 96 };

const config = (raw: RawRunConfig = {}): RunConfig =>
  requireRunConfig({
    learning_rate: 5e-3,
    max_steps: 6,
    per_device_train_batch_size: 2,
    gradient_accumulation_steps: 2,
    r: 4,
    max_length: 96,
    ...raw,
  });

async function openService(gpu: GPU = navigator.gpu): Promise<TrainerApi> {
  const service = createTrainerService(browserHost(`${location.origin}/`, gpu));
  await service.loadModel(
    { kind: 'url', name: 'tied-gqa', baseUrl: fixtureUrl(`${folder}/model/`) },
    'none',
    nothing,
  );
  const file = await (await fetch(fixtureUrl(`${folder}/dataset.jsonl`))).blob();
  await service.readDataset({ kind: 'file', name: 'dataset.jsonl', file }, readSettings, nothing);
  return service;
}

async function train(
  service: TrainerApi,
  request: TrainingRequest,
  onEvent: (event: TrainEvent) => void = nothing,
): Promise<Uint8Array> {
  await service.startTraining(request, onEvent);
  return weights(service);
}
async function weights(service: TrainerApi): Promise<Uint8Array> {
  const file = (await service.exportFiles()).find(({ name }) => name === 'adapter_model.safetensors');
  if (file === undefined) throw new Error('no weights in the export');
  return file.bytes;
}
beforeAll(() => tf.setBackend('cpu')); // as a page has it that embeds the trainer; its count includes our tensors
const codeOf = async (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'no error',
    (error: { code?: string; message?: string }) => error.code ?? `uncoded: ${error.message}`,
  );

// One worker for all tests, as a visitor has it: run follows run, and a device compiles its kernels once.
let service: TrainerApi;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service.destroyDevice());

describe('same seed', () => {
  test('gives a bit-identical adapter, with shuffle and dropout, and another seed another one', async () => {
    const settings = { lora_dropout: 0.1 };
    const first = await train(service, { config: config(settings) });
    const second = await train(service, { config: config(settings) });
    expect(second).toEqual(first);
    expect(await train(service, { config: config({ ...settings, seed: 43 }) })).not.toEqual(first);
  });

  test('gives the same bytes with and without gradient checkpointing', async () => {
    const first = await train(service, { config: config({ gradient_checkpointing: true }) });
    expect(await train(service, { config: config({ gradient_checkpointing: false }) })).toEqual(first);
  });

  test('a run resumed from a checkpoint equals the uninterrupted one, bit for bit', async () => {
    const whole = await train(service, { config: config({ lora_dropout: 0.1, save_steps: 1 }) });
    const events: TrainEvent[] = [];
    await service.startTraining({ config: config({ lora_dropout: 0.1, save_steps: 1 }) }, (event) => {
      events.push(event);
      if (event.kind === 'step' && event.report.step === 3) void service.stop();
    });
    expect(events.at(-1)).toMatchObject({ kind: 'phase', phase: 'stopped' });
    const checkpoint = await service.exportCheckpoint();
    expect(await weights(service)).not.toEqual(whole);
    expect(
      await train(service, { config: config({ lora_dropout: 0.1, save_steps: 1 }), checkpoint }),
    ).toEqual(whole);
    expect(
      await codeOf(service.startTraining({ config: config({ learning_rate: 1e-4 }), checkpoint }, nothing)),
    ).toBe('checkpoint-invalid');
  });
});

describe('invariances', () => {
  // The base's mean loss over the targets of rows 1–8 and 9–16, in float64 by torch on transformers 5.24's logits. The adapter
  // begins at zero and the first step of a warm-up has the rate 0, so that two steps see the base.
  const baseLosses = [7.19847659613165, 6.6652475666895565];
  const run = async (rows: number, windows: number): Promise<number[]> => {
    const values: number[] = [];
    const settings = { max_steps: 4, shuffle: false, warmup_steps: 1 };
    const batch = { per_device_train_batch_size: rows, gradient_accumulation_steps: windows };
    await service.startTraining({ config: config({ ...settings, ...batch }) }, (event) => {
      if (event.kind === 'step') values.push(event.report.loss, event.report.gradNorm);
    });
    return values;
  };
  let whole: number[];
  beforeAll(async () => {
    whole = await run(8, 1);
  });

  test('a step of eight rows begins with the losses of the base that PyTorch finds, and then trains', () => {
    expect(whole).toHaveLength(8);
    for (const [step, loss] of baseLosses.entries())
      expect(Math.abs(whole[2 * step] / loss - 1)).toBeLessThan(1e-5);
    // rows 17–21: 5.62 for the base
    expect(whole[4]).toBeLessThan(5.6);
  });

  test.each([
    [1, 8],
    [2, 4],
    [4, 2],
  ])('micro-batches of %i rows × %i give the losses and norms of one of eight', async (rows, windows) => {
    const values = await run(rows, windows);
    expect(values).toHaveLength(whole.length);
    for (const [i, value] of values.entries()) expect(Math.abs(value / whole[i] - 1)).toBeLessThan(1e-5);
  });

  test('the last window of an epoch has the rows that are left', async () => {
    const tokens: number[] = [];
    await service.startTraining(
      {
        config: config({
          max_steps: -1,
          num_train_epochs: 2,
          per_device_train_batch_size: 4,
          gradient_accumulation_steps: 4,
          shuffle: false,
        }),
      },
      (event) => {
        if (event.kind === 'step') tokens.push(event.report.targetTokens);
      },
    );
    expect(tokens).toHaveLength(4); // 21 rows: 16 + 5, twice
    expect(tokens.slice(2)).toEqual(tokens.slice(0, 2));
    expect(tokens[1]).toBeLessThan((tokens[0] ?? 0) / 2);
  });
});

test('memory is flat over 50 steps, and the frozen weights do not change', async () => {
  const seen = new Set<string>();
  let steps = 0;
  const ask = {
    prompts: ['What is 3 plus 4?'],
    maxNewTokens: 12,
    temperature: 0,
    seed: 0,
    useAdapter: false,
  };
  const before = await service.generate(ask);
  await service.startTraining({ config: config({ max_steps: 50 }) }, (event) => {
    if (event.kind !== 'step') return;
    steps++;
    const { numTensors, numBytes, numDataBuffers } = tf.memory();
    seen.add(`${numTensors} ${numBytes} ${numDataBuffers} ${event.report.gpuBytes}`);
  });
  expect(steps).toBe(50);
  expect([...seen]).toHaveLength(1);
  expect(Number([...seen][0]?.split(' ')[0])).toBeGreaterThan(30); // the engine's tensors are tfjs's
  expect((await service.generate(ask))[0]?.tokenIds).toEqual(before[0]?.tokenIds);
});

test('a second run, and a second model, leave no tensor behind', async () => {
  await service.startTraining({ config: config() }, nothing);
  const { numTensors, numBytes } = tf.memory();
  await service.startTraining({ config: config() }, nothing);
  await service.loadModel(
    { kind: 'url', name: 'tied-gqa', baseUrl: fixtureUrl(`${folder}/model/`) },
    'none',
    nothing,
  );
  const file = await (await fetch(fixtureUrl(`${folder}/dataset.jsonl`))).blob();
  await service.readDataset({ kind: 'file', name: 'dataset.jsonl', file }, readSettings, nothing);
  await service.startTraining({ config: config() }, nothing);
  expect(tf.memory()).toMatchObject({ numTensors, numBytes });
});

test('pause holds the run between two steps; resume goes on; stop leaves a consistent adapter', async () => {
  const phases: string[] = [];
  let steps = 0;
  let stepsWhenPaused = -1;
  const running = service.startTraining({ config: config({ max_steps: 8 }) }, (event) => {
    if (event.kind === 'step') {
      steps = event.report.step;
      if (steps === 2) void service.pause();
      if (steps === 5) void service.stop();
    }
    if (event.kind === 'phase') phases.push(event.phase);
    if (event.kind === 'phase' && event.phase === 'paused') {
      stepsWhenPaused = steps;
      setTimeout(() => {
        expect(steps).toBe(stepsWhenPaused);
        void service.resume();
      }, 200);
    }
  });
  expect(
    await codeOf(
      service.generate({ prompts: ['x'], maxNewTokens: 1, temperature: 0, seed: 0, useAdapter: false }),
    ),
  ).toBe('busy');
  const result = await running;
  expect(stepsWhenPaused).toBe(2);
  expect(result).toMatchObject({ finished: false, steps: 5 });
  const before = ['preparing', 'preparing', 'preparing']; // memory, time, compiling
  expect(phases).toEqual([...before, 'training', 'paused', 'training', 'stopped']);
  const file = await openSafetensors(bytesSource(await weights(service)));
  const anyB = [...file.tensors.keys()].find((name) => name.includes('lora_B')) ?? '';
  expect((await file.readFloat32(anyB)).some((value) => value !== 0)).toBe(true);
});

test('a pause asked for before the first step, or while held-out rows are evaluated, is said and held', async () => {
  const events: string[] = [];
  const settings = { max_steps: 2, eval_fraction: 0.25, eval_steps: 1 };
  await service.startTraining({ config: config(settings) }, (event) => {
    events.push(event.kind === 'phase' ? event.phase : event.kind);
    if (event.kind === 'phase' && event.phase === 'preparing') queueMicrotask(() => void service.pause());
    if (event.kind === 'eval-loss' && event.step === 1) void service.pause();
    if (event.kind === 'phase' && event.phase === 'paused') void service.resume();
  });
  expect(events.filter((kind) => kind === 'paused')).toHaveLength(2);
  expect(events.indexOf('paused')).toBeLessThan(events.indexOf('step'));
  expect(events.at(-1)).toBe('done');
});

test('an uncaptured GPU error fails the run', async () => {
  let device: GPUDevice | undefined;
  const spied = {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await navigator.gpu.requestAdapter(options);
      const request = adapter?.requestDevice.bind(adapter);
      if (adapter && request) {
        adapter.requestDevice = async (descriptor) => (device = await request(descriptor));
      }
      return adapter;
    },
  } as unknown as GPU;
  const other = await openService(spied);
  const running = other.startTraining({ config: config({ max_steps: 50 }) }, (event) => {
    if (event.kind === 'step' && event.report.step === 2) {
      device?.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE }); // not allowed together
    }
  });
  expect(await codeOf(running)).toBe('gpu-error');
  await other.destroyDevice();
});

test('a learning rate that blows up is said, and the export is the snapshot before', async () => {
  expect(
    await codeOf(
      service.startTraining(
        {
          config: config({
            learning_rate: 1,
            weight_decay: 10,
            max_grad_norm: 0,
            warmup_steps: 0,
            max_steps: 50,
            adam_epsilon: 0,
            save_steps: 1,
          }),
        },
        nothing,
      ),
    ),
  ).toBe('loss-not-finite');
  const file = await openSafetensors(bytesSource(await weights(service)));
  for (const name of file.tensors.keys())
    expect((await file.readFloat32(name)).every(Number.isFinite)).toBe(true);
});

test('evaluation loss is the mean over the targets of the held-out rows, and falls where the adapter learns', async () => {
  const lossesAt = async (learningRate: number): Promise<number[]> => {
    const losses: number[] = [];
    const settings = { learning_rate: learningRate, eval_fraction: 0.25, eval_steps: 3, max_steps: 6 };
    await service.startTraining({ config: config(settings) }, (event) => {
      if (event.kind === 'eval-loss') losses.push(event.loss);
    });
    return losses;
  };
  // Seed 42 holds out lines 2, 5, 7, 9 and 12. torch in float64 on transformers 5.24's logits; the mean of rows' means is 6.963
  const ofBase = 7.118030041621876;
  const untrained = await lossesAt(0);
  expect(untrained).toHaveLength(2);
  for (const loss of untrained) expect(Math.abs(loss / ofBase - 1)).toBeLessThan(1e-5);
  const [third, last] = await lossesAt(5e-3);
  expect(third).toBeLessThan(ofBase - 0.01);
  expect(last).toBeLessThan(third);
});

test('an exported adapter loads again and gives the tokens of the run; the base differs', async () => {
  const adapter = { learning_rate: 2e-2, max_steps: 10 };
  await service.startTraining({ config: config(adapter) }, nothing);
  const ask = {
    prompts: ['What is 3 plus 4?', 'How do I bake a cake?'],
    maxNewTokens: 16,
    temperature: 0,
    seed: 0,
  };
  const trained = await service.generate({ ...ask, useAdapter: true });
  const base = await service.generate({ ...ask, useAdapter: false });
  expect(trained.map(({ tokenIds }) => tokenIds)).not.toEqual(base.map(({ tokenIds }) => tokenIds));
  const files = await service.exportFiles();
  const blob = (name: string): Blob =>
    new Blob([files.find((file) => file.name === name)?.bytes as BlobPart]);
  const source: AdapterFiles = {
    name: 'again',
    config: blob('adapter_config.json'),
    weights: blob('adapter_model.safetensors'),
  };
  await service.loadAdapter(source);
  const again = await service.generate({ ...ask, useAdapter: true });
  expect(again.map(({ tokenIds }) => tokenIds)).toEqual(trained.map(({ tokenIds }) => tokenIds));
});

test("sample traces are asked with the run's system prompt, as its rows are", async () => {
  const [question, systemPrompt] = ['What is 3 plus 4?', 'You count aloud, and you never stop before ten.'];
  const asked: string[] = [];
  const settings = {
    max_steps: 1,
    system_prompt: systemPrompt,
    sample_steps: 1,
    sample_prompts: [question],
    max_new_tokens: 16,
  };
  await service.startTraining({ config: config(settings) }, (event) => {
    if (event.kind === 'samples') asked.push(...event.samples.map(({ base }) => base.text));
  });
  const ask = { maxNewTokens: 16, temperature: 0, seed: 0, useAdapter: false };
  const conversation = [
    { role: 'system', content: systemPrompt },
    { role: 'user', content: question },
  ] as const;
  const [withIt, without] = await service.generate({ ...ask, prompts: [conversation, question] });
  expect(asked).toEqual([withIt.trace.text, withIt.trace.text]);
  expect(without.trace.text).not.toBe(withIt.trace.text);
});

test('what cannot be used is refused with a code, and what was there stays', async () => {
  expect(
    await codeOf(
      service.loadModel({ kind: 'url', name: 'none', baseUrl: fixtureUrl('goldens/none/') }, 'none', nothing),
    ),
  ).toBe('model-file-missing');
  expect(
    await codeOf(
      service.readDataset(
        { kind: 'file', name: 'x.jsonl', file: new Blob(['{"a": 1}\n']) },
        readSettings,
        nothing,
      ),
    ),
  ).toBe('dataset-empty');
  // max_length may be above the model's 512 positions where no row is
  await service.startTraining({ config: config({ max_steps: 1, max_length: 4096 }) }, nothing);
  await service.startTraining({ config: config({ max_steps: 1 }) }, nothing); // model and data of before
  expect((await service.exportFiles()).length).toBe(5);
});

// The last test: after it the worker has no device.
test('a lost device is said, and the last snapshot can still be downloaded', async () => {
  const running = service.startTraining({ config: config({ max_steps: 50, save_steps: 2 }) }, (event) => {
    if (event.kind === 'step' && event.report.step === 5) void service.destroyDevice();
  });
  expect(await codeOf(running)).toBe('device-lost');
  const names = (await service.exportFiles()).map(({ name }) => name);
  expect(names).toEqual([
    'adapter_model.safetensors',
    'adapter_config.json',
    'README.md',
    'metrics.jsonl',
    'run_config.json',
  ]);
  const file = await openSafetensors(bytesSource(await weights(service)));
  const anyB = [...file.tensors.keys()].find((name) => name.includes('lora_B')) ?? '';
  expect((await file.readFloat32(anyB)).some((value) => value !== 0)).toBe(true);
  expect(await codeOf(service.startTraining({ config: config() }, nothing))).toBe('device-lost');
});
