/**
 * The run configuration: one table of fields gives the type, the parser, the form, the JSON and the docs.
 * Names and meanings are those of transformers' TrainingArguments, TRL's SFTConfig and PEFT's LoraConfig
 * (snake_case in files, camelCase in code), so that a run can be repeated there step by step.
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { Field } from './field-kinds.ts';
import { allLinear, runConfigFields } from './fields.ts';
import {
  isForeign,
  readForeignSettings,
  type ConfigProblem,
  type ReadSettings,
  type UnusedSetting,
} from './foreign-settings.ts';
import { textOf } from '../support/text-of.ts';

export type { Effect, Field, ListField } from './field-kinds.ts';
export { runConfigFields } from './fields.ts';

type Fields = typeof runConfigFields;
type ValueOf<F> = F extends { type: 'number' | 'integer' }
  ? number
  : F extends { type: 'boolean' }
    ? boolean
    : F extends { type: 'choice'; choices: readonly (infer T)[] }
      ? T
      : F extends { type: 'list' }
        ? readonly string[]
        : F extends { type: 'text' }
          ? string
          : never;
export type RunConfig = { readonly [K in keyof Fields]: ValueOf<Fields[K]> };
export type RunConfigKey = keyof RunConfig;
/** Settings under their file names, as in run_config.json: values not yet checked. */
export type RawRunConfig = Readonly<Record<string, unknown>>;
export type { ConfigProblem, UnusedSetting } from './foreign-settings.ts';

export const runConfigKeys = Object.keys(runConfigFields) as RunConfigKey[];

export function fieldOf(key: RunConfigKey): Field {
  return runConfigFields[key];
}

function checkValue(field: Field, value: unknown): string | null {
  switch (field.type) {
    case 'number':
    case 'integer': {
      if (typeof value !== 'number' || !Number.isFinite(value))
        return `must be a number, not ${textOf(value)}`;
      if (field.type === 'integer' && !Number.isInteger(value)) return `must be a whole number, not ${value}`;
      if (value < field.min || value > field.max)
        return `must be from ${field.min} to ${field.max}, not ${value}`;
      return null;
    }
    case 'boolean':
      return typeof value === 'boolean' ? null : `must be true or false, not ${textOf(value)}`;
    case 'choice':
      return field.choices.includes(value as string)
        ? null
        : `must be one of ${field.choices.join(', ')}, not ${textOf(value)}`;
    case 'text':
      if (typeof value !== 'string') return `must be a text, not ${textOf(value)}`;
      return field.form === 'date' && !isDate(value)
        ? `must be a day as 2024-07-26, not ${textOf(value)}`
        : null;
    case 'list': {
      if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
        return 'must be a list of texts';
      const { allowed } = field;
      const unknown = allowed === null ? [] : (value as string[]).filter((item) => !allowed.includes(item));
      if (unknown.length > 0) return `has ${unknown.join(', ')}; accepted: ${allowed?.join(', ')}`;
      if (allowed !== null && value.length === 0) return 'must name at least one';
      return null;
    }
    default:
      return field satisfies never;
  }
}

function isDate(text: string): boolean {
  const date = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  // The 31st of June is the 1st of July to JavaScript.
  return date !== null && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** Settings of a file or a command line, those that other tools write among them, under this project's names. */
export function readSettings(given: RawRunConfig): ReadSettings {
  return readForeignSettings(
    given,
    runConfigKeys.map((key) => fieldOf(key).file),
  );
}

/**
 * Settings under their file names → a complete RunConfig; missing ones take `base` (the defaults).
 * Returns every problem at once, and what was given without having an effect here.
 */
export function parseRunConfig(
  given: RawRunConfig,
  base: RunConfig = defaultRunConfig,
): {
  readonly config: RunConfig;
  readonly problems: readonly ConfigProblem[];
  readonly unused: readonly UnusedSetting[];
} {
  const byFile = new Map(runConfigKeys.map((key) => [fieldOf(key).file, key]));
  const values: Record<string, unknown> = { ...base };
  const { raw, unused, problems: foreign } = readSettings(given);
  const problems: ConfigProblem[] = [...foreign];
  for (const [file, value] of Object.entries(raw)) {
    const key = byFile.get(file);
    if (key === undefined) continue;
    const field = fieldOf(key);
    const meant = meaningOf(field, value);
    const message = checkValue(field, meant);
    if (message !== null) problems.push({ file, message });
    else values[key] = meant;
  }
  const config = values as unknown as RunConfig;
  problems.push(...withoutHeldOut(config).filter(({ file }) => !problems.some((one) => one.file === file)));
  const order = Object.keys(given);
  problems.sort((a, b) => order.indexOf(a.file) - order.indexOf(b.file));
  return { config, problems, unused };
}

/** What is judged by the held-out loss needs rows for it. */
function withoutHeldOut({
  evalFraction,
  loadBestModelAtEnd,
  earlyStoppingPatience,
}: RunConfig): ConfigProblem[] {
  if (evalFraction > 0) return [];
  const message = 'needs a held-out loss: set eval_fraction above 0 (0.05 holds out a row of twenty)';
  return [
    ...(loadBestModelAtEnd ? [{ file: 'load_best_model_at_end', message }] : []),
    ...(earlyStoppingPatience > 0 ? [{ file: 'early_stopping_patience', message }] : []),
  ];
}

/** Aliases replaced by what they stand for. */
export function meaningOf(field: Field, value: unknown): unknown {
  if (field.type === 'choice') {
    const isWord = typeof value === 'string' || typeof value === 'boolean'; // transformers has both
    const { aliases = {} } = field;
    return isWord && Object.hasOwn(aliases, String(value)) ? aliases[String(value)] : value;
  }
  if (field.type !== 'list' || field.aliases === undefined) return value;
  const { aliases } = field;
  // PEFT takes a text for a pattern, but this one for a name of many.
  if (typeof value === 'string') return value.toLowerCase() === allLinear ? aliases[allLinear] : value;
  if (!Array.isArray(value)) return value;
  const meant = (value as unknown[]).flatMap((item) =>
    typeof item === 'string' ? (aliases[item] ?? aliases[item.toLowerCase()] ?? item) : item,
  );
  return [...new Set(meant)];
}

/** @throws TrainerError "config-invalid" naming every wrong setting. */
export function requireRunConfig(raw: RawRunConfig, base: RunConfig = defaultRunConfig): RunConfig {
  const { config, problems } = parseRunConfig(raw, base);
  if (problems.length > 0) {
    throw new TrainerError('config-invalid', problems.map((p) => `${p.file} ${p.message}`).join('; '));
  }
  return config;
}

/** One `key=value` of the command line, read by the field's type. Unknown keys and values are left for the parser to refuse. */
export function parseSetting(file: string, text: string): unknown {
  const key = runConfigKeys.find((candidate) => fieldOf(candidate).file === file);
  if (key === undefined) return isForeign(file) ? parseJsonOrText(text) : text;
  const field = fieldOf(key);
  switch (field.type) {
    case 'number':
    case 'integer':
      return text.trim() === '' ? text : Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'choice':
    case 'text':
      return text;
    case 'list':
      return text.trimStart().startsWith('[')
        ? parseJsonOrText(text)
        : text.split(',').map((item) => item.trim());
    default:
      return field satisfies never;
  }
}

function parseJsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text; // the parser refuses it by name
  }
}

/** The settings under their file names, for run_config.json. */
export function toRawRunConfig(config: RunConfig): Record<string, unknown> {
  return Object.fromEntries(runConfigKeys.map((key) => [fieldOf(key).file, config[key]]));
}

export const defaultRunConfig: RunConfig = Object.fromEntries(
  runConfigKeys.map((key) => [key, fieldOf(key).default]),
) as unknown as RunConfig;

/** LoRA scaling factor: alpha / r, or alpha / sqrt(r) with rsLoRA (arXiv 2312.03732). */
export function loraScaling(config: Pick<RunConfig, 'r' | 'loraAlpha' | 'useRslora'>): number {
  return config.loraAlpha / (config.useRslora ? Math.sqrt(config.r) : config.r);
}
