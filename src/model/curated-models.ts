/**
 * Models of the hub that are worth offering: small, of a supported family, with a licence that allows training. Sizes are
 * worked out from the configuration; what is written down is what the models' pages say.
 */
import type { CuratedModel } from '../api/trainer-api.ts';
import { linearModules } from '../architecture/modules.ts';
import { weightFormats, type WeightFormat } from '../kernels/weight-matrix.ts';
import { parameterCount } from '../architecture/checkpoint-tensors.ts';
import { planMemory } from './memory-plan.ts';
import { parseModelConfig } from './model-config.ts';
import { weightMemory } from './weights.ts';

interface Listed {
  readonly id: string;
  readonly licence: string;
  readonly isGated?: true;
  readonly config: Readonly<Record<string, unknown>>;
}

const qwenVocabulary = { vocab_size: 151_936, rms_norm_eps: 1e-6 };
const qwen2 = { model_type: 'qwen2', ...qwenVocabulary };
const qwen3 = { model_type: 'qwen3', ...qwenVocabulary, rope_theta: 1e6, tie_word_embeddings: true };
const smol = { model_type: 'llama', vocab_size: 49_152, rms_norm_eps: 1e-5, tie_word_embeddings: true };
const sizes = (hidden: number, feedForward: number, layers: number, heads: number, kvHeads: number) => ({
  hidden_size: hidden,
  intermediate_size: feedForward,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
});

const listed: readonly Listed[] = [
  {
    id: 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B',
    licence: 'MIT',
    config: { ...qwen2, ...sizes(1536, 8960, 28, 12, 2), rope_theta: 1e4, tie_word_embeddings: false },
  },
  {
    id: 'Qwen/Qwen2.5-0.5B-Instruct',
    licence: 'Apache-2.0',
    config: { ...qwen2, ...sizes(896, 4864, 24, 14, 2), rope_theta: 1e6, tie_word_embeddings: true },
  },
  {
    id: 'Qwen/Qwen2.5-1.5B-Instruct',
    licence: 'Apache-2.0',
    config: { ...qwen2, ...sizes(1536, 8960, 28, 12, 2), rope_theta: 1e6, tie_word_embeddings: true },
  },
  { id: 'Qwen/Qwen3-0.6B', licence: 'Apache-2.0', config: { ...qwen3, ...sizes(1024, 3072, 28, 16, 8) } },
  { id: 'Qwen/Qwen3-1.7B', licence: 'Apache-2.0', config: { ...qwen3, ...sizes(2048, 6144, 28, 16, 8) } },
  {
    id: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    licence: 'Apache-2.0',
    config: { ...smol, ...sizes(576, 1536, 30, 9, 3), rope_theta: 1e5 },
  },
  {
    id: 'HuggingFaceTB/SmolLM2-360M-Instruct',
    licence: 'Apache-2.0',
    config: { ...smol, ...sizes(960, 2560, 32, 15, 5), rope_theta: 1e5 },
  },
  {
    id: 'HuggingFaceTB/SmolLM2-1.7B-Instruct',
    licence: 'Apache-2.0',
    config: { ...smol, ...sizes(2048, 8192, 24, 32, 32), rope_theta: 130_000 },
  },
  {
    id: 'meta-llama/Llama-3.2-1B-Instruct',
    licence: 'Llama 3.2 Community',
    isGated: true,
    config: {
      ...smol,
      ...sizes(2048, 8192, 16, 32, 8),
      head_dim: 64,
      vocab_size: 128_256,
      rope_theta: 5e5,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 32,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    },
  },
];

const storedBytes = 2; // each of them is published in bf16

/** What is told of a run before there are settings and data for it: R1-Act's adapter, one row of its longest length at a time. */
const typicalRun = {
  lora: { r: 16, targetModules: linearModules.map(({ name }) => name), loraDropout: 0 },
  size: { rows: 1024, lossRows: 1024, checkpointing: true },
  longest: 1024,
  samples: null,
} as const;

/** `maxTensorBytes`: of the device; a matrix that is larger is split. */
export function curatedModels(maxTensorBytes: number): CuratedModel[] {
  return listed.map(({ id, licence, isGated, config: raw }) => {
    const config = parseModelConfig(raw);
    const parameters = parameterCount(config);
    const ofFormats = (bytes: (format: WeightFormat) => number): CuratedModel['gpuBytes'] => {
      const [none, f16, int8, nf4] = weightFormats.map(bytes);
      return { none, f16, int8, nf4 };
    };
    return {
      id,
      licence,
      isGated: isGated === true,
      parameterCount: parameters,
      downloadBytes: storedBytes * parameters,
      gpuBytes: ofFormats((format) => weightMemory(config, format, maxTensorBytes)),
      runBytes: ofFormats(
        (format) => planMemory({ ...typicalRun, model: config, format, maxTensorBytes }).total,
      ),
    };
  });
}
