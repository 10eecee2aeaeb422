/** Where a run's settings come from, weakest first: defaults, the run that is resumed, the adapter, --config, --set. */
import { join } from 'node:path';
import { TrainerError } from '../../src/api/trainer-error.ts';
import { demoRunConfig } from '../../src/config/demo-preset.ts';
import {
  defaultRunConfig,
  loraTargets,
  parseSetting,
  requireRunConfig,
  type RawRunConfig,
  type RunConfig,
} from '../../src/config/run-config.ts';
import { isFile, isObject, readJson } from './files.ts';
import { reasonOf } from './inputs.ts';

export interface SettingSources {
  readonly isDemo: boolean;
  readonly configPath: string | null;
  readonly settings: readonly string[]; // "key=value"
  readonly initAdapterFolder: string | null;
  readonly resumedRunFolder: string | null;
}

/** @throws TrainerError "config-invalid" or "adapter-invalid". */
export function resolveRunConfig(sources: SettingSources): RunConfig {
  const { isDemo, configPath, settings, initAdapterFolder, resumedRunFolder } = sources;
  const given: RawRunConfig = {
    ...(configPath === null ? {} : readSettingsFile(configPath)),
    ...parseSettings(settings),
  };
  const adapter = initAdapterFolder === null ? {} : readAdapterSettings(initAdapterFolder);
  refuseContradictions(adapter, given);
  const resumed = resumedRunFolder === null ? {} : readResumedSettings(resumedRunFolder);
  return requireRunConfig({ ...resumed, ...adapter, ...given }, isDemo ? demoRunConfig : defaultRunConfig);
}

function readSettingsFile(path: string): RawRunConfig {
  if (!isFile(path)) throw new TrainerError('config-invalid', `--config ${path} is not a file.`);
  try {
    const raw = readJson(path);
    if (!isObject(raw)) throw new SyntaxError('it is not a JSON object of settings');
    return raw;
  } catch (error) {
    throw new TrainerError('config-invalid', `--config ${path} cannot be read: ${reasonOf(error)}.`);
  }
}

/** A run continues with its own settings unless told otherwise. */
function readResumedSettings(folder: string): RawRunConfig {
  const path = join(folder, 'run_config.json');
  return isFile(path) ? readSettingsFile(path) : {};
}

export function parseSettings(settings: readonly string[]): RawRunConfig {
  const entries = settings.map((setting) => {
    const at = setting.indexOf('=');
    if (at <= 0)
      throw new TrainerError(
        'config-invalid',
        `--set ${setting} must be key=value, e.g. learning_rate=1e-4.`,
      );
    const file = setting.slice(0, at).trim();
    try {
      return [file, parseSetting(file, setting.slice(at + 1))] as const;
    } catch (error) {
      throw new TrainerError('config-invalid', `--set ${setting} cannot be read: ${reasonOf(error)}.`);
    }
  });
  return Object.fromEntries(entries);
}

/** The settings that an adapter's own adapter_config.json fixes. */
export function readAdapterSettings(folder: string): RawRunConfig {
  const path = join(folder, 'adapter_config.json');
  let raw: unknown;
  try {
    raw = readJson(path);
  } catch (error) {
    throw new TrainerError('adapter-invalid', `${path} cannot be read: ${reasonOf(error)}.`);
  }
  const bad = (message: string): TrainerError => new TrainerError('adapter-invalid', `${path}: ${message}`);
  if (!isObject(raw)) throw bad('it is not a JSON object.');
  if (raw['peft_type'] !== undefined && raw['peft_type'] !== 'LORA')
    throw bad(`peft_type is ${JSON.stringify(raw['peft_type'])}; only LORA can be trained.`);
  const targets = raw['target_modules'];
  const isList = Array.isArray(targets) && targets.every((target) => typeof target === 'string');
  if (!isList && targets !== 'all-linear')
    throw bad(`target_modules is ${JSON.stringify(targets)}; a list of layer names is needed.`);
  const named = isList ? new Set(targets) : new Set<string>(loraTargets);
  const unknown = [...named].filter((name) => !loraTargets.includes(name as (typeof loraTargets)[number]));
  if (unknown.length > 0)
    throw bad(`target_modules has ${unknown.join(', ')}; supported: ${loraTargets.join(', ')}.`);
  const settings: Record<string, unknown> = {
    r: raw['r'],
    lora_alpha: raw['lora_alpha'],
    lora_dropout: raw['lora_dropout'] ?? 0,
    use_rslora: raw['use_rslora'] ?? false,
    target_modules: loraTargets.filter((name) => named.has(name)),
  };
  try {
    requireRunConfig(settings);
  } catch (error) {
    throw bad(reasonOf(error));
  }
  return settings;
}

function refuseContradictions(adapter: RawRunConfig, given: RawRunConfig): void {
  const asText = (value: unknown): string =>
    JSON.stringify(Array.isArray(value) ? [...(value as unknown[])].sort() : value);
  const contradictions = Object.entries(adapter)
    .filter(([file, value]) => file in given && asText(given[file]) !== asText(value))
    .map(([file, value]) => `${file} is ${asText(given[file])}, but the adapter has ${asText(value)}`);
  if (contradictions.length > 0)
    throw new TrainerError(
      'config-invalid',
      `${contradictions.join('; ')}. Leave it out, or start without --init-adapter.`,
    );
}
