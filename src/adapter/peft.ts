/**
 * PEFT's LoRA adapter format: adapter_config.json + adapter_model.safetensors, as PEFT 0.21 writes them.
 * Weights are matched by their full names: an adapter that loads and means something else is worse than one
 * that does not load (peft issue 1579).
 */
import { moduleName, readModuleName, type LoraTarget } from '../architecture/modules.ts';
import {
  adapterConfig,
  adapterInvalid as invalid,
  readAdapterConfig,
  type AdapterConfig,
  type BaseModelName,
  type LoraSettings,
} from './peft-config.ts';
import { byPlace, toOneSize, type AdapterContent, type SizedModule } from './one-size.ts';
import { writeSafetensors, type SafetensorsFile, type TensorToWrite } from './safetensors.ts';

export interface LoraModule {
  readonly layer: number;
  readonly target: LoraTarget;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly a: Float32Array; // [r, inFeatures]
  readonly b: Float32Array; // [outFeatures, r]
}
export { type BaseModelName, type LoraSettings } from './peft-config.ts';

const prefix = 'base_model.model.';

/** The two files' bytes. Tensors are ordered by name, so the same adapter gives the same bytes. */
export function writePeftAdapter(
  modules: readonly LoraModule[],
  settings: LoraSettings,
  base: BaseModelName,
): { config: Uint8Array; weights: Uint8Array } {
  const { r } = settings;
  const tensors = modules.flatMap(({ layer, target, inFeatures, outFeatures, a, b }): TensorToWrite[] => {
    const name = `${prefix}${moduleName(layer, target)}`;
    return [
      { name: `${name}.lora_A.weight`, dtype: 'F32', shape: [r, inFeatures], data: a },
      { name: `${name}.lora_B.weight`, dtype: 'F32', shape: [outFeatures, r], data: b },
    ];
  });
  tensors.sort((x, y) => (x.name < y.name ? -1 : 1));
  const config = JSON.stringify(adapterConfig(settings, base), null, 2);
  return {
    config: new TextEncoder().encode(`${config}\n`),
    weights: writeSafetensors(tensors, { format: 'pt' }), // transformers refuses files without "format"
  };
}

/**
 * Modules in the order of layers and of `loraTargets`: those that the file has weights for. Shapes are checked against
 * each other here, and against the model by the caller.
 * @throws TrainerError "adapter-invalid"
 */
export async function readPeftAdapter(configText: string, weights: SafetensorsFile): Promise<AdapterContent> {
  const config = readAdapterConfig(configText);
  const found = collectFactors(weights);
  requireReached(config, found);
  const modules: SizedModule[] = [];
  for (const { layer, target, a, b } of found) {
    const { r, loraAlpha } = config.sizeOf(moduleName(layer, target));
    const [shapeA, shapeB] = [shapeOf(weights, a), shapeOf(weights, b)];
    if (shapeA.length !== 2 || shapeA[0] !== r)
      throw invalid(`"${a}" is [${shapeA.join(', ')}]; with r ${r} it must be [${r}, in].`);
    if (shapeB.length !== 2 || shapeB[1] !== r)
      throw invalid(`"${b}" is [${shapeB.join(', ')}]; with r ${r} it must be [out, ${r}].`);
    modules.push({
      layer,
      target,
      inFeatures: shapeA[1],
      outFeatures: shapeB[0],
      r,
      loraAlpha,
      a: await readFactor(weights, a),
      b: await readFactor(weights, b),
    });
  }
  const { loraDropout, useRslora } = config;
  return toOneSize(modules, { loraDropout, useRslora });
}

interface Factors {
  readonly layer: number;
  readonly target: LoraTarget;
  readonly a: string; // names of the tensors
  readonly b: string;
}

/** @throws TrainerError where PEFT would not use the weights. */
function requireReached(config: AdapterConfig, found: readonly Factors[]): void {
  const names = found.map(({ layer, target }) => moduleName(layer, target));
  const unreached = names.find((name) => config.adapts(name) === false);
  if (unreached !== undefined)
    throw invalid(
      `it has weights for ${unreached}, which its target_modules, exclude_modules or layers do not reach: PEFT would leave them unused.`,
    );
}

type Named = Pick<Factors, 'layer' | 'target'> & { readonly a?: string; readonly b?: string };

const factorName = /^base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/;

/** 1,000 layers of 7 modules, each of two tensors. */
const MAX_FACTORS = 14_000;

/** Pairs of factor names in the order of layers and targets. What is no factor of a known module is refused by name. */
function collectFactors(weights: SafetensorsFile): Factors[] {
  if (weights.tensors.size > MAX_FACTORS)
    throw invalid(`it has ${weights.tensors.size} tensors, and up to ${MAX_FACTORS} are read.`);
  const factors = new Map<string, Named>();
  for (const name of weights.tensors.keys()) {
    const match = factorName.exec(name);
    const module = match === null ? null : readModuleName(match[1]);
    if (match === null || module === null)
      throw invalid(
        `it has the tensor "${name}", which is not used here; expected are names like "${prefix}${moduleName(0, 'q_proj')}.lora_A.weight".`,
      );
    const entry: Named = factors.get(match[1]) ?? module;
    const factor = match[2] === 'A' ? 'a' : 'b';
    if (entry[factor] !== undefined) throw invalid(`"${name}" is there twice, with and without ".default".`);
    factors.set(match[1], { ...entry, [factor]: name });
  }
  if (factors.size === 0) throw invalid('it has no LoRA weights.');
  return [...factors.values()].sort(byPlace).map(({ layer, target, a, b }) => {
    if (a !== undefined && b !== undefined) return { layer, target, a, b };
    const lost = a === undefined ? 'A' : 'B';
    throw invalid(`"${prefix}${moduleName(layer, target)}.lora_${lost}.weight" is missing.`);
  });
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
