/**
 * Rotary settings of a config.json, wherever a version of transformers left them, resolved as transformers 5.18 does
 * (modeling_rope_utils.py, `convert_rope_params_to_dict` and `standardize_rope_params`): a `rope_scaling` that is not
 * empty takes the place of `rope_parameters` as a whole; what stands in the one that is used goes before the top of the
 * file. A scaling that is not supported is refused wherever it stands, also where transformers would not look.
 */
import {
  invalid,
  isJson,
  positiveInteger,
  positiveNumber,
  shown,
  unsupported,
  type Json,
} from './json-fields.ts';

/** Llama 3.1's scaling of the rope frequencies, by wave length: transformers, modeling_rope_utils, "llama3". */
export interface RopeScaling {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalMaxPositions: number;
}

export interface RopeConfig {
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | null;
}

const places = ['rope_scaling', 'rope_parameters'] as const;
const defaultTheta = 10_000;

export function readRope(json: Json, maxPositions: number): RopeConfig {
  const [scaling, parameters] = places.map((place) => readPlace(json, place));
  const used = scaling !== null && Object.keys(scaling).length > 0 ? scaling : (parameters ?? {});
  const holder = [used, json].find((one) => Object.hasOwn(one, 'rope_theta'));
  return {
    ropeTheta: holder === undefined ? defaultTheta : positiveNumber(holder, 'rope_theta'),
    ropeScaling: readScaling(used, json, maxPositions),
  };
}

/** null: there is none. @throws TrainerError "model-unsupported" for a scaling that the decoder has not. */
function readPlace(json: Json, place: (typeof places)[number]): Json | null {
  const value = json[place] ?? null;
  if (value === null) return null;
  if (!isJson(value)) throw invalid(`"${place}" is ${shown(value)}, not an object.`);
  for (const [key, inner] of Object.entries(value))
    if (isJson(inner)) throw unsupported(`rope settings by kind of layer ("${place}" holds "${key}")`);
  for (const key of ['rope_type', 'type']) {
    const type = value[key] ?? 'default';
    const isSupported = type === 'default' || type === 'llama3' || isWithoutEffect(type, value, json);
    if (!isSupported) throw unsupported(`rope scaling ${shown(type)} in "${place}"`);
  }
  return value;
}

/** Frequencies divided by one are the frequencies. */
const isWithoutEffect = (type: unknown, scaling: Json, json: Json): boolean =>
  type === 'linear' && scaling['factor'] === 1 && rotatedShare(scaling, json) === 1;

const rotatedShare = (scaling: Json, json: Json): unknown =>
  scaling['partial_rotary_factor'] ?? json['partial_rotary_factor'] ?? 1;

function readScaling(scaling: Json, json: Json, maxPositions: number): RopeScaling | null {
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  // Without scaling these families rotate the whole head, whatever partial_rotary_factor says.
  if (type !== 'llama3') return null;
  if (rotatedShare(scaling, json) !== 1)
    throw unsupported(`partial_rotary_factor ${shown(rotatedShare(scaling, json))}`);
  // At the top of the file it goes first, as transformers standardises again when it makes the frequencies.
  const original = [json, scaling].find((one) => Object.hasOwn(one, 'original_max_position_embeddings'));
  const result = {
    factor: positiveNumber(scaling, 'factor'),
    lowFrequencyFactor: positiveNumber(scaling, 'low_freq_factor'),
    highFrequencyFactor: positiveNumber(scaling, 'high_freq_factor'),
    originalMaxPositions:
      original === undefined ? maxPositions : positiveInteger(original, 'original_max_position_embeddings'),
  };
  if (result.highFrequencyFactor <= result.lowFrequencyFactor)
    throw invalid('the rope scaling needs a high_freq_factor above its low_freq_factor.');
  return result;
}
