// Checkpoints that are broken, cut, or meant to be something else: each a code, before anything is trained, and no GPU memory kept.
import { beforeAll, expect, test } from 'vitest';
import { openSafetensors } from '../../src/adapter/safetensors.ts';
import { bytesSource } from '../../src/support/byte-source.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import type { Gpu } from '../../src/device/open-device.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { fetchedAssets } from '../../src/host/browser/browser-host.ts';
import { openModelFiles } from '../../src/model/model-files.ts';
import { assertHealthyAfterEach, fixtureUrl, openTestDevice } from './open.ts';

type Folder = Map<string, Uint8Array>;
type Json = Record<string, unknown>;
type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openTestDevice();
});
assertHealthyAfterEach(() => gpu);

const sharded = ['1', '2', '3', '4', '5'].map((n) => `model-0000${n}-of-00005.safetensors`);
const small = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];

async function folderOf(name: string, weights: readonly string[]): Promise<Folder> {
  const folder: Folder = new Map();
  for (const file of [...small, ...weights]) {
    const response = await fetch(fixtureUrl(`goldens/${name}/model/${file}`));
    if (!response.ok) throw new Error(`${file}: ${response.status}`);
    folder.set(file, new Uint8Array(await response.arrayBuffer()));
  }
  return folder;
}
const single = () => folderOf('tied-bf16', ['model.safetensors']);

async function load(folder: Folder): Promise<TrainerError | null> {
  const files = [...folder].map(([name, bytes]) => new File([bytes as BlobPart], name));
  const before = gpu.memory.bytes;
  const source = openModelFiles({ kind: 'files', name: 'hostile', files }, fetchedAssets(location.origin));
  try {
    (await loadModel(gpu, source, 'f32', () => undefined)).decoder.dispose();
    return null;
  } catch (error) {
    if (!(error instanceof TrainerError)) throw error;
    expect(gpu.memory.bytes).toBe(before);
    return error;
  }
}

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const json = (folder: Folder, name: string): Json =>
  JSON.parse(new TextDecoder().decode(folder.get(name))) as Json;
const edit = (folder: Folder, name: string, change: (value: Json) => object): Folder =>
  folder.set(name, text(change(json(folder, name))));

/** The weights with another header; the tensors' bytes stay. */
function withHeader(folder: Folder, change: (header: Header) => Header | void): Folder {
  const file = folder.get('model.safetensors') ?? new Uint8Array();
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Header;
  const changed = text(change(header) ?? header);
  const result = new Uint8Array(8 + changed.length + file.length - 8 - length);
  new DataView(result.buffer).setBigUint64(0, BigInt(changed.length), true);
  result.set(changed, 8);
  result.set(file.subarray(8 + length), 8 + changed.length);
  return folder.set('model.safetensors', result);
}
const claimingHeader = (folder: Folder, bytes: bigint): Folder => {
  const file = (folder.get('model.safetensors') ?? new Uint8Array()).slice();
  new DataView(file.buffer).setBigUint64(0, bytes, true);
  return folder.set('model.safetensors', file);
};
/** One 16-bit value of a tensor, from its end. */
async function withValue(folder: Folder, name: string, bits: number): Promise<Folder> {
  const file = (folder.get('model.safetensors') ?? new Uint8Array()).slice();
  const { tensors } = await openSafetensors(bytesSource(file));
  const end = tensors.get(name)?.end ?? Number.NaN;
  new DataView(file.buffer).setUint16(end - 2, bits, true);
  return folder.set('model.safetensors', file);
}
const down = 'model.layers.1.mlp.down_proj.weight';

test('the folders these tests break are good', async () => {
  expect(await load(await single())).toBeNull();
});

test.each<[string, (folder: Folder) => Folder | Promise<Folder>, string]>([
  ['a header longer than the file', (f) => claimingHeader(f, 1_000_000n), 'header claims 1000000 bytes'],
  ['a header of 2^63 bytes', (f) => claimingHeader(f, 2n ** 63n), 'header claims'],
  ['overlapping tensors', (f) => withHeader(f, (h) => void (h[down].data_offsets = [0, 16_000])), 'overlaps'],
  [
    'a tensor outside the file',
    (f) => withHeader(f, (h) => void (h[down].data_offsets = [1e9, 1e9 + 16_000])),
    'outside the file',
  ],
  ['a negative offset', (f) => withHeader(f, (h) => void (h[down].data_offsets = [-4, 15_996])), 'offsets'],
  [
    'a shape that is not its bytes',
    (f) => withHeader(f, (h) => void (h[down].shape = [80, 99])),
    'bytes, but has',
  ],
  [
    'another shape',
    (f) => withHeader(f, (h) => void (h[down].shape = [100, 80])),
    'config.json calls for [80, 100]',
  ],
  ['integers for weights', (f) => withHeader(f, (h) => void (h[down].dtype = 'I16')), 'F32, F16 and BF16'],
  ['an unknown dtype', (f) => withHeader(f, (h) => void (h[down].dtype = 'Q4')), 'is Q4'],
  [
    'a tensor under another name',
    (f) => withHeader(f, ({ [down]: tensor, ...rest }) => ({ ...rest, 'model.strange': tensor })),
    `no tensor "${down}"`,
  ],
  [
    'a file cut short',
    (f) => f.set('model.safetensors', (f.get('model.safetensors') ?? new Uint8Array()).slice(0, -2)),
    'cut off',
  ],
  ['an empty file', (f) => f.set('model.safetensors', new Uint8Array(0)), '0 bytes'],
  [
    'a Git LFS pointer',
    (f) =>
      f.set('model.safetensors', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n')),
    'Git LFS pointer',
  ],
  ['NaN in bf16', (f) => withValue(f, down, 0x7fc0), `"${down}" holds NaN`],
  [
    'infinity in bf16',
    (f) => withValue(f, 'model.norm.weight', 0xff80),
    '"model.norm.weight" holds NaN or infinite',
  ],
  [
    'NaN in f16',
    async (f) => withHeader(await withValue(f, down, 0x7e00), (h) => void (h[down].dtype = 'F16')),
    'NaN',
  ],
  [
    'infinity in f16',
    async (f) => withHeader(await withValue(f, down, 0xfc00), (h) => void (h[down].dtype = 'F16')),
    'infinite',
  ],
  [
    'more tokens than rows',
    (f) => edit(f, 'config.json', (c) => ({ ...c, vocab_size: 380, eos_token_id: 1 })),
    'do not belong together',
  ],
  [
    'the config of a wider model',
    (f) => edit(f, 'config.json', (c) => ({ ...c, hidden_size: 160 })),
    'calls for',
  ],
  [
    'the config of a deeper model',
    (f) => edit(f, 'config.json', (c) => ({ ...c, num_hidden_layers: 3, layer_types: undefined })),
    'model.layers.2',
  ],
  ['a config that is no JSON', (f) => f.set('config.json', new TextEncoder().encode('{')), 'config.json'],
])('%s', async (_, harm, words) => {
  const error = await load(await harm(await single()));
  expect(error?.code).toBe('model-file-invalid');
  expect(error?.message).toContain(words);
});

test('an end token beyond the vocabulary is told and not used, as transformers never meets it', async () => {
  const folder = edit(await single(), 'generation_config.json', (c) => ({ ...c, eos_token_id: [9999] }));
  const files = [...folder].map(([name, bytes]) => new File([bytes as BlobPart], name));
  const source = openModelFiles({ kind: 'files', name: 'hostile', files }, fetchedAssets(location.origin));
  const model = await loadModel(gpu, source, 'f32', () => undefined);
  expect(model.notes.join(' ')).toContain('9999');
  expect(model.tokenizer.eosIds).not.toContain(9999);
  model.decoder.dispose();
});

test('the config of another family is refused by its name', async () => {
  const folder = edit(await single(), 'config.json', (config) => ({ ...config, model_type: 'gemma2' }));
  expect(await load(folder)).toMatchObject({ code: 'model-unsupported' });
});

test.each([
  ['a pickle and nothing else', 'pytorch_model.bin', 'Pickle weights'],
  ['no weights at all', 'README.md', 'neither model.safetensors'],
])('%s', async (_, name, words) => {
  const folder = await single();
  folder.delete('model.safetensors');
  const error = await load(folder.set(name, new Uint8Array([0x80, 2])));
  expect(error?.code).toBe('model-file-missing');
  expect(error?.message).toContain(words);
});

test('a missing shard is named, and an index may not lead out of its folder', async () => {
  const folder = await folderOf('qwen3-untied-sharded', ['model.safetensors.index.json', ...sharded]);
  expect(await load(folder)).toBeNull();
  folder.delete(sharded[2]);
  expect(await load(folder)).toMatchObject({
    code: 'model-file-missing',
    message: expect.stringContaining(sharded[2]) as string,
  });
  edit(folder, 'model.safetensors.index.json', (index) => ({
    ...index,
    weight_map: { a: '../other/model.safetensors' },
  }));
  expect(await load(folder)).toMatchObject({ code: 'model-file-invalid' });
});
