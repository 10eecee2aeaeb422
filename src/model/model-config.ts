/**
 * A Hugging Face config.json, read and checked once; deeper code trusts it. Three families, one description: where they
 * differ (bias, norms of queries and keys, rope scaling, head size) is data, so that there is one decoder.
 */
import { TrainerError } from '../support/trainer-error.ts';
import {
  flag,
  invalid,
  isJson,
  positiveInteger,
  positiveNumber,
  shown,
  unsupported,
  type Json,
} from './json-fields.ts';
import { readRope, type RopeConfig } from './rope-config.ts';

export type { RopeScaling } from './rope-config.ts';
export type ModelFamily = 'qwen2' | 'qwen3' | 'llama';

export interface ModelConfig extends RopeConfig {
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
  readonly qkvBias: boolean;
  readonly qkNorm: boolean; // RMSNorm over each head of queries and keys, before rope
  readonly tiedHead: boolean; // as config.json says; which it is, the tensors decide too (checkpoint.ts)
  readonly eosIds: readonly number[];
}

interface FamilyTraits {
  readonly architecture: string;
  readonly backbone: string; // the same without a head
  readonly qkvBias: boolean;
  readonly qkNorm: boolean;
  readonly headSize: number | null; // where config.json does not say; null: C / H
  readonly kvHeadCount: number | null; // where config.json does not say; null: H
  readonly maxPositions: number;
  readonly biasFlags: readonly string[]; // settings that add biases which the decoder has not
  readonly hasWindows: boolean; // layers may attend to a sliding window
}
/** Defaults are those of the configuration classes in transformers. */
const families: Readonly<Record<ModelFamily, FamilyTraits>> = {
  qwen2: {
    architecture: 'Qwen2ForCausalLM',
    backbone: 'Qwen2Model',
    qkvBias: true,
    qkNorm: false,
    headSize: null,
    kvHeadCount: 32,
    maxPositions: 32_768,
    biasFlags: [],
    hasWindows: true,
  },
  qwen3: {
    architecture: 'Qwen3ForCausalLM',
    backbone: 'Qwen3Model',
    qkvBias: false,
    qkNorm: true,
    headSize: 128,
    kvHeadCount: 32,
    maxPositions: 32_768,
    biasFlags: ['attention_bias'],
    hasWindows: true,
  },
  llama: {
    architecture: 'LlamaForCausalLM',
    backbone: 'LlamaModel',
    qkvBias: false,
    qkNorm: false,
    headSize: null,
    kvHeadCount: null,
    maxPositions: 2048,
    biasFlags: ['attention_bias', 'mlp_bias'],
    hasWindows: false,
  },
};

/** @throws TrainerError "model-unsupported" naming what is not supported, "model-file-invalid" for missing fields. */
export function parseModelConfig(raw: unknown): ModelConfig {
  if (!isJson(raw)) throw new TrainerError('model-file-invalid', 'config.json is not a JSON object.');
  const family = readFamily(raw);
  const traits = families[family];

  const integer = (name: string, fallback?: number): number => positiveInteger(raw, name, fallback);
  const integerOrNull = (name: string, otherwise: number): number =>
    raw[name] === null ? otherwise : integer(name, otherwise);
  const hiddenSize = integer('hidden_size');
  const headCount = integer('num_attention_heads');
  // null is H for all of them; only what is not there takes the default of the family.
  const kvDefault = raw['num_key_value_heads'] === undefined ? traits.kvHeadCount : null;
  const kvHeadCount = integerOrNull('num_key_value_heads', kvDefault ?? headCount);
  const headSize = integerOrNull('head_dim', traits.headSize ?? Math.floor(hiddenSize / headCount));
  if ((raw['head_dim'] ?? traits.headSize) === null && hiddenSize % headCount !== 0)
    throw unsupported(`hidden_size ${hiddenSize} is not a multiple of ${headCount} heads`);
  if (headSize % 4 !== 0) throw unsupported(`head size ${headSize} is not a multiple of 4`);
  if (headSize > 256) throw unsupported(`head size ${headSize} is above 256`);
  if (headCount % kvHeadCount !== 0)
    throw unsupported(`${headCount} heads are not a multiple of ${kvHeadCount} key-value heads`);
  const vocabSize = integer('vocab_size');
  const layerCount = integer('num_hidden_layers');
  const maxPositions = integer('max_position_embeddings', traits.maxPositions);
  refuseVariants(raw, traits, layerCount, maxPositions);

  return {
    family,
    architecture: traits.architecture,
    hiddenSize,
    intermediateSize: integer('intermediate_size'),
    layerCount,
    headCount,
    kvHeadCount,
    headSize,
    vocabSize,
    maxPositions,
    rmsNormEps: positiveNumber(raw, 'rms_norm_eps', 1e-6),
    ...readRope(raw, maxPositions),
    qkvBias: traits.qkvBias,
    qkNorm: traits.qkNorm,
    tiedHead: flag(raw, 'tie_word_embeddings'),
    eosIds: readEosIds(raw['eos_token_id'], vocabSize),
  };
}

function readFamily(json: Json): ModelFamily {
  const type = json['model_type'];
  if (typeof type !== 'string' || !Object.hasOwn(families, type))
    throw unsupported(`its model_type is ${type === undefined ? 'missing' : shown(type)}`);
  const family = type as ModelFamily;
  const named: unknown = Array.isArray(json['architectures']) ? json['architectures'][0] : undefined;
  const { architecture, backbone } = families[family];
  // A checkpoint of the backbone has the head where it is tied: the tensors decide.
  if (named !== undefined && named !== architecture && named !== backbone)
    throw unsupported(`its architecture is ${shown(named)}`);
  return family;
}

/** Settings that change the mathematics of this family and that the decoder has not. */
function refuseVariants(json: Json, traits: FamilyTraits, layerCount: number, maxPositions: number): void {
  const activation = json['hidden_act'] ?? 'silu';
  if (activation !== 'silu' && activation !== 'swish') throw unsupported(`hidden_act ${shown(activation)}`);
  refuseWindows(json, traits.hasWindows, layerCount, maxPositions);
  if ((json['quantization_config'] ?? null) !== null)
    throw unsupported('a checkpoint that is already quantised (quantization_config)');
  if ((json['per_layer_config'] ?? null) !== null) throw unsupported('settings by layer (per_layer_config)');
  for (const name of traits.biasFlags) if (flag(json, name)) throw unsupported(name);
  const dropout = json['attention_dropout'];
  if (dropout !== undefined && dropout !== 0) throw unsupported(`attention_dropout ${shown(dropout)}`);
}

/**
 * As Qwen2Config and Qwen3Config decide which layers attend to a window. The flag alone is no window: layers below
 * max_window_layers have none, and one that holds every position hides nothing. Llama has no windows, and no such flag.
 */
function refuseWindows(json: Json, hasWindows: boolean, layerCount: number, maxPositions: number): void {
  const isOn = hasWindows && flag(json, 'use_sliding_window');
  const window = isOn ? (json['sliding_window'] === undefined ? 4096 : json['sliding_window']) : null;
  const firstWithWindow = Number(json['max_window_layers'] ?? 28);
  const types: unknown =
    json['layer_types'] ??
    Array.from({ length: layerCount }, (_, i) =>
      window !== null && i >= firstWithWindow ? 'sliding_attention' : 'full_attention',
    );
  if (!Array.isArray(types) || types.length !== layerCount)
    throw invalid(`"layer_types" must name the kind of each of the ${layerCount} layers.`);
  for (const type of types) {
    if (type === 'full_attention' || type === 'attention') continue; // one word, before and since transformers 5
    if (type !== 'sliding_attention') throw unsupported(`layer_types with ${shown(type)}`);
    if (typeof window !== 'number' || window < maxPositions)
      throw unsupported(
        `sliding-window attention (layer_types, sliding_window ${shown(window)}, ${maxPositions} positions)`,
      );
  }
}

/** Ids that no token has, such as -1, never end an answer. */
function readEosIds(value: unknown, vocabSize: number): number[] {
  const ids = [value ?? []].flat();
  for (const id of ids)
    if (!Number.isInteger(id)) throw invalid(`"eos_token_id" holds ${shown(id)}, which is no token id.`);
  return (ids as number[]).filter((id) => id >= 0 && id < vocabSize);
}

/** Sizes as stored on the GPU: every width a multiple of 4, pads zero. */
export const padded = (n: number): number => Math.ceil(n / 4) * 4;

/** Row widths on the GPU: hidden, feed-forward, all query heads, all key heads, and q | k | v. */
export function widths(config: ModelConfig): { c: number; f: number; q: number; kv: number; qkv: number } {
  const q = config.headCount * config.headSize;
  const kv = config.kvHeadCount * config.headSize;
  return { c: padded(config.hiddenSize), f: padded(config.intermediateSize), q, kv, qkv: q + 2 * kv };
}
