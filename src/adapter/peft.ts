/**
 * PEFT's LoRA adapter format: adapter_config.json + adapter_model.safetensors, as PEFT 0.21 writes them.
 * What the engine does not compute exactly (DoRA, rank patterns, …) is refused: an adapter that loads and
 * means something else is worse than one that does not load (peft issue 1579).
 */
import { TrainerError } from '../api/trainer-error.ts';
import { loraTargets, type LoraTarget, type RunConfig } from '../config/run-config.ts';
import { writeSafetensors, type SafetensorsFile, type TensorToWrite } from './safetensors.ts';

export interface LoraModule {
  readonly layer: number;
  readonly target: LoraTarget;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly a: Float32Array; // [r, inFeatures]
  readonly b: Float32Array; // [outFeatures, r]
}
export type LoraSettings = Pick<RunConfig, 'r' | 'loraAlpha' | 'loraDropout' | 'useRslora' | 'targetModules'>;

export function moduleName(layer: number, target: LoraTarget): string {
  const block = target.startsWith('gate') || target.startsWith('up') || target.startsWith('down') ? 'mlp' : 'self_attn';
  return `base_model.model.model.layers.${layer}.${block}.${target}`;
}

/** The two files' bytes. Tensors are ordered by name, so the same adapter gives the same bytes. */
export function writePeftAdapter(
  modules: readonly LoraModule[],
  settings: LoraSettings,
  baseModelName: string,
): { config: Uint8Array; weights: Uint8Array } {
  const { r } = settings;
  const tensors = modules.flatMap(({ layer, target, inFeatures, outFeatures, a, b }): TensorToWrite[] => {
    const name = moduleName(layer, target);
    return [
      { name: `${name}.lora_A.weight`, dtype: 'F32', shape: [r, inFeatures], data: a },
      { name: `${name}.lora_B.weight`, dtype: 'F32', shape: [outFeatures, r], data: b },
    ];
  });
  tensors.sort((x, y) => (x.name < y.name ? -1 : 1));
  const config = JSON.stringify(adapterConfig(settings, baseModelName), null, 2);
  return {
    config: new TextEncoder().encode(`${config}\n`),
    weights: writeSafetensors(tensors, { format: 'pt' }), // transformers refuses files without "format"
  };
}

function adapterConfig(settings: LoraSettings, baseModelName: string): Record<string, unknown> {
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

const invalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('adapter-invalid', `The adapter cannot be used: ${message}`, detail);

/**
 * Modules in the order of layers and of `loraTargets`. Shapes are checked against each other here,
 * and against the model by the caller.
 * @throws TrainerError "adapter-invalid"
 */
export async function readPeftAdapter(
  configText: string,
  weights: SafetensorsFile,
): Promise<{ settings: LoraSettings; modules: LoraModule[] }> {
  const settings = readSettings(parseConfig(configText));
  const found = collectFactors(weights, settings.targetModules as readonly LoraTarget[]);
  const modules: LoraModule[] = [];
  for (const { layer, target, a, b } of found) {
    const [shapeA, shapeB] = [shapeOf(weights, a), shapeOf(weights, b)];
    if (shapeA.length !== 2 || shapeA[0] !== settings.r)
      throw invalid(`"${a}" is [${shapeA.join(', ')}]; with r ${settings.r} it must be [${settings.r}, in].`);
    if (shapeB.length !== 2 || shapeB[1] !== settings.r)
      throw invalid(`"${b}" is [${shapeB.join(', ')}]; with r ${settings.r} it must be [out, ${settings.r}].`);
    modules.push({
      layer,
      target,
      inFeatures: shapeA[1],
      outFeatures: shapeB[0],
      a: await readFactor(weights, a),
      b: await readFactor(weights, b),
    });
  }
  return { settings, modules };
}

function parseConfig(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid('adapter_config.json is not JSON.', String(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('adapter_config.json is not an object.');
  return value as Record<string, unknown>;
}

/** Options of LoraConfig that change what the adapter computes, and that the engine does not have. */
const unsupported = [
  'alora_invocation_tokens',
  'alpha_pattern',
  'exclude_modules',
  'fan_in_fan_out',
  'layer_replication',
  'layers_pattern',
  'layers_to_transform',
  'lora_bias',
  'modules_to_save',
  'rank_pattern',
  'target_parameters',
  'trainable_token_indices',
  'use_bdlora',
  'use_dora',
  'use_qalora',
] as const;

function readSettings(config: Record<string, unknown>): LoraSettings {
  if (config['peft_type'] !== 'LORA')
    throw invalid(`its peft_type is ${JSON.stringify(config['peft_type'])}; LORA is supported.`);
  const used = unsupported.filter((name) => !isUnset(config[name]));
  if (used.length > 0)
    throw invalid(`it uses ${used.map((name) => `${name} = ${JSON.stringify(config[name])}`).join(', ')}, which is not supported.`);
  const bias = config['bias'] ?? 'none';
  if (bias !== 'none') throw invalid(`its bias is ${JSON.stringify(bias)}; "none" is supported.`);
  const { r, lora_alpha: loraAlpha, lora_dropout: loraDropout = 0, use_rslora: useRslora = false } = config;
  if (!Number.isInteger(r) || (r as number) < 1) throw invalid(`its r is ${JSON.stringify(r)}.`);
  if (typeof loraAlpha !== 'number' || !(loraAlpha > 0)) throw invalid(`its lora_alpha is ${JSON.stringify(loraAlpha)}.`);
  if (typeof loraDropout !== 'number' || !(loraDropout >= 0 && loraDropout < 1))
    throw invalid(`its lora_dropout is ${JSON.stringify(loraDropout)}.`);
  if (typeof useRslora !== 'boolean') throw invalid(`its use_rslora is ${JSON.stringify(useRslora)}.`);
  return { r: r as number, loraAlpha, loraDropout, useRslora, targetModules: readTargets(config['target_modules']) };
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
    throw invalid(
      `its target_modules are ${JSON.stringify(value)}; accepted: a list of ${loraTargets.join(', ')}, or "all-linear".`,
    );
  return loraTargets.filter((target) => names.includes(target));
}

const factorName = /^base_model\.model\.model\.layers\.(\d+)\.(self_attn|mlp)\.(\w+)\.lora_([AB])(?:\.default)?\.weight$/;

/** Pairs of factor names by layer and target: every layer from 0 up has both factors of every target, and nothing else. */
function collectFactors(
  weights: SafetensorsFile,
  targets: readonly LoraTarget[],
): { layer: number; target: LoraTarget; a: string; b: string }[] {
  const factors = new Map<string, { layer: number; target: LoraTarget; a?: string; b?: string }>();
  for (const name of weights.tensors.keys()) {
    const match = factorName.exec(name);
    const target = match?.[3] as LoraTarget | undefined;
    const layer = Number(match?.[1]);
    if (match === null || target === undefined || !loraTargets.includes(target) || !name.startsWith(moduleName(layer, target)))
      throw invalid(`it has the tensor "${name}"; expected names like "${moduleName(0, 'q_proj')}.lora_A.weight".`);
    if (!targets.includes(target)) throw invalid(`it has weights for ${target}, which target_modules does not name.`);
    const key = moduleName(layer, target);
    const entry = factors.get(key) ?? { layer, target };
    const factor = match[4] === 'A' ? 'a' : 'b';
    if (entry[factor] !== undefined) throw invalid(`"${name}" is there twice, with and without ".default".`);
    factors.set(key, { ...entry, [factor]: name });
  }
  if (factors.size === 0) throw invalid('it has no LoRA weights.');
  const layerCount = Math.max(...[...factors.values()].map(({ layer }) => layer)) + 1;
  if (layerCount > factors.size) throw invalid(`it has weights for layer ${layerCount - 1}, but not for all before it.`);
  const layers = Array.from({ length: layerCount }, (_, layer) => layer);
  return layers.flatMap((layer) =>
    targets.map((target) => {
      const { a, b } = factors.get(moduleName(layer, target)) ?? {};
      if (a === undefined || b === undefined)
        throw invalid(`"${moduleName(layer, target)}.lora_${a === undefined ? 'A' : 'B'}.weight" is missing.`);
      return { layer, target, a, b };
    }),
  );
}

function shapeOf(weights: SafetensorsFile, name: string): readonly number[] {
  return weights.tensors.get(name)?.shape ?? [];
}

async function readFactor(weights: SafetensorsFile, name: string): Promise<Float32Array> {
  let values: Float32Array;
  try {
    values = await weights.readFloat32(name);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  if (!values.every(Number.isFinite)) throw invalid(`"${name}" holds values that are not finite.`);
  return values;
}
