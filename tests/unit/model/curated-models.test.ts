import { expect, test } from 'vitest';
import { curatedModels } from '../../../src/model/curated-models.ts';

const models = curatedModels(2 ** 30);

/** As the models' pages on the hub give them; Qwen3's without the copy of the tied head that its files hold and nobody reads. */
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

test('GPU bytes follow the format: four, two, one and about half a byte a weight', () => {
  for (const { parameterCount, gpuBytes, downloadBytes } of models) {
    expect(downloadBytes).toBe(2 * parameterCount);
    const panel = 2 ** 26; // where coded weights are decoded, and vectors that stay in f32
    const perWeight = { none: [4, 4], f16: [2, 2], int8: [1, 1.05], nf4: [0.5, 0.55] } as const;
    for (const [format, [least, most]] of Object.entries(perWeight)) {
      const bytes = gpuBytes[format as keyof typeof perWeight];
      expect(bytes).toBeGreaterThanOrEqual(least * parameterCount);
      expect(bytes).toBeLessThanOrEqual(most * parameterCount * 1.02 + panel);
    }
  }
});
