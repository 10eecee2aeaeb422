/** A Hugging Face config.json of the Qwen2 family, read and checked once; deeper code trusts it. */
import { TrainerError } from '../api/trainer-error.ts';

export interface ModelConfig {
  readonly architecture: string;
  readonly hiddenSize: number; // C
  readonly intermediateSize: number; // F
  readonly layerCount: number;
  readonly headCount: number; // H
  readonly kvHeadCount: number; // K
  readonly headSize: number; // D
  readonly vocabSize: number; // V
  readonly maxPositions: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly tiedHead: boolean;
}

/** @throws TrainerError "model-unsupported" naming what is not supported, "model-file-invalid" for missing fields. */
export function parseModelConfig(raw: unknown): ModelConfig {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw new TrainerError('model-file-invalid', 'config.json is not a JSON object.');
  }
  const json = raw as Record<string, unknown>;
  const refuse = (what: string): never => {
    throw new TrainerError(
      'model-unsupported',
      `This model cannot be trained here: ${what}. Supported: the Qwen2 family.`,
    );
  };
  const architectures = Array.isArray(json['architectures']) ? json['architectures'].map(String) : [];
  const modelType = text(json['model_type'] ?? 'missing');
  if (modelType !== 'qwen2') refuse(`its model_type is "${modelType}"`);
  const architecture = architectures[0] ?? 'Qwen2ForCausalLM';
  if (architecture !== 'Qwen2ForCausalLM') refuse(`its architecture is "${architecture}"`);
  if ((json['hidden_act'] ?? 'silu') !== 'silu') refuse(`hidden_act "${String(json['hidden_act'])}"`);
  if (json['use_sliding_window'] === true) refuse('sliding-window attention (use_sliding_window)');
  const layerTypes = json['layer_types'];
  if (Array.isArray(layerTypes) && layerTypes.some((type) => type !== 'full_attention')) {
    refuse(`layer_types other than full_attention`);
  }
  if (json['quantization_config'] !== undefined && json['quantization_config'] !== null)
    refuse('a checkpoint that is already quantised (quantization_config)');
  if (Number(json['attention_dropout'] ?? 0) > 0) refuse('attention_dropout above 0');

  const integer = (name: string, fallback?: number): number => {
    const value = json[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0) {
      throw new TrainerError(
        'model-file-invalid',
        `config.json: "${name}" must be a positive whole number, not ${JSON.stringify(json[name] ?? null)}.`,
      );
    }
    return value;
  };
  const hiddenSize = integer('hidden_size');
  const headCount = integer('num_attention_heads');
  const kvHeadCount = integer('num_key_value_heads', headCount);
  const headSize = integer('head_dim', Math.floor(hiddenSize / headCount));
  if (json['head_dim'] === undefined && hiddenSize % headCount !== 0)
    refuse(`hidden_size ${hiddenSize} is not a multiple of ${headCount} heads`);
  if (headSize % 4 !== 0) refuse(`head size ${headSize} is not a multiple of 4`);
  if (headSize > 256) refuse(`head size ${headSize} is above 256`);
  if (headCount % kvHeadCount !== 0)
    refuse(`${headCount} heads are not a multiple of ${kvHeadCount} key-value heads`);
  const rmsNormEps = Number(json['rms_norm_eps'] ?? 1e-6);

  return {
    architecture,
    hiddenSize,
    intermediateSize: integer('intermediate_size'),
    layerCount: integer('num_hidden_layers'),
    headCount,
    kvHeadCount,
    headSize,
    vocabSize: integer('vocab_size'),
    maxPositions: integer('max_position_embeddings', 32_768),
    rmsNormEps,
    ropeTheta: readRopeTheta(json, refuse),
    tiedHead: json['tie_word_embeddings'] === true,
  };
}

/** `rope_theta` at the top (transformers 4) or inside `rope_parameters` (transformers 5). */
function readRopeTheta(json: Record<string, unknown>, refuse: (what: string) => never): number {
  const scaling = (json['rope_parameters'] ?? json['rope_scaling'] ?? null) as Record<string, unknown> | null;
  if (scaling !== null) {
    const type = text(scaling['rope_type'] ?? scaling['type'] ?? 'default');
    if (type !== 'default') refuse(`rope scaling "${type}"`);
    const partial = Number(scaling['partial_rotary_factor'] ?? 1);
    if (partial !== 1) refuse(`partial_rotary_factor ${partial}`);
  }
  const theta = Number(json['rope_theta'] ?? scaling?.['rope_theta'] ?? 10_000);
  if (!(theta > 0))
    throw new TrainerError('model-file-invalid', `config.json: rope_theta must be positive, not ${theta}.`);
  return theta;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Sizes as stored on the GPU: every width a multiple of 4, pads zero. */
export const padded = (n: number): number => Math.ceil(n / 4) * 4;

/** Row widths on the GPU: hidden, feed-forward, all query heads, all key heads, and q | k | v. */
export function widths(config: ModelConfig): { c: number; f: number; q: number; kv: number; qkv: number } {
  const q = config.headCount * config.headSize;
  const kv = config.kvHeadCount * config.headSize;
  return { c: padded(config.hiddenSize), f: padded(config.intermediateSize), q, kv, qkv: q + 2 * kv };
}
