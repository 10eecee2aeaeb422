/** Fields of a config.json that come from anywhere: read with what they must be, or refused by name. */
import { TrainerError } from '../support/trainer-error.ts';

export type Json = Readonly<Record<string, unknown>>;

export const invalid = (message: string): TrainerError =>
  new TrainerError('model-file-invalid', `config.json: ${message}`);
export const unsupported = (what: string): TrainerError =>
  new TrainerError(
    'model-unsupported',
    `This model cannot be trained here: ${what}. Supported are the families Qwen2, Qwen3 and Llama.`,
  );

/** Only what is not there takes the fallback: null for a number is refused, as transformers 5 refuses it. */
export function positiveInteger(json: Json, name: string, fallback?: number): number {
  const value = json[name] === undefined ? fallback : json[name];
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw invalid(`"${name}" must be a positive whole number, not ${shown(json[name])}.`);
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

export const shown = (value: unknown): string => JSON.stringify(value) ?? 'missing';

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
