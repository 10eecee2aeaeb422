/**
 * What the table says that a setting affects, held against trained bytes. One that changes no numbers may change when a run
 * is resumed, and the adapter is that of the unbroken run, bit for bit; one that does is refused, and trains another adapter.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TrainerApi, TrainingRequest } from '../../src/api/trainer-api.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import { affects } from '../../src/config/effects.ts';
import { fieldOf, requireRunConfig, runConfigKeys, type RunConfig } from '../../src/config/run-config.ts';
import { browserHost } from '../../src/host/browser/browser-host.ts';
import { createTrainerService } from '../../src/trainer/trainer-service.ts';
import { fixtureUrl } from '../gpu/open.ts';
import { otherValue } from '../support/other-value.ts';

const folder = 'goldens/tied-gqa';
const nothing = (): void => undefined;
const config = requireRunConfig({
  learning_rate: 5e-3,
  max_steps: 4, // the third rate tells schedules apart
  warmup_steps: 1,
  weight_decay: 0.1,
  per_device_train_batch_size: 2,
  gradient_accumulation_steps: 1,
  eval_fraction: 0.2,
  r: 4,
  lora_dropout: 0.1,
  max_length: 96,
  sample_steps: 2,
  sample_prompts: ['Hi'],
  max_new_tokens: 4,
});

let service: TrainerApi;
let whole: Uint8Array;
let checkpoint: Blob; // after step 2 of 4
let hasHalves: boolean;

beforeAll(async () => {
  const adapter = await navigator.gpu.requestAdapter();
  hasHalves = adapter?.features.has('shader-f16') ?? false;
  service = createTrainerService(browserHost(`${location.origin}/`, navigator.gpu));
  const baseUrl = fixtureUrl(`${folder}/model/`);
  await service.loadModel({ kind: 'url', name: 'tied-gqa', baseUrl }, 'none', nothing);
  const file = await (await fetch(fixtureUrl(`${folder}/dataset.jsonl`))).blob();
  const source = { kind: 'file', name: 'dataset.jsonl', file } as const;
  await service.readDataset(source, datasetSettings(config), nothing);
  whole = await trained({ config });
  await service.startTraining({ config }, (event) => {
    if (event.kind === 'step' && event.report.step === 2) void service.stop();
  });
  checkpoint = await service.exportCheckpoint();
});
afterAll(() => service.destroyDevice());

async function trained(request: TrainingRequest): Promise<Uint8Array> {
  await service.startTraining(request, nothing);
  const files = await service.exportFiles();
  const adapter = files.find(({ name }) => name === 'adapter_model.safetensors');
  if (adapter === undefined) throw new Error('no adapter in the export');
  return adapter.bytes;
}
const resumed = (changed: RunConfig): Promise<Uint8Array | string> =>
  trained({ config: changed, checkpoint }).catch((error: unknown) => {
    if (error instanceof TrainerError) return `${error.code}: ${error.message}`;
    throw error;
  });

test('the run that is resumed as it was has the bytes of the unbroken one', async () => {
  expect(await resumed(config)).toEqual(whole);
});

test.each(runConfigKeys)('%s', async (key) => {
  const changed: RunConfig = { ...config, [key]: otherValue(config, key) };
  const result = await resumed(changed);
  const refused = (what: string): RegExp => new RegExp(`^checkpoint-invalid: .*${what}`);
  if (affects(key, 'numbers')) {
    expect(result).toMatch(refused(`${fieldOf(key).file} was `));
    if (changed.precision === 'f16' && !hasHalves)
      await expect(trained({ config: changed })).rejects.toThrow('precision is f16, but this GPU');
    else expect(await trained({ config: changed })).not.toEqual(whole);
  } else if (affects(key, 'tokens') && typeof result === 'string') {
    expect(result).toMatch(refused('the data are others'));
  } else if (affects(key, 'length')) {
    expect(typeof result).not.toBe('string');
  } else {
    expect(result).toEqual(whole);
  }
});
