/**
 * adapter_config.json, as PEFT 0.21 writes and reads it: what is missing takes PEFT's defaults, and what the engine does
 * not compute exactly (DoRA, ranks by layer, …) is refused by name. Which modules there are, the weights say (peft.ts);
 * here is asked only whether PEFT would look at them.
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { RawRunConfig, RunConfig } from '../config/run-config.ts';
import { patternFor, targetsModule } from './peft-targets.ts';
import { textOf } from '../support/text-of.ts';
import { parseJson } from '../support/parse-json.ts';

export type LoraSettings = Pick<RunConfig, 'r' | 'loraAlpha' | 'loraDropout' | 'useRslora' | 'targetModules'>;

/** Under the names of a run's settings file. */
export const toRawLoraSettings = (settings: LoraSettings): RawRunConfig => ({
  r: settings.r,
  lora_alpha: settings.loraAlpha,
  lora_dropout: settings.loraDropout,
  use_rslora: settings.useRslora,
  target_modules: settings.targetModules,
});

/** The base model as others find it. */
export interface BaseModelName {
  readonly nameOrPath: string;
  readonly revision: string | null;
}

export const adapterInvalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('adapter-invalid', `The adapter cannot be used: ${message}`, detail);

export function adapterConfig(settings: LoraSettings, base: BaseModelName): Record<string, unknown> {
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: base.nameOrPath,
    bias: 'none',
    exclude_modules: null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: settings.loraAlpha,
    lora_bias: false,
    lora_dropout: settings.loraDropout,
    modules_to_save: null,
    peft_type: 'LORA',
    r: settings.r,
    rank_pattern: {},
    revision: base.revision,
    target_modules: [...settings.targetModules].sort(),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: settings.useRslora,
  };
}

/** A config, before the weights say what is adapted. */
export interface AdapterConfig {
  readonly r: number;
  readonly loraDropout: number;
  readonly useRslora: boolean;
  /** Would PEFT adapt it? null: its pattern cannot be read here. */
  adapts(module: string): boolean | null;
  /** Rank and alpha of a module. */
  sizeOf(module: string): { readonly r: number; readonly loraAlpha: number };
}

/** Options of LoraConfig that change what the adapter computes, and that the engine does not have. */
const unsupported = [
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'layer_replication',
  'lora_bias',
  'modules_to_save',
  'monteclora_config',
  'target_parameters',
  'trainable_token_indices',
  'use_bdlora',
  'use_dora',
  'use_qalora',
  'velora_config',
] as const;

/**
 * Set where nothing is to be done: the other fields of PEFT 0.21's LoraConfig, which say where an adapter is from, how a training
 * began or how it ran, and those below, of PEFT before 0.4 and of other tools. Which modules there are, the weights say.
 */
const withoutEffect: ReadonlySet<string> = new Set([
  ...['task_type', 'peft_type', 'auto_mapping', 'peft_version', 'base_model_name_or_path', 'revision'],
  ...['inference_mode', 'target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern'],
  ...['r', 'lora_alpha', 'lora_dropout', 'use_rslora', 'rank_pattern', 'alpha_pattern', 'bias'],
  ...['fan_in_fan_out', 'init_lora_weights', 'eva_config', 'corda_config', 'loftq_config', 'lora_ga_config'],
  ...['megatron_config', 'megatron_core', 'qalora_group_size', 'runtime_config', 'ensure_weight_tying'],
  ...['merge_weights', 'unsloth_version', 'transformers_version', 'torch_version'],
]);

/** Initialisations that also change the base weights (PiSSA, OLoRA, …) need a base that is not the model's own. */
const plainInitialisations: readonly unknown[] = [null, true, false, 'gaussian', 'eva', 'orthogonal'];

/** @throws TrainerError "adapter-invalid" */
export function readAdapterConfig(text: string): AdapterConfig {
  const config = parseConfig(text);
  if (config['peft_type'] !== 'LORA')
    throw adapterInvalid(`its peft_type is ${textOf(config['peft_type'])}; LORA is supported.`);
  const used = unsupported.filter((name) => !isUnset(config[name]));
  if (used.length > 0)
    throw adapterInvalid(
      `it uses ${used.map((name) => `${name} = ${textOf(config[name])}`).join(', ')}, which is not supported.`,
    );
  refuseUnknown(config);
  refuseLayersWithoutUse(config);
  const start = config['init_lora_weights'] ?? null;
  if (!plainInitialisations.includes(typeof start === 'string' ? start.toLowerCase() : start))
    throw adapterInvalid(
      `its init_lora_weights is ${textOf(start)}, which changes the base model; convert it to plain LoRA first.`,
    );
  const bias = config['bias'] ?? 'none';
  if (bias !== 'none') throw adapterInvalid(`its bias is ${textOf(bias)}; "none" is supported.`);
  const loraDropout = config['lora_dropout'] ?? 0;
  if (typeof loraDropout !== 'number' || !(loraDropout >= 0 && loraDropout < 1))
    throw adapterInvalid(`its lora_dropout is ${textOf(loraDropout)}.`);
  const useRslora = config['use_rslora'] ?? false;
  if (typeof useRslora !== 'boolean') throw adapterInvalid(`its use_rslora is ${textOf(useRslora)}.`);
  // PEFT's defaults; null is not one of them.
  const { r = 8, lora_alpha: loraAlpha = 8 } = config;
  const rankOf = bySuffix('rank_pattern', config['rank_pattern'], rank('r', r), rank);
  const alphaOf = bySuffix('alpha_pattern', config['alpha_pattern'], alpha('lora_alpha', loraAlpha), alpha);
  return {
    r: rank('r', r),
    loraDropout,
    useRslora,
    adapts: (module) => targetsModule(config, module),
    sizeOf: (module) => ({ r: rankOf(module), loraAlpha: alphaOf(module) }),
  };
}

/** PEFT leaves them out with a warning, and computes something else than the tool that wrote them. */
function refuseUnknown(config: Readonly<Record<string, unknown>>): void {
  const known: readonly string[] = unsupported;
  const names = Object.keys(config).filter(
    (name) => !isUnset(config[name]) && !known.includes(name) && !withoutEffect.has(name),
  );
  if (names.length === 0) return;
  const shown = names.map((name) => `${name} = ${textOf(config[name])}`.slice(0, 120)).join(', ');
  throw adapterInvalid(
    `its adapter_config.json sets ${shown}, which PEFT 0.21 does not know. It was written by a newer PEFT or by another tool, and what the option changes is not known here. Where it changes nothing, set it to null.`,
  );
}

/** PEFT reads no such file: it would choose other layers than these settings say. */
function refuseLayersWithoutUse(config: Readonly<Record<string, unknown>>): void {
  const given = (['layers_to_transform', 'layers_pattern'] as const).filter(
    (name) => !isUnset(config[name]) && config[name] !== '',
  );
  const [first] = given;
  if (first === undefined) return;
  if (typeof config['target_modules'] === 'string')
    throw adapterInvalid(
      `its ${first} stands beside target_modules = ${textOf(config['target_modules'])}, which names modules and layers by itself; PEFT takes one of the two.`,
    );
  if (!given.includes('layers_to_transform'))
    throw adapterInvalid('its layers_pattern has no layers_to_transform beside it, which PEFT asks for.');
}

function parseConfig(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw adapterInvalid('adapter_config.json is not JSON.', String(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw adapterInvalid('adapter_config.json is not an object.');
  return value as Record<string, unknown>;
}

function rank(name: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 1) return value as number;
  throw adapterInvalid(`its ${name} is ${textOf(value)}.`);
}

function alpha(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  throw adapterInvalid(`its ${name} is ${textOf(value)}.`);
}

/** rank_pattern and alpha_pattern: the first pattern that a module's name ends with. */
function bySuffix(
  name: string,
  patterns: unknown,
  otherwise: number,
  check: (name: string, value: unknown) => number,
): (module: string) => number {
  if (isUnset(patterns)) return () => otherwise;
  if (typeof patterns !== 'object') throw adapterInvalid(`its ${name} is ${textOf(patterns)}.`);
  const entries = Object.entries(patterns as object).map(([key, value]) => {
    const pattern = patternFor(`(.*\\.)?(${key})`);
    if (pattern === null) throw adapterInvalid(`its ${name} has ${textOf(key)}, which cannot be read.`);
    return [pattern, check(`${name} of ${key}`, value)] as const;
  });
  return (module) => entries.find(([pattern]) => pattern.test(module))?.[1] ?? otherwise;
}

/** PEFT writes null, false, [] or {} for an option that is off. */
function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
