/** Where a run's settings come from, weakest first: defaults, the run that is resumed, the adapter, --config, --set. */
import { readGgufSettings } from '../../src/adapter/gguf.ts';
import { toRawLoraSettings } from '../../src/adapter/peft-config.ts';
import { blobSource } from '../../src/support/byte-source.ts';
import { readAdapter } from '../../src/trainer/read-adapter.ts';
import { TrainerError } from '../../src/support/trainer-error.ts';
import { demoRunConfig } from '../../src/config/demo-preset.ts';
import { asksForNothing } from '../../src/config/foreign-settings.ts';
import { presets } from '../../src/config/presets.ts';
import {
  defaultRunConfig,
  fieldOf,
  meaningOf,
  parseRunConfig,
  parseSetting,
  readSettings,
  requireRunConfig,
  runConfigKeys,
  type ConfigProblem,
  type RawRunConfig,
  type RunConfig,
  type UnusedSetting,
} from '../../src/config/run-config.ts';
import { readCheckpointHead } from './checkpoint-file.ts';
import { isFile, isObject, readJson } from './files.ts';
import { readAdapterPlace } from './adapter-input.ts';
import { reasonOf } from './inputs.ts';

export interface SettingSources {
  readonly isDemo: boolean;
  readonly configPath: string | null;
  readonly settings: readonly string[]; // "key=value"
  readonly initAdapterFolder: string | null;
  readonly checkpointPath: string | null; // of the run that is resumed
}

/** `say`: told of what was given and has no effect here. @throws TrainerError with a code of bad input. */
export async function resolveRunConfig(
  sources: SettingSources,
  say: (line: string) => void = () => undefined,
): Promise<RunConfig> {
  const { isDemo, configPath, settings, initAdapterFolder, checkpointPath } = sources;
  // Each by itself: a warmup_ratio of the command line goes before the warmup_steps of a file.
  const inFile = readSettings(configPath === null ? {} : readSettingsFile(configPath));
  const inLine = readSettings(parseSettings(settings));
  refuseProblems([...inFile.problems, ...inLine.problems], { ...inFile.raw, ...inLine.raw });
  for (const line of unusedLines([...inFile.unused, ...inLine.unused])) say(line);
  const given: RawRunConfig = { ...inFile.raw, ...inLine.raw };
  const adapter = initAdapterFolder === null ? {} : await readAdapterSettings(initAdapterFolder);
  refuseContradictions(adapter, given);
  const resumed = checkpointPath === null ? {} : (await readCheckpointHead(checkpointPath)).settings;
  return requireRunConfig({ ...resumed, ...adapter, ...given }, isDemo ? demoRunConfig : defaultRunConfig);
}

/** Together with what is wrong with the values of known settings: every problem at once. */
function refuseProblems(problems: readonly ConfigProblem[], raw: RawRunConfig): void {
  if (problems.length === 0) return;
  const all = [...problems, ...parseRunConfig(raw).problems];
  throw new TrainerError('config-invalid', all.map(({ file, message }) => `${file} ${message}`).join('; '));
}

/** By name where something was asked for, else by number: a file of TrainingArguments has a hundred that are off. */
export function unusedLines(unused: readonly UnusedSetting[]): string[] {
  if (unused.length === 0) return [];
  const asked = unused.filter(({ value }) => !asksForNothing(value));
  const rest = unused.length - asked.length;
  const named = asked.map(({ file, value }) => `${file} ${JSON.stringify(value)}`).join(', ');
  const others = `${rest} more that ${rest === 1 ? 'is' : 'are'} null, off or empty`;
  return [
    `Settings without effect here: ${[named, ...(rest > 0 ? [others] : [])].filter((text) => text !== '').join('; and ')}`,
  ];
}

/** A file, or the name of a preset. */
function readSettingsFile(path: string): RawRunConfig {
  const preset = presets.find(({ id }) => id === path);
  if (preset !== undefined && !isFile(path)) return preset.settings;
  if (!isFile(path))
    throw new TrainerError(
      'config-invalid',
      `--config ${path} is neither a file nor a preset (${presets.map(({ id }) => id).join(', ')}).`,
    );
  try {
    const raw = readJson(path);
    if (!isObject(raw)) throw new SyntaxError('it is not a JSON object of settings');
    return raw;
  } catch (error) {
    throw new TrainerError('config-invalid', `--config ${path} cannot be read: ${reasonOf(error)}.`);
  }
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

/**
 * The settings that an adapter fixes. Its files are read completely, so a bad one is refused before a browser starts.
 * @throws TrainerError "adapter-invalid" or "model-file-invalid"
 */
export async function readAdapterSettings(folder: string): Promise<RawRunConfig> {
  const files = readAdapterPlace(folder);
  const settings =
    files.config === null
      ? await readGgufSettings(blobSource(files.weights))
      : (await readAdapter(files, null)).settings;
  return toRawLoraSettings(settings);
}

function refuseContradictions(adapter: RawRunConfig, given: RawRunConfig): void {
  const asText = (value: unknown): string =>
    JSON.stringify(Array.isArray(value) ? [...(value as unknown[])].sort() : value);
  const meant = (file: string): unknown => {
    const key = runConfigKeys.find((one) => fieldOf(one).file === file);
    return key === undefined ? given[file] : meaningOf(fieldOf(key), given[file]);
  };
  const contradictions = Object.entries(adapter)
    .filter(([file, value]) => file in given && asText(meant(file)) !== asText(value))
    .map(([file, value]) => `${file} is ${asText(given[file])}, but the adapter has ${asText(value)}`);
  if (contradictions.length > 0)
    throw new TrainerError(
      'config-invalid',
      `${contradictions.join('; ')}. Leave it out, or start without --init-adapter.`,
    );
}
