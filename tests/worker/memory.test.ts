// The memory of a run: planned before, held after, refused with advice that works, at every weight format.
import { beforeAll, expect, test } from 'vitest';
import type { MemoryReport, TrainerApi } from '../../src/api/trainer-api.ts';
import { toWire } from '../../src/support/trainer-error.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import { requireRunConfig, type RawRunConfig, type RunConfig } from '../../src/config/run-config.ts';
import { browserHost } from '../../src/host/browser/browser-host.ts';
import { createTrainerService } from '../../src/trainer/trainer-service.ts';
import { fixtureUrl } from '../gpu/open.ts';

const goldens = { qwen2: 'tied-gqa', qwen3: 'qwen3-tied-f16' } as const;
const nothing = (): void => undefined;
const config = (raw: RawRunConfig = {}): RunConfig =>
  requireRunConfig({
    max_steps: 2,
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 2,
    r: 4,
    max_length: 96,
    sample_steps: 0,
    ...raw,
  });

let service: TrainerApi;
beforeAll(async () => {
  service = createTrainerService(browserHost(`${location.origin}/`));
  await open('qwen2');
  await readRows(config());
});

async function open(family: keyof typeof goldens): Promise<void> {
  const name = goldens[family];
  const baseUrl = fixtureUrl(`goldens/${name}/model/`);
  await service.loadModel({ kind: 'url', name, baseUrl }, 'none', nothing);
}

async function readRows(settings: RunConfig): Promise<void> {
  const file = await (await fetch(fixtureUrl('goldens/tied-gqa/dataset.jsonl'))).blob();
  const dataset = { kind: 'file', name: 'dataset.jsonl', file } as const;
  await service.readDataset(dataset, datasetSettings(settings), nothing);
}

async function expectHeldAsPlanned(settings: RunConfig): Promise<void> {
  await readRows(settings);
  let held = 0;
  await service.startTraining({ config: settings }, (event) => {
    if (event.kind === 'step') held = event.report.gpuBytes;
  });
  const { plan } = await planned(settings);
  expect(held).toBe(plan.total);
}

async function planned(settings: RunConfig): Promise<MemoryReport> {
  const forecast = await service.planRun(settings);
  if (forecast === null) throw new Error('no plan');
  return forecast.memory;
}

test.each([
  { gradient_checkpointing: 'on' },
  { gradient_checkpointing: 'off' },
  { gradient_checkpointing: 'off', r: 7, lora_dropout: 0.1 },
  { per_device_train_batch_size: 2, packing: true },
  { quantization: 'f16' },
  { quantization: 'int8', target_modules: ['q_proj', 'v_proj'] },
  { quantization: 'nf4', sample_steps: 1, sample_prompts: ['one', 'another prompt'], max_new_tokens: 20 },
  { eval_fraction: 0.3, max_length: 64 },
] as const)('%j: the run holds what was planned, to the byte', async (raw) => {
  await expectHeldAsPlanned(config(raw));
});

test('coded weights change the loss a little, and a run in another format loads the model again', async () => {
  const losses: Record<string, number> = {};
  for (const quantization of ['none', 'f16', 'int8', 'nf4', 'none']) {
    const { lossFirst } = await service.startTraining({ config: config({ quantization }) }, nothing);
    expect(losses[quantization] ?? lossFirst).toBe(lossFirst); // and back again, to the bit
    losses[quantization] = lossFirst;
  }
  const { none, f16, int8, nf4 } = losses;
  expect(Math.abs(f16 - none) / none).toBeLessThan(1e-3);
  expect(Math.abs(int8 - none) / none).toBeLessThan(1e-2);
  expect(Math.abs(nf4 - none) / none).toBeLessThan(0.1);
  expect(new Set([none, f16, int8, nf4]).size).toBe(4);
});

test('a run above the limit is refused before it starts, and every suggestion then runs within it', async () => {
  const whole = await planned(config({ gradient_checkpointing: 'on' }));
  const limit = (whole.plan.total * 0.8) / 1e9;
  const tight = config({ gpu_memory_limit_gb: limit });
  const failure = await service.startTraining({ config: tight }, nothing).catch(toWire);
  expect(failure).toMatchObject({ code: 'gpu-out-of-memory' });
  const report = await planned(tight);
  expect(report.fits).toBe(false);
  expect(report.suggestions.length).toBeGreaterThan(0);
  for (const { settings, total } of report.suggestions) {
    const changed = { ...tight, ...settings };
    expect(total).toBeLessThanOrEqual(limit * 1e9);
    const result = await service.startTraining({ config: changed }, nothing);
    expect(result.gpuBytesPeak).toBeLessThanOrEqual(limit * 1e9);
  }
});

test('activations are kept where memory allows and recomputed where not, and the plan says why', async () => {
  const free = await planned(config({ gradient_checkpointing: 'auto' }));
  expect(free).toMatchObject({ checkpointing: false });
  const kept = free.plan.total;
  const tight = await planned(
    config({ gradient_checkpointing: 'auto', gpu_memory_limit_gb: (kept - 1000) / 1e9 }),
  );
  expect(tight).toMatchObject({ checkpointing: true, fits: true });
  expect(tight.plan.total).toBeLessThan(kept);
  expect(tight.reason).toContain('recomputed');
});

test('a model with norms of queries and keys, and heads wider than the stream, holds what was planned', async () => {
  await open('qwen3');
  for (const gradient_checkpointing of ['on', 'off'] as const)
    await expectHeldAsPlanned(
      config({ gradient_checkpointing, sample_steps: 1, sample_prompts: ['one'], max_new_tokens: 8 }),
    );
  await open('qwen2');
});
