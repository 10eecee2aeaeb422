/**
 * PEFT's LoRA adapter format: adapter_config.json + adapter_model.safetensors, as PEFT 0.21 writes them.
 * Weights are matched by their full names: an adapter that loads and means something else is worse than one
 * that does not load (peft issue 1579).
 */
import { loraTargets, type LoraTarget } from '../config/run-config.ts';
import {
  adapterConfig,
  adapterInvalid as invalid,
  readAdapterConfig,
  type LoraSettings,
} from './peft-config.ts';
import { writeSafetensors, type SafetensorsFile, type TensorToWrite } from './safetensors.ts';

export interface LoraModule {
  readonly layer: number;
  readonly target: LoraTarget;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly a: Float32Array; // [r, inFeatures]
  readonly b: Float32Array; // [outFeatures, r]
}
export type { LoraSettings } from './peft-config.ts';

export function moduleName(layer: number, target: LoraTarget): string {
  const block =
    target.startsWith('gate') || target.startsWith('up') || target.startsWith('down') ? 'mlp' : 'self_attn';
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

/**
 * Modules in the order of layers and of `loraTargets`. Shapes are checked against each other here,
 * and against the model by the caller.
 * @throws TrainerError "adapter-invalid"
 */
export async function readPeftAdapter(
  configText: string,
  weights: SafetensorsFile,
): Promise<{ settings: LoraSettings; modules: LoraModule[] }> {
  const settings = readAdapterConfig(configText);
  const found = collectFactors(weights, settings.targetModules as readonly LoraTarget[]);
  const modules: LoraModule[] = [];
  for (const { layer, target, a, b } of found) {
    const [shapeA, shapeB] = [shapeOf(weights, a), shapeOf(weights, b)];
    if (shapeA.length !== 2 || shapeA[0] !== settings.r)
      throw invalid(`"${a}" is [${shapeA.join(', ')}]; with r ${settings.r} it must be [${settings.r}, in].`);
    if (shapeB.length !== 2 || shapeB[1] !== settings.r)
      throw invalid(
        `"${b}" is [${shapeB.join(', ')}]; with r ${settings.r} it must be [out, ${settings.r}].`,
      );
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

const factorName =
  /^base_model\.model\.model\.layers\.(\d+)\.(self_attn|mlp)\.(\w+)\.lora_([AB])(?:\.default)?\.weight$/;

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
    if (
      match === null ||
      target === undefined ||
      !loraTargets.includes(target) ||
      !name.startsWith(moduleName(layer, target))
    )
      throw invalid(
        `it has the tensor "${name}"; expected names like "${moduleName(0, 'q_proj')}.lora_A.weight".`,
      );
    if (!targets.includes(target))
      throw invalid(`it has weights for ${target}, which target_modules does not name.`);
    const key = moduleName(layer, target);
    const entry = factors.get(key) ?? { layer, target };
    const factor = match[4] === 'A' ? 'a' : 'b';
    if (entry[factor] !== undefined) throw invalid(`"${name}" is there twice, with and without ".default".`);
    factors.set(key, { ...entry, [factor]: name });
  }
  if (factors.size === 0) throw invalid('it has no LoRA weights.');
  const layerCount = Math.max(...[...factors.values()].map(({ layer }) => layer)) + 1;
  if (layerCount > factors.size)
    throw invalid(`it has weights for layer ${layerCount - 1}, but not for all before it.`);
  const layers = Array.from({ length: layerCount }, (_, layer) => layer);
  return layers.flatMap((layer) =>
    targets.map((target) => {
      const { a, b } = factors.get(moduleName(layer, target)) ?? {};
      if (a === undefined || b === undefined)
        throw invalid(
          `"${moduleName(layer, target)}.lora_${a === undefined ? 'A' : 'B'}.weight" is missing.`,
        );
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
