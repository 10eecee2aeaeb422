/** A run bundle's files against the trainer's own: rows, masks, weights, steps, the adapter's first values. `npm run proof:bundle` trains one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPeftAdapter } from '../../../src/adapter/peft.ts';
import { openSafetensors } from '../../../src/adapter/safetensors.ts';
import { requireRunConfig, toRawRunConfig, type RawRunConfig } from '../../../src/config/run-config.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { bundleFiles, bundleKit } from '../../../src/exporters/bundle/bundle.ts';
import { memoryNeeds } from '../../../src/exporters/bundle/memory-table.ts';
import type { ExportFile } from '../../../src/exporters/export-file.ts';
import { nodeHost } from '../../../src/host/node/node-host.ts';
import { initialValues, planAdapter, toModules } from '../../../src/model/adapter.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { createRng } from '../../../src/support/rng.ts';
import { BatchPlan } from '../../../src/trainer/batch-plan.ts';
import { bundleContent, type BundleParts } from '../../../src/trainer/bundle.ts';
import { RowPlan } from '../../../src/trainer/row-plan.ts';
import { dataDigest } from '../../../src/trainer/run-identity.ts';
import { contentOf, fixture, jsonOf, subject } from './fixtures.ts';

const publicFolder = join(import.meta.dirname, '../../../public');
const { assets } = nodeHost({ gpu: undefined, publicFolder, cacheFolder: null });
const model = parseModelConfig(jsonOf(fixture('model/config.json')));

const lengths = [5, 9, 3, 7, 4, 6, 8];
function example(length: number, i: number, weight: number | null = null): TokenizedExample {
  const isTarget = Uint8Array.from({ length }, (_, t) => (t >= 2 ? 1 : 0));
  return {
    line: 10 + i,
    tokens: Int32Array.from({ length }, (_, t) => (7 * i + t) % 50),
    isTarget,
    targetCount: length - 2,
    truncated: false,
    weights: weight === null ? null : Float32Array.from(isTarget, (flag) => flag * weight),
  };
}
const plain = lengths.map((length, i) => example(length, i));

const settings = {
  r: 2,
  per_device_train_batch_size: 2,
  gradient_accumulation_steps: 2,
  num_train_epochs: 2,
};
const partsOf = (raw: RawRunConfig = {}, changes: Partial<BundleParts> = {}): BundleParts => ({
  config: requireRunConfig({ ...settings, ...raw }),
  base: { nameOrPath: 'some/llama', revision: 'abc123' },
  model,
  examples: plain,
  data: { name: 'rows.jsonl', source: { kind: 'hub', id: 'some/data', revision: 'main' } },
  digest: null,
  initAdapter: null,
  startedFrom: null,
  trained: null,
  assets,
  ...changes,
});
const filesOf = async (parts: BundleParts): Promise<ExportFile[]> => bundleFiles(await bundleContent(parts));

const text = async (files: readonly ExportFile[], name: string): Promise<string> =>
  new TextDecoder().decode(await contentOf(files, name));
async function lines<T>(files: readonly ExportFile[], name: string): Promise<T[]> {
  return (await text(files, name))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

interface Row {
  readonly line: number;
  readonly input_ids: readonly number[];
  readonly labels: readonly number[];
  readonly weights?: readonly number[];
}
type Steps = number[][][];

test('every row goes as its ids, and its labels are the ids that are trained', async () => {
  const rows = await lines<Row>(await filesOf(partsOf()), 'data/rows.jsonl');
  expect(rows.map(({ line }) => line)).toEqual([10, 11, 12, 13, 14, 15, 16]);
  expect(rows[2]).toEqual({ line: 12, input_ids: [14, 15, 16], labels: [-100, -100, 16] });
});

test.each([
  ['rows by themselves', {}],
  ['packs', { packing: true, max_length: 12 }],
  ['rows that are held out', { eval_fraction: 0.3, seed: 7 }],
  ['the order of the file, and steps that end within an epoch', { shuffle: false, max_steps: 3 }],
])('the steps are those of the batch plan: %s', async (_, raw) => {
  const parts = partsOf(raw);
  const files = await filesOf(parts);
  const rows = await lines<Row>(files, 'data/rows.jsonl');
  const steps = await lines<Steps>(files, 'data/steps.jsonl');
  const plan = new RowPlan(parts.examples, parts.config);
  const batches = new BatchPlan(plan.units, parts.config);
  expect(steps).toHaveLength(batches.totalSteps);
  const shipped = steps.map((step) => step.map((micro) => micro.flat().map((row) => rows[row].line)));
  const planned = steps.map((_step, i) =>
    batches.window(i).map((micro) => micro.map((row) => parts.examples[row].line)),
  );
  expect(shipped).toEqual(planned);
  const heldOut = plan.split.evaluation.map((row) => parts.examples[row].line);
  if (heldOut.length === 0) expect(files.map(({ name }) => name)).not.toContain('data/held_out.jsonl');
  else expect((await lines<Row>(files, 'data/held_out.jsonl')).map(({ line }) => line)).toEqual(heldOut);
});

test('rows with weights have them, beside rows without', async () => {
  const files = await filesOf(partsOf({}, { examples: [example(4, 0, 0.1), example(3, 1)] }));
  const [first, second] = await lines<Row>(files, 'data/rows.jsonl');
  expect(first?.weights).toEqual([0, 0, Math.fround(0.1), Math.fround(0.1)]);
  expect(second).not.toHaveProperty('weights');
  expect(jsonOf(await contentOf(files, 'config.json'))).toMatchObject({ weighted: true });
  expect(jsonOf(await contentOf(await filesOf(partsOf()), 'config.json'))).toMatchObject({ weighted: false });
});

test('the settings are all there, under the names of transformers, TRL and PEFT', async () => {
  const parts = partsOf({ learning_rate: 3e-4, lora_dropout: 0.05, quantization: 'nf4' });
  const files = await filesOf(parts);
  expect(jsonOf(await contentOf(files, 'config.json'))).toEqual({
    format: 'alttrain-web-bundle-1',
    base_model: {
      name_or_path: 'some/llama',
      revision: 'abc123',
      architecture: {
        model_type: 'llama',
        hidden_size: model.hiddenSize,
        intermediate_size: model.intermediateSize,
        num_hidden_layers: model.layerCount,
        num_attention_heads: model.headCount,
        num_key_value_heads: model.kvHeadCount,
        vocab_size: model.vocabSize,
      },
      head_dim: model.headSize,
    },
    data: {
      name: 'rows.jsonl',
      origin: 'From the hub: hf://datasets/some/data@main.',
      digest: await dataDigest(plain),
    },
    rows: { train: 7, held_out: 0 },
    weighted: false,
    packed: false,
    total_steps: 4,
    steps_per_epoch: 2,
    start: 'fresh values of seed 42',
    run: toRawRunConfig(parts.config),
  });
  const readme = await text(files, 'README.md');
  expect(readme).toContain('hf://datasets/some/data@main');
  expect(readme).toContain('bitsandbytes');
  expect(readme).toContain('Dropout draws other masks');
});

test('the adapter begins with the values of the seed, as PEFT reads them', async () => {
  const parts = partsOf({ seed: 9 });
  const files = await filesOf(parts);
  const { modules } = await readPeftAdapter(
    await text(files, 'start/adapter_config.json'),
    await openSafetensors(bytesSource(await contentOf(files, 'start/adapter_model.safetensors'))),
  );
  const plan = planAdapter(model, parts.config);
  const values = (seed: number) =>
    toModules(plan, parts.config, initialValues(plan, parts.config, createRng(seed)));
  expect(modules).toEqual(values(9));
  expect(modules).not.toEqual(values(10));
  expect(files.map(({ name }) => name)).not.toContain('trained/adapter_model.safetensors');
});

test('what was trained goes beside it', async () => {
  const { modules, settings: its } = await subject();
  const raw = { r: its.r, lora_alpha: its.loraAlpha, use_rslora: true, target_modules: its.targetModules };
  const files = await filesOf(partsOf(raw, { trained: modules }));
  expect(files.map(({ name }) => name)).toContain('trained/adapter_model.safetensors');
  expect(await text(files, 'README.md')).toContain('--from-adapter trained');
  const begun = await filesOf(partsOf(raw, { trained: modules, startedFrom: 'Old one' }));
  expect(jsonOf(await contentOf(begun, 'config.json'))['start']).toContain('Old one');
});

test('data of another run are refused by their digests', async () => {
  const digest = await dataDigest(plain);
  await expect(bundleContent(partsOf({}, { digest }))).resolves.toBeDefined();
  await expect(bundleContent(partsOf({}, { digest, examples: plain.slice(1) }))).rejects.toMatchObject({
    code: 'dataset-unreadable',
    message: expect.stringContaining(digest) as string,
  });
});

test('sizes are told before there are bytes, and are true', async () => {
  for (const file of await filesOf(partsOf({}, { examples: [example(4, 0, 0.1), ...plain] }))) {
    let bytes = 0;
    for await (const chunk of file.chunks()) bytes += chunk.length;
    expect(bytes, file.name).toBe(file.size);
  }
});

test('the demo model goes along, because no hub has it, and no other does', async () => {
  const base = { nameOrPath: 'demo', revision: null };
  const names = async (parts: BundleParts) => (await filesOf(parts)).map(({ name }) => name);
  expect(await names(partsOf({}, { base }))).toContain('model/model.safetensors');
  const others = await names(partsOf());
  expect(others.filter((name) => name.startsWith('model/'))).toEqual([]);
  for (const name of bundleKit) expect(others).toContain(name);
});

test('requirements name one version of each package, and every config its kind of training', () => {
  const kit = (name: string) => readFileSync(join(publicFolder, 'bundle', name), 'utf8');
  const wanted = kit('requirements.txt')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(wanted.map((line) => line.replace(/==[\d.]+$/, ''))).toEqual([
    ...['torch', 'transformers', 'trl', 'peft', 'accelerate', 'datasets', 'safetensors'],
  ]);
  expect(kit('accelerate/fsdp.yaml')).toContain('distributed_type: FSDP');
  expect(kit('accelerate/deepspeed-zero3.yaml')).toContain('zero_stage: 3');
});

test('memory grows with the tokens, and nf4 takes less where a model has layers to speak of', () => {
  const needs = memoryNeeds({ r: 16, targetModules: ['q_proj'], tokens: 1024 });
  expect(needs.map(({ parameters }) => (parameters / 1e9).toFixed(2))).toEqual([
    ...['0.13', '0.60', '1.78', '7.62', '8.03'], // of their model cards, without norms and biases
  ]);
  for (const { bf16Bytes, nf4Bytes } of needs) expect(nf4Bytes).toBeLessThan(bf16Bytes);
  const more = memoryNeeds({ r: 16, targetModules: ['q_proj'], tokens: 2048 });
  expect(more[4].bf16Bytes - needs[4].bf16Bytes).toBe(2 * 1024 * (4096 * 32 + 16 * 4096 + 6 * 14_336));
});
