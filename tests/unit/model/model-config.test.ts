import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';
import { ropeFrequencies } from '../../../src/model/rope-frequencies.ts';

const goldenConfig = (name: string): Record<string, unknown> =>
  JSON.parse(
    readFileSync(new URL(`../../fixtures/goldens/${name}/model/config.json`, import.meta.url), 'utf8'),
  ) as Record<string, unknown>;
const errorOf = (action: () => unknown): TrainerError => {
  try {
    action();
  } catch (error) {
    if (error instanceof TrainerError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('what transformers wrote is read as transformers means it', () => {
  test('Qwen2: bias on q, k and v, head size C / H', () => {
    const config = parseModelConfig(goldenConfig('untied-mqa'));
    expect(config).toMatchObject({
      family: 'qwen2',
      qkvBias: true,
      qkNorm: false,
      headSize: 12,
      ropeTheta: 1e6,
    });
    expect(config).toMatchObject({ tiedHead: false, ropeScaling: null });
  });

  test('Qwen3: norms of queries and keys, no bias, a head size of its own', () => {
    const config = parseModelConfig(goldenConfig('qwen3-tied-f16'));
    expect(config).toMatchObject({ family: 'qwen3', qkvBias: false, qkNorm: true, tiedHead: true });
    expect([config.headSize, config.headCount, config.hiddenSize]).toEqual([16, 4, 42]);
    const { head_dim: _, ...without } = goldenConfig('qwen3-tied-f16');
    expect(parseModelConfig(without).headSize).toBe(128); // Qwen3Config's default, not C / H
  });

  test('Llama: no bias, no norms, rope scaling in the place of transformers 4 and of 5', () => {
    const legacy = goldenConfig('llama-tied-rope3');
    const config = parseModelConfig(legacy);
    const ropeScaling = {
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalMaxPositions: 64,
    };
    expect(config).toMatchObject({
      family: 'llama',
      qkvBias: false,
      qkNorm: false,
      ropeTheta: 500,
      ropeScaling,
    });
    const { rope_theta, rope_scaling, ...rest } = legacy;
    const today = { ...rest, rope_parameters: { rope_theta, ...(rope_scaling as object) } };
    expect(parseModelConfig(today)).toEqual(config);
  });

  test('several end tokens are all kept, and ids that no token has end nothing', () => {
    const eosIds = (eos_token_id: unknown) =>
      parseModelConfig({ ...goldenConfig('llama-untied-sharded'), eos_token_id }).eosIds;
    expect(eosIds([1, 8, 9])).toEqual([1, 8, 9]);
    expect(eosIds([1, -1, 151_645])).toEqual([1]);
    expect([eosIds(-1), eosIds(null), eosIds(151_645)]).toEqual([[], [], []]);
  });

  test('the number of key-value heads: null is that of the heads, and nothing the default of the family', () => {
    const qwen2: Record<string, unknown> = {
      ...goldenConfig('untied-mqa'),
      num_attention_heads: 4,
      head_dim: 12,
    };
    const kvHeads = (config: object) => parseModelConfig(config).kvHeadCount;
    expect(kvHeads({ ...qwen2, num_key_value_heads: null })).toBe(4);
    const { num_key_value_heads: _, ...without } = qwen2;
    expect(kvHeads({ ...without, num_attention_heads: 64 })).toBe(32); // Qwen2Config's default
    const { num_key_value_heads: __, ...llama } = goldenConfig('llama-tied-rope3');
    expect(kvHeads(llama)).toBe(llama['num_attention_heads']);
  });
});

describe('rope frequencies', () => {
  // transformers 5.18, modeling_rope_utils.ROPE_INIT_FUNCTIONS["llama3"], float32
  test.each([
    {
      headSize: 12,
      ropeTheta: 500,
      ropeScaling: { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 64 },
      expected: [1.0, 0.31515002, 0.026161287, 0.0055901702, 0.0019842512, 0.00070431741],
    },
    {
      headSize: 64, // Llama-3.2-1B
      ropeTheta: 500_000,
      ropeScaling: { factor: 32, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 8192 },
      expected: [
        1.0, 0.66360128, 0.44036663, 0.29222783, 0.19392276, 0.12868738, 0.085397102, 0.056669619,
        0.037606031, 0.024955409, 0.01656044, 0.010989529, 0.0072926651, 0.0048394213, 0.0032114461,
        0.001290548, 0.00042955671, 9.7082862e-5, 1.9461638e-5, 1.2914767e-5, 8.5702559e-6, 5.6872323e-6,
        3.7740544e-6, 2.5044671e-6, 1.6619674e-6, 1.1028836e-6, 7.3187493e-7, 4.8567313e-7, 3.2229329e-7,
        2.1387423e-7, 1.419272e-7, 9.4183065e-8,
      ],
    },
  ])('llama3 scaling equals transformers at head size $headSize', ({ expected, ...config }) => {
    const found = ropeFrequencies(config);
    expect(found.length).toBe(expected.length);
    for (const [i, value] of found.entries()) expect(value / expected[i]).toBeCloseTo(1, 5);
    const unscaled = ropeFrequencies({ ...config, ropeScaling: null });
    expect(unscaled[0]).toBe(1);
    expect(unscaled.at(-1)).toBeGreaterThan(4 * (found.at(-1) ?? 0)); // the control: the scaling does something
  });
});

describe('a model that would be computed wrongly is refused by the name of what is missing', () => {
  test.each([
    [{ model_type: 'gemma3_text' }, 'model_type is "gemma3_text"'],
    [{ model_type: undefined }, 'model_type is missing'],
    [{ model_type: 'toString' }, 'model_type is "toString"'],
    [
      { architectures: ['LlamaForSequenceClassification'] },
      'architecture is "LlamaForSequenceClassification"',
    ],
    [{ attention_bias: true }, 'attention_bias'],
    [{ mlp_bias: true }, 'mlp_bias'],
    [{ hidden_act: 'gelu' }, 'hidden_act "gelu"'],
    [{ layer_types: ['full_attention', 'sliding_attention'] }, 'layer_types'],
    [{ layer_types: ['full_attention', 'linear_attention'] }, 'layer_types with "linear_attention"'],
    [{ quantization_config: { quant_method: 'bitsandbytes' } }, 'already quantised'],
    [{ rope_scaling: { rope_type: 'yarn', factor: 4 } }, 'rope scaling "yarn"'],
    [{ rope_scaling: { type: 'linear', factor: 2 } }, 'rope scaling "linear"'],
    [{ partial_rotary_factor: 0.5 }, 'partial_rotary_factor'], // llama3's scaling reads it
    [{ per_layer_config: { '0': {} } }, 'per_layer_config'],
    [{ num_attention_heads: 5, head_dim: null }, 'not a multiple of 5 heads'],
    [{ num_key_value_heads: 3 }, 'key-value heads'],
    [{ head_dim: 14 }, 'not a multiple of 4'],
    [{ head_dim: 512 }, 'above 256'],
  ])('%j', (change, words) => {
    const error = errorOf(() => parseModelConfig({ ...goldenConfig('llama-tied-rope3'), ...change }));
    expect(error.code).toBe('model-unsupported');
    expect(error.message).toContain(words);
    expect(error.message).toContain('Qwen2, Qwen3 and Llama');
  });

  test.each([
    [{ hidden_size: undefined }, 'hidden_size'],
    [{ num_hidden_layers: 2.5 }, 'num_hidden_layers'],
    [{ vocab_size: -1 }, 'vocab_size'],
    [{ rms_norm_eps: 'tiny' }, 'rms_norm_eps'],
    [{ rope_theta: 0 }, 'rope_theta'],
    [{ rope_scaling: 'llama3' }, 'rope_scaling'],
    [{ rope_theta: null, rope_scaling: null }, 'rope_theta'],
    [{ rope_theta: '10000', rope_scaling: null }, 'rope_theta'],
    [{ tie_word_embeddings: 'true' }, 'tie_word_embeddings'],
    [{ layer_types: ['full_attention'] }, 'layer_types'],
    [{ rope_scaling: { rope_type: 'llama3', factor: 8 } }, 'low_freq_factor'],
    [{ eos_token_id: [1, '2'] }, 'eos_token_id'],
  ])('%j', (change, words) => {
    const error = errorOf(() => parseModelConfig({ ...goldenConfig('llama-tied-rope3'), ...change }));
    expect(error.code).toBe('model-file-invalid');
    expect(error.message).toContain(words);
  });

  test.each([[null], [[]], ['{}']])('%j is no configuration', (raw) => {
    expect(errorOf(() => parseModelConfig(raw)).code).toBe('model-file-invalid');
  });
});
