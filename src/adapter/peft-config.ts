/**
 * adapter_config.json, as PEFT 0.21 writes it. What the engine does not compute exactly (DoRA, rank patterns, …)
 * is refused by name.
 */
import { TrainerError } from '../api/trainer-error.ts';
import { loraTargets, type LoraTarget, type RunConfig } from '../config/run-config.ts';

export type LoraSettings = Pick<RunConfig, 'r' | 'loraAlpha' | 'loraDropout' | 'useRslora' | 'targetModules'>;

export const adapterInvalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('adapter-invalid', `The adapter cannot be used: ${message}`, detail);

export function adapterConfig(settings: LoraSettings, baseModelName: string): Record<string, unknown> {
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: baseModelName,
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
    revision: null,
    target_modules: [...settings.targetModules].sort(),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: settings.useRslora,
  };
}

/** @throws TrainerError "adapter-invalid" */
export function readAdapterConfig(text: string): LoraSettings {
  return readSettings(parseConfig(text));
}

function parseConfig(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw adapterInvalid('adapter_config.json is not JSON.', String(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw adapterInvalid('adapter_config.json is not an object.');
  return value as Record<string, unknown>;
}

/** Options of LoraConfig that change what the adapter computes, and that the engine does not have. */
const unsupported = [
  'alora_invocation_tokens',
  'alpha_pattern',
  'arrow_config',
  'exclude_modules',
  'fan_in_fan_out',
  'kasa_config',
  'layer_replication',
  'layers_pattern',
  'layers_to_transform',
  'lora_bias',
  'modules_to_save',
  'monteclora_config',
  'rank_pattern',
  'target_parameters',
  'trainable_token_indices',
  'use_bdlora',
  'use_dora',
  'use_qalora',
] as const;

/** Initialisations that also change the base weights (PiSSA, OLoRA, …) need a base that is not the model's own. */
const plainInitialisations: readonly unknown[] = [undefined, true, false, 'gaussian', 'eva', 'orthogonal'];

function readSettings(config: Record<string, unknown>): LoraSettings {
  if (config['peft_type'] !== 'LORA')
    throw adapterInvalid(`its peft_type is ${JSON.stringify(config['peft_type'])}; LORA is supported.`);
  const used = unsupported.filter((name) => !isUnset(config[name]));
  if (used.length > 0)
    throw adapterInvalid(
      `it uses ${used.map((name) => `${name} = ${JSON.stringify(config[name])}`).join(', ')}, which is not supported.`,
    );
  const start = config['init_lora_weights'];
  if (!plainInitialisations.includes(start))
    throw adapterInvalid(
      `its init_lora_weights is ${JSON.stringify(start)}, which changes the base model; convert it to plain LoRA first.`,
    );
  const bias = config['bias'] ?? 'none';
  if (bias !== 'none') throw adapterInvalid(`its bias is ${JSON.stringify(bias)}; "none" is supported.`);
  const { r, lora_alpha: loraAlpha, lora_dropout: loraDropout = 0, use_rslora: useRslora = false } = config;
  if (!Number.isInteger(r) || (r as number) < 1) throw adapterInvalid(`its r is ${JSON.stringify(r)}.`);
  if (typeof loraAlpha !== 'number' || !(loraAlpha > 0))
    throw adapterInvalid(`its lora_alpha is ${JSON.stringify(loraAlpha)}.`);
  if (typeof loraDropout !== 'number' || !(loraDropout >= 0 && loraDropout < 1))
    throw adapterInvalid(`its lora_dropout is ${JSON.stringify(loraDropout)}.`);
  if (typeof useRslora !== 'boolean') throw adapterInvalid(`its use_rslora is ${JSON.stringify(useRslora)}.`);
  return {
    r: r as number,
    loraAlpha,
    loraDropout,
    useRslora,
    targetModules: readTargets(config['target_modules']),
  };
}

/** PEFT writes null, false, [] or {} for an option that is off. */
function isUnset(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function readTargets(value: unknown): LoraTarget[] {
  if (value === 'all-linear') return [...loraTargets];
  // A full name such as "self_attn.q_proj" reaches every layer as well.
  const names = Array.isArray(value) ? value.map((name) => String(name).split('.').at(-1) ?? '') : [];
  const other = names.filter((name) => !loraTargets.includes(name as LoraTarget));
  if (names.length === 0 || other.length > 0)
    throw adapterInvalid(
      `its target_modules are ${JSON.stringify(value)}; accepted: a list of ${loraTargets.join(', ')}, or "all-linear".`,
    );
  return loraTargets.filter((target) => names.includes(target));
}
