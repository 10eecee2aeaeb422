import { expect, test } from 'vitest';
import type { CuratedModel } from '../../../src/api/trainer-api.ts';
import { curatedModels } from '../../../src/model/curated-models.ts';

const models = curatedModels(2 ** 30);

/**
 * As the models' pages on the hub give them, and as transformers 5.24 counts the same configurations on torch's meta device;
 * Qwen3's without the copy of the tied head that its files hold and nobody reads.
 */
const published: Readonly<Record<string, number>> = {
  'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B': 1_777_088_000,
  'Qwen/Qwen2.5-0.5B-Instruct': 494_032_768,
  'Qwen/Qwen2.5-1.5B-Instruct': 1_543_714_304,
  'Qwen/Qwen3-0.6B': 596_049_920,
  'Qwen/Qwen3-1.7B': 1_720_574_976,
  'HuggingFaceTB/SmolLM2-135M-Instruct': 134_515_008,
  'HuggingFaceTB/SmolLM2-360M-Instruct': 361_821_120,
  'HuggingFaceTB/SmolLM2-1.7B-Instruct': 1_711_376_384,
  'meta-llama/Llama-3.2-1B-Instruct': 1_235_814_400,
};

test('the configurations give the numbers of parameters that the models have', () => {
  expect(Object.fromEntries(models.map(({ id, parameterCount }) => [id, parameterCount]))).toEqual(published);
});

const bytesOf = (id: string): Pick<CuratedModel, 'downloadBytes' | 'gpuBytes'> => {
  const found = models.find((model) => model.id === id);
  if (found === undefined) throw new Error(`${id} is not offered`);
  return { downloadBytes: found.downloadBytes, gpuBytes: found.gpuBytes };
};

// By hand, with transformers' counts: P parameters, of them V in vectors (norms, biases), which stay in f32. Matrices take 4, 2, 1
// or 1/2 bytes a weight, int8 and nf4 also 2 bytes for the scale of 64 weights, and all but f32 a panel of 16 MiB for decoding. With
// nf4, embedding and a head of its own are int8: E weights in all.
test('GPU bytes of Qwen2.5-0.5B, P = 494,032,768, V = 71,552, E = 151,936 · 896', () => {
  expect(bytesOf('Qwen/Qwen2.5-0.5B-Instruct')).toEqual({
    downloadBytes: 988_065_536, // 2 P
    gpuBytes: {
      none: 1_976_131_072, // 4 P
      f16: 1_004_985_856, // 2 · 493,961,216 + 286,208 + 16,777,216
      int8: 526_460_928, // 493,961,216 + 15,436,288 + 286,208 + 16,777,216
      nf4: 347_547_648, // 136,134,656 + 357,826,560 / 2 + 15,436,288 + 286,208 + 16,777,216
    },
  });
});

test('GPU bytes of Llama-3.2-1B, P = 1,235,814,400, V = 67,584, E = 128,256 · 2,048', () => {
  expect(bytesOf('meta-llama/Llama-3.2-1B-Instruct')).toEqual({
    downloadBytes: 2_471_628_800,
    gpuBytes: {
      none: 4_943_257_600,
      f16: 2_488_541_184, // 2 · 1,235,746,816 + 270,336 + 16,777,216
      int8: 1_291_411_456, // 1,235,746,816 + 38,617,088 + 270,336 + 16,777,216
      nf4: 804_872_192, // 262,668,288 + 973,078,528 / 2 + 38,617,088 + 270,336 + 16,777,216
    },
  });
});

test('a head of its own is int8 in nf4 too: R1-Distill-Qwen-1.5B, P = 1,777,088,000, V = 144,896, E = 2 · 151,936 · 1,536', () => {
  // 466,747,392 + 1,310,195,712 / 2 + 55,529,472 + 579,584 + 16,777,216
  expect(bytesOf('deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B').gpuBytes.nf4).toBe(1_194_731_520);
});

test('a run adds the same whatever holds the weights, and at least its adapter, by hand', () => {
  const { gpuBytes, runBytes } = models.find(({ id }) => id === 'Qwen/Qwen2.5-0.5B-Instruct')!;
  const added = (['none', 'f16', 'int8', 'nf4'] as const).map(
    (format) => runBytes[format] - gpuBytes[format],
  );
  expect(new Set(added).size).toBe(1);
  // 24 layers, r 16: q and o 896 + 896, k and v 896 + 128, gate, up and down 896 + 4,864; with gradients and two moments, in f32
  const adapter = 24 * 16 * (2 * 1792 + 2 * 1024 + 3 * 5760) * 4 * 4;
  const gate = 1024 * 4864 * 4; // the widest activation of a layer, of 1,024 rows
  expect(added[0]).toBeGreaterThan(adapter + gate);
  expect(added[0]).toBeLessThan(2 ** 29);
});
