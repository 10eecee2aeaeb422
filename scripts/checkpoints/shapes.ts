/**
 * Configurations of known models, for random checkpoints of their size. Written from the models' published config.json,
 * except that the Llama ones have the vocabulary of the tokenizer that comes with them here, Qwen3's.
 */

export interface CheckpointShape {
  readonly config: Readonly<Record<string, unknown>>;
  readonly endToken: string; // of Qwen3's tokenizer
}

const base = { hidden_act: 'silu', torch_dtype: 'bfloat16', attention_dropout: 0 };
const tokenizerVocabulary = 151_936;

export const shapes: Readonly<Record<string, CheckpointShape>> = {
  'r1-1.5b': {
    endToken: '<|endoftext|>',
    config: {
      ...base,
      architectures: ['Qwen2ForCausalLM'],
      model_type: 'qwen2',
      hidden_size: 1536,
      intermediate_size: 8960,
      num_hidden_layers: 28,
      num_attention_heads: 12,
      num_key_value_heads: 2,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      tie_word_embeddings: false,
      use_sliding_window: false,
      vocab_size: tokenizerVocabulary,
    },
  },
  'qwen3-0.6b': {
    endToken: '<|im_end|>',
    config: {
      ...base,
      architectures: ['Qwen3ForCausalLM'],
      model_type: 'qwen3',
      hidden_size: 1024,
      intermediate_size: 3072,
      num_hidden_layers: 28,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      head_dim: 128,
      max_position_embeddings: 40_960,
      rms_norm_eps: 1e-6,
      rope_theta: 1_000_000,
      tie_word_embeddings: true,
      attention_bias: false,
      use_sliding_window: false,
      vocab_size: tokenizerVocabulary,
    },
  },
  'smollm2-135m': {
    endToken: '<|im_end|>',
    config: {
      ...base,
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      max_position_embeddings: 8192,
      rms_norm_eps: 1e-5,
      rope_theta: 100_000,
      tie_word_embeddings: true,
      attention_bias: false,
      mlp_bias: false,
      vocab_size: tokenizerVocabulary,
    },
  },
  'llama-3.2-1b': {
    endToken: '<|im_end|>',
    config: {
      ...base,
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      hidden_size: 2048,
      intermediate_size: 8192,
      num_hidden_layers: 16,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      head_dim: 64,
      max_position_embeddings: 131_072,
      rms_norm_eps: 1e-5,
      rope_theta: 500_000,
      rope_scaling: {
        factor: 32,
        high_freq_factor: 4,
        low_freq_factor: 1,
        original_max_position_embeddings: 8192,
        rope_type: 'llama3',
      },
      tie_word_embeddings: true,
      attention_bias: false,
      mlp_bias: false,
      vocab_size: tokenizerVocabulary,
    },
  },
  /** With the tokenizer's full vocabulary, and small in everything else: to try things out. */
  small: {
    endToken: '<|im_end|>',
    config: {
      ...base,
      architectures: ['Qwen2ForCausalLM'],
      model_type: 'qwen2',
      hidden_size: 32,
      intermediate_size: 88,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      max_position_embeddings: 512,
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      tie_word_embeddings: true,
      vocab_size: tokenizerVocabulary,
    },
  },
};
