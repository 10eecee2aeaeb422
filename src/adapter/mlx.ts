/**
 * mlx-lm's LoRA adapters: `lora_a` [in, r] and `lora_b` [r, out] under the names of modules, and a scale instead of alpha. What
 * they say is said in PEFT's words here: alpha = scale · r.
 */
import { moduleName, readModuleName, type LoraTarget } from '../architecture/modules.ts';
import { textOf } from '../support/text-of.ts';
import { byPlace, toOneSize, type AdapterContent } from './one-size.ts';
import { adapterInvalid as invalid } from './peft-config.ts';
import type { LoraModule } from './peft.ts';
import type { SafetensorsFile } from './safetensors.ts';

type Json = Readonly<Record<string, unknown>>;

/** mlx-lm writes it, PEFT does not. */
export const isMlxConfig = (config: unknown): config is Json =>
  typeof config === 'object' && config !== null && 'lora_parameters' in config && !('peft_type' in config);

/** @throws TrainerError "adapter-invalid" */
export async function readMlxAdapter(config: Json, weights: SafetensorsFile): Promise<AdapterContent> {
  const type = config['fine_tune_type'] ?? 'lora';
  if (type !== 'lora') throw invalid(`its fine_tune_type is ${textOf(type)}; lora is supported.`);
  const { rank, scale, dropout = 0 } = (config['lora_parameters'] ?? {}) as Json;
  if (!Number.isInteger(rank) || Number(rank) < 1) throw invalid(`its rank is ${textOf(rank)}.`);
  if (typeof scale !== 'number' || !(scale > 0 && Number.isFinite(scale)))
    throw invalid(`its scale is ${textOf(scale)}.`);
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1))
    throw invalid(`its dropout is ${textOf(dropout)}.`);
  const r = Number(rank);
  const modules = await readModules(weights, r);
  const loraAlpha = scale * r;
  return toOneSize(
    modules.map((module) => ({ ...module, r, loraAlpha })),
    { loraDropout: dropout, useRslora: false },
  );
}

async function readModules(weights: SafetensorsFile, r: number): Promise<LoraModule[]> {
  const found = new Map<string, { readonly layer: number; readonly target: LoraTarget }>();
  for (const name of weights.tensors.keys()) {
    const path = /^(.+)\.lora_[ab]$/.exec(name)?.[1];
    const module = path === undefined ? null : readModuleName(path);
    if (path === undefined || module === null)
      throw invalid(
        `it has the tensor "${name}", which is not used here; expected are names like "${moduleName(0, 'q_proj')}.lora_a".`,
      );
    found.set(path, module);
  }
  if (found.size === 0) throw invalid('it has no LoRA weights.');
  const modules: LoraModule[] = [];
  for (const [path, { layer, target }] of [...found].sort(([, a], [, b]) => byPlace(a, b))) {
    const a = await readFactor(weights, `${path}.lora_a`);
    const b = await readFactor(weights, `${path}.lora_b`);
    if (a.columns !== r)
      throw invalid(`"${path}.lora_a" is [${a.rows}, ${a.columns}]; with rank ${r} it must be [in, ${r}].`);
    if (b.rows !== r)
      throw invalid(`"${path}.lora_b" is [${b.rows}, ${b.columns}]; with rank ${r} it must be [${r}, out].`);
    modules.push({
      layer,
      target,
      inFeatures: a.rows,
      outFeatures: b.columns,
      a: transposed(a.values, a.rows, a.columns),
      b: transposed(b.values, b.rows, b.columns),
    });
  }
  return modules;
}

async function readFactor(
  weights: SafetensorsFile,
  name: string,
): Promise<{ readonly rows: number; readonly columns: number; readonly values: Float32Array }> {
  const shape = weights.tensors.get(name)?.shape;
  if (shape === undefined) throw invalid(`"${name}" is missing.`);
  if (shape.length !== 2) throw invalid(`"${name}" is [${shape.join(', ')}], no matrix.`);
  let values: Float32Array;
  try {
    values = await weights.readFloat32(name);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  if (!values.every(Number.isFinite)) throw invalid(`"${name}" holds values that are not finite.`);
  return { rows: shape[0], columns: shape[1], values };
}

/** [rows, columns] → [columns, rows] */
export function transposed(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < columns; k++) result[k * rows + i] = matrix[i * columns + k];
  return result;
}
