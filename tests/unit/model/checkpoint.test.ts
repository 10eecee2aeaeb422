// Where the tensors of a checkpoint are. References: transformers 5.18, `rename_source_key`, `tie_weights` and
// `get_checkpoint_shard_files`, tried on checkpoints of this shape.
import { describe, expect, test } from 'vitest';
import { writeSafetensors, type TensorToWrite } from '../../../src/adapter/safetensors.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { checkpointTensors, elementCount } from '../../../src/architecture/checkpoint-tensors.ts';
import { openCheckpoint, type Checkpoint } from '../../../src/model/checkpoint.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import type { ModelFiles } from '../../../src/model/model-files.ts';

const shape = {
  model_type: 'qwen3',
  vocab_size: 24,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 4,
};
const tied = parseModelConfig({ ...shape, tie_word_embeddings: true });
const untied = parseModelConfig(shape);
const embedding = 'model.embed_tokens.weight';
const head = 'lm_head.weight';

/** Values that tell tensors apart: the place in the list, and the element. */
const tensors = (config = untied): TensorToWrite[] =>
  checkpointTensors(config).map((tensor, i) => ({
    ...tensor,
    dtype: 'F32',
    data: Float32Array.from({ length: elementCount(tensor) }, (_, k) => i + k / 1000),
  }));
const renamed = (list: readonly TensorToWrite[], change: (name: string) => string): TensorToWrite[] =>
  list.map((tensor) => ({ ...tensor, name: change(tensor.name) }));
const filled = (tensor: TensorToWrite, value: number): TensorToWrite => ({
  ...tensor,
  data: new Float32Array(tensor.data.length).fill(value),
});
const named = (list: readonly TensorToWrite[], name: string): TensorToWrite => {
  const found = list.find((tensor) => tensor.name === name);
  if (found === undefined) throw new RangeError(name);
  return found;
};

function folder(files: Readonly<Record<string, readonly TensorToWrite[] | object>>): ModelFiles {
  return {
    name: 'tiny',
    base: { nameOrPath: 'tiny', revision: null },
    open: (name) => {
      const content = files[name];
      if (content === undefined) return Promise.resolve(null);
      const bytes = Array.isArray(content)
        ? writeSafetensors(content as TensorToWrite[])
        : new TextEncoder().encode(JSON.stringify(content));
      return Promise.resolve(bytesSource(bytes));
    },
  };
}
const single = (list: readonly TensorToWrite[]): ModelFiles => folder({ 'model.safetensors': list });
const firstValue = async ({ lookup }: Checkpoint, name: string): Promise<number> => {
  const found = lookup(name);
  return (await found?.file.readFloat32(found.name, [0, 1]))?.[0] ?? Number.NaN;
};
const problemOf = async (action: Promise<unknown>): Promise<string> => {
  const error: unknown = await action.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof TrainerError) return `${error.code}: ${error.message}`;
  throw new Error(`no refusal, but ${String(error)}`);
};

describe('names', () => {
  test.each<[string, (name: string) => string]>([
    ['as transformers writes them', (name) => name],
    ['of the backbone, without "model."', (name) => name.replace('model.', '')],
    ['with "model." twice', (name) => `model.${name}`],
  ])('%s', async (_, change) => {
    const checkpoint = await openCheckpoint(single(renamed(tensors(tied), change)), tied);
    expect(checkpoint).toMatchObject({ tiedHead: true, notes: [] });
    for (const [i, { name }] of checkpointTensors(tied).entries())
      expect(await firstValue(checkpoint, name)).toBe(i);
  });

  test('of the backbone, spread over shards', async () => {
    const [first, ...others] = renamed(tensors(tied), (name) => name.replace('model.', ''));
    const files = folder({
      'model.safetensors.index.json': {
        weight_map: Object.fromEntries([
          [first.name, 'a.safetensors'],
          ...others.map(({ name }) => [name, 'b.safetensors']),
        ]),
      },
      'a.safetensors': [first],
      'b.safetensors': others,
    });
    expect(await firstValue(await openCheckpoint(files, tied), 'model.norm.weight')).toBe(
      checkpointTensors(tied).length - 1,
    );
  });

  test.each(['base_model.model.', '_orig_mod.', 'module.', 'model.language_model.'])(
    'with the prefix %s are refused, and the prefix is shown',
    async (prefix) => {
      const list = renamed(tensors(tied), (name) => `${prefix}${name}`);
      expect(await problemOf(openCheckpoint(single(list), tied))).toContain(
        `There is "${prefix}${embedding}"`,
      );
    },
  );

  test('one tensor under two names is refused', async () => {
    const list = tensors(tied);
    const twice = [...list, { ...named(list, 'model.norm.weight'), name: 'norm.weight' }];
    expect(await problemOf(openCheckpoint(single(twice), tied))).toContain('both "model.norm.weight" and');
  });
});

describe('the head', () => {
  const withoutHead = tensors().filter(({ name }) => name !== head);
  const own = named(tensors(), head);
  const equal: TensorToWrite = { ...own, data: named(tensors(), embedding).data };

  test.each<[string, typeof tied, readonly TensorToWrite[], boolean]>([
    ['tied and not stored', tied, withoutHead, true],
    ['tied and stored as the embedding', tied, [...withoutHead, equal], true],
    ['tied by the flag, but trained on its own', tied, [...withoutHead, own], false],
    ['tied by the flag, but another in its last value', tied, [...withoutHead, lastChanged(equal)], false],
    ['its own', untied, [...withoutHead, own], false],
    ['its own, with the values of the embedding', untied, [...withoutHead, equal], false],
    ['under a name of the backbone', untied, [...withoutHead, { ...own, name: `model.${head}` }], false],
  ])('%s', async (_, config, list, tiedHead) => {
    const checkpoint = await openCheckpoint(single(list), config);
    expect(checkpoint.tiedHead).toBe(tiedHead);
    expect(checkpoint.notes).toHaveLength(config.tiedHead && !tiedHead ? 1 : 0);
  });

  test('a tied head without the embedding is the embedding', async () => {
    const list = [...withoutHead.filter(({ name }) => name !== embedding), own];
    const checkpoint = await openCheckpoint(single(list), tied);
    expect(checkpoint).toMatchObject({ tiedHead: true, notes: [expect.stringContaining(head) as string] });
    expect(await firstValue(checkpoint, embedding)).toBe(await firstValue(checkpoint, head));
  });

  test('neither tied nor stored is refused: transformers would make one up', async () => {
    expect(await problemOf(openCheckpoint(single(withoutHead), untied))).toContain('tie_word_embeddings');
  });
});

function lastChanged(tensor: TensorToWrite): TensorToWrite {
  const data = Float32Array.from(tensor.data);
  data[data.length - 1] += 1;
  return { ...tensor, data };
}

describe('shards', () => {
  const list = tensors(tied);
  const norm = named(list, 'model.norm.weight');
  const rest = list.filter(({ name }) => name !== norm.name);
  const shards = (
    a: readonly TensorToWrite[],
    b: readonly TensorToWrite[],
    normIn: 'a.safetensors' | 'b.safetensors',
  ): ModelFiles =>
    folder({
      'model.safetensors.index.json': {
        weight_map: {
          ...Object.fromEntries(rest.map(({ name }) => [name, 'a.safetensors'])),
          'another.tensor': 'b.safetensors',
          [norm.name]: normIn,
        },
      },
      'a.safetensors': a,
      'b.safetensors': b,
    });
  const stale = filled(norm, -1);
  const indexed = (map: object): ModelFiles =>
    folder({ 'model.safetensors.index.json': { weight_map: map } });

  test('the index says which of two is meant', async () => {
    const checkpoint = await openCheckpoint(shards([...rest, stale], [norm], 'b.safetensors'), tied);
    expect(await firstValue(checkpoint, norm.name)).toBe(list.indexOf(norm));
  });

  test('an index that names another than transformers takes is refused, unless they are the same', async () => {
    expect(
      await problemOf(openCheckpoint(shards([...rest, norm], [stale], 'a.safetensors'), tied)),
    ).toContain('with other values in b.safetensors');
    const same = await openCheckpoint(shards([...rest, norm], [norm], 'a.safetensors'), tied);
    expect(await firstValue(same, norm.name)).toBe(list.indexOf(norm));
  });

  test('a tensor that lies elsewhere than the index says is found', async () => {
    const checkpoint = await openCheckpoint(shards([...rest, norm], [], 'b.safetensors'), tied);
    expect(await firstValue(checkpoint, norm.name)).toBe(list.indexOf(norm));
  });

  test('one file goes before shards', async () => {
    const files = folder({ 'model.safetensors': list, 'model.safetensors.index.json': { weight_map: 1 } });
    expect((await openCheckpoint(files, tied)).tiedHead).toBe(true);
  });

  test.each([
    [indexed({ a: 'sub/a.safetensors' }), 'no *.safetensors file of its folder'],
    [indexed({ a: 'a.safetensors' }), 'The shard a.safetensors'],
    [folder({ 'model.safetensors.index.json': {} }), 'no weight_map'],
    [folder({}), 'Pickle weights'],
  ])('%# is refused', async (files, words) => {
    expect(await problemOf(openCheckpoint(files, tied))).toContain(words);
  });
});

describe('what is not used', () => {
  const extra = (name: string): TensorToWrite => ({ name, dtype: 'I32', shape: [1], data: Int32Array.of(7) });

  test('is listed, whatever its type', async () => {
    const { notes } = await openCheckpoint(single([...tensors(tied), extra('score.weight')]), tied);
    expect(notes).toEqual(['Of the weights, a tensor is not used: score.weight.']);
    const many = Array.from({ length: 7 }, (_, i) => extra(`model.layers.${i}.self_attn.k_scale`));
    const listed = await openCheckpoint(single([...tensors(tied), ...many]), tied);
    expect(listed.notes[0]).toMatch(/^Of the weights, 7 tensors are not used: .*k_scale and 2 more\.$/);
  });

  test('and not where it follows from config.json', async () => {
    const derived = ['model.layers.0.self_attn.rotary_emb.inv_freq', 'model.position_ids'].map(extra);
    expect((await openCheckpoint(single([...tensors(tied), ...derived]), tied)).notes).toEqual([]);
  });

  test('but what is used must be floating-point numbers', async () => {
    const list = tensors(tied).map((tensor) =>
      tensor.name === 'model.norm.weight'
        ? { ...tensor, dtype: 'I32' as const, data: Int32Array.from(tensor.data) }
        : tensor,
    );
    expect(await problemOf(openCheckpoint(single(list), tied))).toContain('"model.norm.weight" is I32');
  });

  test('and what is used must fit', async () => {
    const list = tensors(tied).map((tensor) =>
      tensor.name === 'model.norm.weight' ? { ...tensor, shape: [2, 4] } : tensor,
    );
    expect(await problemOf(openCheckpoint(single(list), tied))).toContain('config.json calls for [8]');
  });
});
