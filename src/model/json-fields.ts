/** Fields of a config.json that come from anywhere: read with what they must be, or refused by name. */
import { TrainerError } from '../support/trainer-error.ts';
import { textOf } from '../support/text-of.ts';

export type Json = Readonly<Record<string, unknown>>;

export const invalid = (message: string): TrainerError =>
  new TrainerError('model-file-invalid', `config.json: ${message}`);
export const unsupported = (what: string): TrainerError =>
  new TrainerError(
    'model-unsupported',
    `This model cannot be trained here: ${what}. Supported are the families Qwen2, Qwen3 and Llama.`,
  );

/**
 * Several times the largest of published models (Llama 3.1 405B: 126 layers of 16,384; vocabularies of 262,144). Loops run
 * over these numbers before a tensor is looked at, so a flipped digit must not become two billion rounds.
 */
const largest: Readonly<Record<string, number>> = {
  num_hidden_layers: 1_000,
  hidden_size: 131_072,
  intermediate_size: 1_048_576,
  num_attention_heads: 4_096,
  num_key_value_heads: 4_096,
  head_dim: 4_096,
  vocab_size: 4_194_304,
};

/** Only what is not there takes the fallback: null for a number is refused, as transformers 5 refuses it. */
export function positiveInteger(json: Json, name: string, fallback?: number): number {
  const value = json[name] === undefined ? fallback : json[name];
  if (!Number.isSafeInteger(value) || (value as number) <= 0)
    throw invalid(`"${name}" must be a positive whole number, not ${shown(json[name])}.`);
  const most = Object.hasOwn(largest, name) ? largest[name] : Number.MAX_SAFE_INTEGER;
  if ((value as number) > most)
    throw invalid(`"${name}" is ${shown(value)}, and up to ${most} is read: no model is that large.`);
  return value as number;
}

export function positiveNumber(json: Json, name: string, fallback?: number): number {
  const value = json[name] === undefined ? fallback : json[name];
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  throw invalid(`"${name}" must be a positive number, not ${shown(json[name])}.`);
}

/** null and nothing are false. */
export function flag(json: Json, name: string): boolean {
  const value = json[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw invalid(`"${name}" must be true or false, not ${shown(value)}.`);
}

export const shown = (value: unknown): string => (value === undefined ? 'missing' : textOf(value));

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
