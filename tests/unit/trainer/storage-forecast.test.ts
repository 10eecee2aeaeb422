// What keeping a run takes is held against real files: what is forecast must be enough, and not far too much.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunHead, StoredRecord } from '../../../src/api/stored-runs.ts';
import type { StepReport } from '../../../src/api/trainer-api.ts';
import { defaultRunConfig, type RunConfig } from '../../../src/config/run-config.ts';
import { diskRoomBytes, openDiskFolders } from '../../../src/host/node/disk-folders.ts';
import { planAdapter } from '../../../src/model/adapter.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { RunStore } from '../../../src/runs/run-store.ts';
import { writeCheckpoint } from '../../../src/trainer/checkpoint.ts';
import { nothingYet } from '../../../src/trainer/run-progress.ts';
import { forecastStorage } from '../../../src/trainer/storage-forecast.ts';
import { readFileSync } from 'node:fs';

const model = parseModelConfig(
  JSON.parse(readFileSync('public/models/demo/config.json', 'utf8')) as Record<string, unknown>,
);
const known = { roomFor: () => Promise.resolve({ fits: true, bytes: 1e12 }), refusal: null };
const base = { model, totalSteps: 60, datasetBytes: 0 };

test.each([false, true])(
  'one checkpoint takes what is forecast (with the best adapter: %s)',
  async (loadBestModelAtEnd) => {
    const config: RunConfig = { ...defaultRunConfig, loadBestModelAtEnd };
    const values = new Float32Array(planAdapter(model, config).elementCount);
    const moments = { parameters: values, firstMoment: values, secondMoment: values };
    const best = loadBestModelAtEnd ? { step: 3, evalLoss: 1.5, parameters: values } : null;
    const identity = {
      model: 'demo',
      dataset: 'd',
      data: 'x'.repeat(64),
      weights: 'f32',
      modelConfig: { ...model },
    };
    const file = writeCheckpoint({ step: 5, ...moments, progress: nothingYet, best }, config, identity, 60);
    const { checkpointBytes } = await forecastStorage({ ...base, config }, known);
    expect(checkpointBytes).toBeGreaterThanOrEqual(file.length);
    expect(checkpointBytes).toBeLessThan(file.length + 20_000);
  },
);

test('a journal never takes more than is forecast, and half of it at some time', async () => {
  const root = await mkdtemp(join(tmpdir(), 'alttrain-forecast-'));
  const disk = await openDiskFolders(root);
  const config: RunConfig = { ...defaultRunConfig, sampleSteps: 0, saveSteps: 5 };
  const forecast = await forecastStorage({ ...base, config, datasetBytes: 5000 }, known);
  let most = 0;
  const sizeOf = async (folder: string): Promise<number> => {
    const sizes = (await disk.files(folder)).map(async (file) => (await disk.sizeOf(folder, file)) ?? 0);
    return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
  };
  const runs = new RunStore({
    ...disk,
    write: async (folder, file, bytes) => {
      await disk.write(folder, file, bytes);
      most = Math.max(most, await sizeOf(folder));
    },
  });
  const log = await runs.create({} as RunHead);
  for (let step = 1; step <= 60; step++) {
    const report = {
      step,
      loss: Math.PI,
      gradNorm: Math.E,
      learningRate: 1e-4 / 3,
      tokensPerSecond: 1000 / 7,
    };
    log.add({ kind: 'step', report: report as StepReport } satisfies StoredRecord);
    if (step % 5 !== 0) continue;
    const bytes = new Uint8Array(forecast.checkpointBytes);
    await log.save({ checkpoint: { step, bytes }, dataset: () => Promise.resolve(new Uint8Array(5000)) });
  }
  await log.close();
  await rm(root, { recursive: true });
  expect(most).toBeLessThanOrEqual(forecast.neededBytes);
  expect(most).toBeGreaterThan(forecast.neededBytes / 2);
});

test('more steps, traces, a larger rank and a data file take more; and just that is asked of the host', async () => {
  const needed = async (changes: Partial<RunConfig>, more: Partial<typeof base> = {}): Promise<number> => {
    const config = { ...defaultRunConfig, sampleSteps: 0, ...changes };
    return (await forecastStorage({ ...base, ...more, config }, known)).neededBytes;
  };
  const plain = await needed({});
  expect(await needed({ r: 64 })).toBeGreaterThan(2 * plain);
  expect(await needed({ sampleSteps: 1, samplePrompts: ['a', 'b'] })).toBeGreaterThan(plain);
  expect(await needed({}, { totalSteps: 6000 })).toBeGreaterThan(plain + 1e6);
  expect(await needed({}, { datasetBytes: 777 })).toBe(plain + 777);
  const config = { ...defaultRunConfig, sampleSteps: 0 };
  const asked: number[] = [];
  const roomFor = (bytes: number) => {
    asked.push(bytes);
    return Promise.resolve({ fits: false, bytes: 5 });
  };
  expect(await forecastStorage({ ...base, config }, { roomFor, refusal: null })).toMatchObject({
    fits: false,
    roomBytes: 5,
  });
  expect(asked).toEqual([plain]);
  const refusal = 'There is no storage.';
  expect(await forecastStorage({ ...base, config }, { roomFor, refusal })).toMatchObject({ refusal });
  expect(asked).toHaveLength(1);
});

test('the disk of a folder that is not there yet is that of the folder above', async () => {
  const room = await diskRoomBytes(join(tmpdir(), 'no', 'such', 'folder'));
  expect(room).toBeGreaterThan(0);
});
