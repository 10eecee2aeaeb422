/**
 * A Hugging Face config.json, read and checked once; deeper code trusts it. Three families, one description: where they
 * differ (bias, norms of queries and keys, rope scaling, head size) is data, so that there is one decoder.
 */
import { TrainerError } from '../api/trainer-error.ts';

export type ModelFamily = 'qwen2' | 'qwen3' | 'llama';

/** Llama 3.1's scaling of the rope frequencies, by wave length: transformers, modeling_rope_utils, "llama3". */
export interface RopeScaling {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalMaxPositions: number;
}

export interface ModelConfig {
  readonly family: ModelFamily;
  readonly architecture: string;
  readonly hiddenSize: number; // C
  readonly intermediateSize: number; // F
  readonly layerCount: number;
  readonly headCount: number; // H
  readonly kvHeadCount: number; // K
  readonly headSize: number; // D; H·D need not be C
  readonly vocabSize: number; // V
  readonly maxPositions: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | null;
  readonly qkvBias: boolean;
  readonly qkNorm: boolean; // RMSNorm over each head of queries and keys, before rope
  readonly tiedHead: boolean;
  readonly eosIds: readonly number[];
}

interface FamilyTraits {
  readonly architecture: string;
  readonly qkvBias: boolean;
  readonly qkNorm: boolean;
  readonly headSize: number | null; // where config.json does not say; null: C / H
  readonly maxPositions: number;
}
/** Defaults are those of the configuration classes in transformers. */
const families: Readonly<Record<ModelFamily, FamilyTraits>> = {
  qwen2: {
    architecture: 'Qwen2ForCausalLM',
    qkvBias: true,
    qkNorm: false,
    headSize: null,
    maxPositions: 32_768,
  },
  qwen3: {
    architecture: 'Qwen3ForCausalLM',
    qkvBias: false,
    qkNorm: true,
    headSize: 128,
    maxPositions: 32_768,
  },
  llama: {
    architecture: 'LlamaForCausalLM',
    qkvBias: false,
    qkNorm: false,
    headSize: null,
    maxPositions: 2048,
  },
};
const supported = 'Supported are the families Qwen2, Qwen3 and Llama';

type Json = Readonly<Record<string, unknown>>;

const invalid = (message: string): TrainerError =>
  new TrainerError('model-file-invalid', `config.json: ${message}`);
const unsupported = (what: string): TrainerError =>
  new TrainerError('model-unsupported', `This model cannot be trained here: ${what}. ${supported}.`);

/** @throws TrainerError "model-unsupported" naming what is not supported, "model-file-invalid" for missing fields. */
export function parseModelConfig(raw: unknown): ModelConfig {
  if (!isJson(raw)) throw new TrainerError('model-file-invalid', 'config.json is not a JSON object.');
  const family = readFamily(raw);
  const traits = families[family];
  refuseVariants(raw);

  const integer = (name: string, fallback?: number): number => positiveInteger(raw, name, fallback);
  const hiddenSize = integer('hidden_size');
  const headCount = integer('num_attention_heads');
  const kvHeadCount = integer('num_key_value_heads', headCount);
  const headSize = integer('head_dim', traits.headSize ?? Math.floor(hiddenSize / headCount));
  if ((raw['head_dim'] ?? traits.headSize) === null && hiddenSize % headCount !== 0)
    throw unsupported(`hidden_size ${hiddenSize} is not a multiple of ${headCount} heads`);
  if (headSize % 4 !== 0) throw unsupported(`head size ${headSize} is not a multiple of 4`);
  if (headSize > 256) throw unsupported(`head size ${headSize} is above 256`);
  if (headCount % kvHeadCount !== 0)
    throw unsupported(`${headCount} heads are not a multiple of ${kvHeadCount} key-value heads`);
  const vocabSize = integer('vocab_size');

  return {
    family,
    architecture: traits.architecture,
    hiddenSize,
    intermediateSize: integer('intermediate_size'),
    layerCount: integer('num_hidden_layers'),
    headCount,
    kvHeadCount,
    headSize,
    vocabSize,
    maxPositions: integer('max_position_embeddings', traits.maxPositions),
    rmsNormEps: positiveNumber(raw, 'rms_norm_eps', 1e-6),
    ...readRope(raw),
    qkvBias: traits.qkvBias,
    qkNorm: traits.qkNorm,
    tiedHead: raw['tie_word_embeddings'] === true,
    eosIds: readEosIds(raw['eos_token_id'], vocabSize),
  };
}

function readFamily(json: Json): ModelFamily {
  const type = json['model_type'];
  if (typeof type !== 'string' || !Object.hasOwn(families, type))
    throw unsupported(`its model_type is ${type === undefined ? 'missing' : shown(type)}`);
  const family = type as ModelFamily;
  const named: unknown = Array.isArray(json['architectures']) ? json['architectures'][0] : undefined;
  if (named !== undefined && named !== families[family].architecture)
    throw unsupported(`its architecture is ${shown(named)}`);
  return family;
}

/** Settings that change the mathematics and that the decoder has not. */
function refuseVariants(json: Json): void {
  const activation = json['hidden_act'] ?? 'silu';
  if (activation !== 'silu') throw unsupported(`hidden_act ${shown(activation)}`);
  if (json['use_sliding_window'] === true) throw unsupported('sliding-window attention (use_sliding_window)');
  const layerTypes = json['layer_types'];
  if (Array.isArray(layerTypes) && layerTypes.some((type) => type !== 'full_attention'))
    throw unsupported('layer_types other than full_attention');
  if ((json['quantization_config'] ?? null) !== null)
    throw unsupported('a checkpoint that is already quantised (quantization_config)');
  // Qwen2's bias on q, k and v is not a setting; this one would add a bias on o as well.
  for (const name of ['attention_bias', 'mlp_bias']) if (json[name] === true) throw unsupported(name);
  if (Number(json['attention_dropout'] ?? 0) > 0) throw unsupported('attention_dropout above 0');
}

/** `rope_theta` and `rope_scaling` at the top (transformers 4), or both in `rope_parameters` (transformers 5). */
function readRope(json: Json): Pick<ModelConfig, 'ropeTheta' | 'ropeScaling'> {
  const scaling = json['rope_parameters'] ?? json['rope_scaling'] ?? null;
  if (scaling === null) return { ropeTheta: positiveNumber(json, 'rope_theta', 10_000), ropeScaling: null };
  if (!isJson(scaling)) throw invalid(`the rope settings are ${shown(scaling)}, not an object.`);
  const partial = Number(scaling['partial_rotary_factor'] ?? json['partial_rotary_factor'] ?? 1);
  if (partial !== 1) throw unsupported(`partial_rotary_factor ${partial}`);
  const rope = { rope_theta: json['rope_theta'] ?? scaling['rope_theta'] };
  return { ropeTheta: positiveNumber(rope, 'rope_theta', 10_000), ropeScaling: readScaling(scaling) };
}

function readScaling(scaling: Json): RopeScaling | null {
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  if (type === 'default') return null;
  if (type !== 'llama3') throw unsupported(`rope scaling ${shown(type)}`);
  const result = {
    factor: positiveNumber(scaling, 'factor'),
    lowFrequencyFactor: positiveNumber(scaling, 'low_freq_factor'),
    highFrequencyFactor: positiveNumber(scaling, 'high_freq_factor'),
    originalMaxPositions: positiveInteger(scaling, 'original_max_position_embeddings'),
  };
  if (result.highFrequencyFactor <= result.lowFrequencyFactor)
    throw invalid('the rope scaling needs a high_freq_factor above its low_freq_factor.');
  return result;
}

function readEosIds(value: unknown, vocabSize: number): number[] {
  const ids = [value ?? []].flat();
  for (const id of ids)
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= vocabSize)
      throw invalid(`"eos_token_id" holds ${shown(id)}, which is no id below vocab_size ${vocabSize}.`);
  return ids as number[];
}

function positiveInteger(json: Json, name: string, fallback?: number): number {
  const value = json[name] ?? fallback;
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw invalid(`"${name}" must be a positive whole number, not ${shown(json[name] ?? null)}.`);
}

function positiveNumber(json: Json, name: string, fallback?: number): number {
  const value = json[name] ?? fallback;
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  throw invalid(`"${name}" must be a positive number, not ${shown(json[name] ?? null)}.`);
}

const shown = (value: unknown): string => JSON.stringify(value) ?? 'missing';

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sizes as stored on the GPU: every width a multiple of 4, pads zero. */
export const padded = (n: number): number => Math.ceil(n / 4) * 4;

/** Row widths on the GPU: hidden, feed-forward, all query heads, all key heads, and q | k | v. */
export function widths(config: ModelConfig): { c: number; f: number; q: number; kv: number; qkv: number } {
  const q = config.headCount * config.headSize;
  const kv = config.kvHeadCount * config.headSize;
  return { c: padded(config.hiddenSize), f: padded(config.intermediateSize), q, kv, qkv: q + 2 * kv };
}
