// What versions of transformers and other tools leave in a config.json. References: transformers 5.18, the attention,
// rotary frequencies and masks of AutoModelForCausalLM.from_config.
import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { parseModelConfig } from '../../../src/model/model-config.ts';

const shape = {
  vocab_size: 2048,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-6,
};
const qwen2 = { model_type: 'qwen2', ...shape };
const qwen3 = { model_type: 'qwen3', head_dim: 32, ...shape };
const llama = { model_type: 'llama', ...shape };
const llama3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};
const scaling = { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalMaxPositions: 64 };

const refusal = (config: object): string => {
  try {
    parseModelConfig(config);
  } catch (error) {
    if (error instanceof TrainerError && error.code === 'model-unsupported') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('where the rope settings stand', () => {
  const theta = (settings: object): number => parseModelConfig({ ...qwen2, ...settings }).ropeTheta;

  test.each<[string, object, number]>([
    ['nowhere', {}, 10_000],
    ['at the top', { rope_theta: 1e6 }, 1e6],
    ['in rope_parameters', { rope_parameters: { rope_theta: 1e6, rope_type: 'default' } }, 1e6],
    [
      'in rope_parameters, with a stale one at the top',
      { rope_theta: 1e4, rope_parameters: { rope_theta: 1e6, rope_type: 'default' } },
      1e6,
    ],
    [
      'at the top beside rope_parameters without it',
      { rope_theta: 5e5, rope_parameters: { rope_type: 'default' } },
      5e5,
    ],
    ['in rope_scaling', { rope_theta: 1e4, rope_scaling: { rope_type: 'default', rope_theta: 2e5 } }, 2e5],
    [
      'in rope_parameters, whose place a rope_scaling takes as a whole',
      { rope_parameters: { rope_theta: 1e6 }, rope_scaling: { rope_type: 'default' } },
      10_000,
    ],
    [
      'in rope_parameters beside an empty rope_scaling',
      { rope_parameters: { rope_theta: 1e6 }, rope_scaling: {} },
      1e6,
    ],
    [
      'in rope_parameters beside no rope_scaling',
      { rope_parameters: { rope_theta: 1e6 }, rope_scaling: null },
      1e6,
    ],
    ['as a whole number', { rope_theta: 500_000 }, 500_000],
  ])('theta %s', (_, settings, expected) => {
    expect(theta(settings)).toBe(expected);
  });

  test('null is no theta, also where another place has one', () => {
    expect(() => theta({ rope_theta: 1e6, rope_parameters: { rope_theta: null } })).toThrow('rope_theta');
    expect(theta({ rope_theta: null, rope_parameters: { rope_theta: 1e6 } })).toBe(1e6);
  });

  test.each<[string, object]>([
    ['rope_scaling', { rope_scaling: llama3 }],
    ['rope_parameters', { rope_parameters: { ...llama3, rope_theta: 1e4 } }],
    ['rope_scaling, by its old name', { rope_scaling: { ...llama3, rope_type: undefined, type: 'llama3' } }],
    [
      'rope_scaling beside rope_parameters of the default kind',
      { rope_scaling: llama3, rope_parameters: { rope_type: 'default' } },
    ],
  ])('scaling in %s', (_, settings) => {
    expect(parseModelConfig({ ...llama, ...settings }).ropeScaling).toEqual(scaling);
  });

  test('without an original context max_position_embeddings stands in, and one at the top goes first', () => {
    const { original_max_position_embeddings: _, ...without } = llama3;
    const original = (settings: object) =>
      parseModelConfig({ ...llama, ...settings }).ropeScaling?.originalMaxPositions;
    expect(original({ rope_scaling: without })).toBe(512);
    expect(original({ rope_scaling: llama3, original_max_position_embeddings: 32 })).toBe(32);
  });

  test.each<[string, object, string]>([
    ['rope_scaling', { rope_scaling: { type: 'yarn', factor: 4 } }, 'rope scaling "yarn" in "rope_scaling"'],
    ['rope_parameters', { rope_parameters: { rope_type: 'dynamic', factor: 2 } }, 'rope scaling "dynamic"'],
    [
      'rope_scaling beside rope_parameters of the default kind',
      {
        rope_parameters: { rope_theta: 1e4, rope_type: 'default' },
        rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 64 },
      },
      'rope scaling "yarn" in "rope_scaling"',
    ],
    [
      'rope_parameters beside rope_scaling of the default kind, which transformers takes',
      { rope_parameters: { rope_type: 'yarn', factor: 4 }, rope_scaling: { type: 'default' } },
      'rope scaling "yarn" in "rope_parameters"',
    ],
    [
      'the old of two names',
      { rope_scaling: { rope_type: 'default', type: 'mrope' } },
      'rope scaling "mrope"',
    ],
    ['a kind of layer', { rope_parameters: { full_attention: { rope_type: 'yarn' } } }, 'by kind of layer'],
    ['linear', { rope_scaling: { type: 'linear', factor: 2 } }, 'rope scaling "linear"'],
  ])('a scaling that is not supported is refused in %s', (_, settings, words) => {
    expect(refusal({ ...qwen2, ...settings })).toContain(words);
  });
});

describe('settings that change nothing are no reason to refuse', () => {
  test.each<[string, object, object?]>([
    [
      'a window that begins behind the last layer',
      { use_sliding_window: true, sliding_window: 8, max_window_layers: 28 },
    ],
    ['a window that is switched off', { use_sliding_window: false, sliding_window: 8, max_window_layers: 0 }],
    [
      'a window that holds every position',
      { use_sliding_window: true, sliding_window: 512, max_window_layers: 0 },
    ],
    [
      'a window flag on Llama, which has none',
      { use_sliding_window: true, sliding_window: 8, max_window_layers: 0 },
      llama,
    ],
    ['full attention by name', { layer_types: ['full_attention', 'attention'] }],
    ['attention_bias on Qwen2, which does not read it', { attention_bias: true }],
    ['mlp_bias on Qwen3, which does not read it', { mlp_bias: true }, qwen3],
    ['swish, the other name of silu', { hidden_act: 'swish' }],
    ['division by one', { rope_scaling: { type: 'linear', factor: 1 } }],
    ['part of the head rotated, which is only read with a scaling', { partial_rotary_factor: 0.5 }],
    ['pretraining_tp', { pretraining_tp: 2 }, llama],
    ['a storage type', { torch_dtype: 'bfloat16', dtype: 'float16' }],
    ['no quantisation', { quantization_config: null }],
    ['no attention dropout', { attention_dropout: 0 }],
    [
      'null for settings that may be missing',
      { head_dim: null, rope_scaling: null, layer_types: null, architectures: null },
    ],
    ['the backbone for an architecture', { architectures: ['Qwen2Model'] }],
    ['an end token that no token has', { eos_token_id: -1 }],
    ['ids of tokens that do not end anything', { bos_token_id: -1, pad_token_id: 151_643 }],
  ])('%s', (_, settings, base = qwen2) => {
    const { eosIds: _eos, ...plain } = parseModelConfig(base);
    expect(parseModelConfig({ ...base, ...settings })).toMatchObject(plain);
  });

  test.each<[string, object, string]>([
    [
      'a window over the last layer',
      { ...qwen2, use_sliding_window: true, sliding_window: 8, max_window_layers: 1 },
      'sliding-window',
    ],
    [
      'a window of the default size',
      { ...qwen2, max_position_embeddings: 8192, use_sliding_window: true, max_window_layers: 0 },
      'sliding_window 4096',
    ],
    [
      'layers with a window by name',
      { ...qwen3, layer_types: ['full_attention', 'sliding_attention'] },
      'sliding-window',
    ],
    ['attention_bias on Qwen3', { ...qwen3, attention_bias: true }, 'attention_bias'],
    ['attention_bias on Llama', { ...llama, attention_bias: true }, 'attention_bias'],
    ['mlp_bias on Llama', { ...llama, mlp_bias: true }, 'mlp_bias'],
    [
      'attention dropout, which training would apply',
      { ...qwen2, attention_dropout: 0.1 },
      'attention_dropout 0.1',
    ],
    // transformers 5.18: StrictDataclassFieldValidationError; before it, a TypeError in the first step
    ['null for the dropout of attention', { ...qwen2, attention_dropout: null }, 'attention_dropout null'],
    [
      'another head',
      { ...qwen2, architectures: ['Qwen2ForSequenceClassification'] },
      'Qwen2ForSequenceClassification',
    ],
    ['another family', { ...qwen2, model_type: 'mistral' }, 'mistral'],
    ['a nested text model', { model_type: 'qwen2_5_vl', text_config: qwen2 }, 'qwen2_5_vl'],
  ])('the control: %s is', (_, config, words) => {
    expect(refusal(config)).toContain(words);
  });
});

// transformers 5.18 ends with a StrictDataclassFieldValidationError that names the field, or with a KeyError.
test.each<[string, object]>([
  ['max_position_embeddings', { ...llama, max_position_embeddings: null }],
  ['rms_norm_eps', { ...qwen3, rms_norm_eps: null }],
  ['hidden_size', { ...qwen2, hidden_size: null }],
  ['vocab_size', { ...qwen2, vocab_size: undefined }],
  ['num_hidden_layers', { ...qwen2, num_hidden_layers: '2' }],
])('null, nothing or a text for the number %s is refused by its name', (name, config) => {
  expect(() => parseModelConfig(config)).toThrow(
    expect.objectContaining({
      code: 'model-file-invalid',
      message: expect.stringContaining(`"${name}" must be a positive`) as unknown,
    }) as Error,
  );
});

test('null for heads is the number of them, as in the configuration classes', () => {
  const { num_key_value_heads: _, ...rest } = llama as Record<string, unknown>;
  const { headCount } = parseModelConfig(rest);
  expect(parseModelConfig({ ...rest, num_key_value_heads: null }).kvHeadCount).toBe(headCount);
});
