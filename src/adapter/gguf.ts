/**
 * LoRA adapters as llama.cpp has them (`convert_lora_to_gguf.py`): factors under the names of ggml's tensors, one alpha for all, and
 * each module's own rank by which it is divided. Ollama and LM Studio take the same file.
 */
import type { LoraTarget } from '../architecture/modules.ts';
import type { ByteSource } from '../support/byte-source.ts';
import { textOf } from '../support/text-of.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { ggmlNames, rotatedHeads, unpairedRows, type ModelShape } from './ggml.ts';
import { openGguf, type GgufFile } from './gguf-file.ts';
import {
  byPlace,
  settingsOf,
  toOneSize,
  type AdapterContent,
  type LoraSize,
  type SizedModule,
} from './one-size.ts';
import { adapterInvalid as invalid, type LoraSettings } from './peft-config.ts';
import type { LoraModule } from './peft.ts';

const shared = { loraDropout: 0, useRslora: false } as const;

/** @param model null: not known, which the rows of Llama's queries and keys need. @throws TrainerError "adapter-invalid" */
export async function readGgufAdapter(source: ByteSource, model: ModelShape | null): Promise<AdapterContent> {
  const file = await openGguf(source);
  const family = requireLora(file);
  if (model !== null && model.family !== family)
    throw invalid(`it was made for a model of the kind ${family}, and this one is ${model.family}.`);
  const modules: SizedModule[] = [];
  for (const module of collectModules(file))
    modules.push({
      ...module.place,
      ...module.size,
      a: await file.readFloat32(`${module.name}.lora_a`),
      b: await readB(file, module, model),
    });
  return toOneSize(modules, shared);
}

/** What its header says; no value is read. @throws TrainerError "adapter-invalid" */
export async function readGgufSettings(source: ByteSource): Promise<LoraSettings> {
  const file = await openGguf(source);
  requireLora(file);
  return settingsOf(
    collectModules(file).map(({ place, size }) => ({ ...place, ...size })),
    shared,
  );
}

/** @returns the base's kind */
function requireLora({ values }: GgufFile): string {
  const type = values.get('general.type');
  if (type !== 'adapter')
    throw invalid(
      `it is a GGUF file of the type ${textOf(type)}, and no adapter. A model is opened as a folder of safetensors.`,
    );
  const kind = values.get('adapter.type');
  if (kind !== 'lora') throw invalid(`its adapter.type is ${textOf(kind)}; lora is supported.`);
  const invocation = [...values.keys()].find((key) => key.startsWith('adapter.alora.'));
  if (invocation !== undefined) throw invalid(`it sets ${invocation}, which is not supported.`);
  const family = values.get('general.architecture');
  if (family === 'llama' || family === 'qwen2' || family === 'qwen3') return family;
  throw invalid(`it was made for ${textOf(family)}; llama, qwen2 and qwen3 are supported.`);
}

const targetOf = new Map(Object.entries(ggmlNames).map(([target, name]) => [name, target as LoraTarget]));

interface Found {
  readonly name: string; // before ".lora_a"
  readonly place: Pick<LoraModule, 'layer' | 'target' | 'inFeatures' | 'outFeatures'>;
  readonly size: LoraSize;
}

/** In the order of layers and targets. */
function collectModules(file: GgufFile): Found[] {
  const alpha = file.values.get('adapter.lora.alpha');
  if (typeof alpha !== 'number' || !Number.isFinite(alpha) || alpha < 0)
    throw invalid(`its adapter.lora.alpha is ${textOf(alpha)}.`);
  const found = new Map<string, Found>();
  for (const tensor of file.tensors.keys()) {
    const [, name, layer, part] = /^(blk\.(\d{1,4})\.(\w+)\.weight)\.lora_[ab]$/.exec(tensor) ?? [];
    const target = targetOf.get(part);
    if (target === undefined)
      throw invalid(
        `it has the tensor "${tensor}", which is not used here; expected are names like "blk.0.attn_q.weight.lora_a".`,
      );
    if (found.has(name)) continue;
    const [r, inFeatures] = matrixOf(file, `${name}.lora_a`);
    const [outFeatures, columns] = matrixOf(file, `${name}.lora_b`);
    if (columns !== r)
      throw invalid(
        `"${name}.lora_b" is [${outFeatures}, ${columns}]; beside a [${r}, ${inFeatures}] it must be [out, ${r}].`,
      );
    const loraAlpha = alpha === 0 ? r : alpha; // llama.cpp scales by 1 then
    const place = { layer: Number(layer), target, inFeatures, outFeatures };
    found.set(name, { name, place, size: { r, loraAlpha } });
  }
  if (found.size === 0) throw invalid('it has no LoRA weights.');
  return [...found.values()].sort((one, other) => byPlace(one.place, other.place));
}

async function readB(
  file: GgufFile,
  { name, place: { target, outFeatures }, size: { r } }: Found,
  model: ModelShape | null,
): Promise<Float32Array> {
  const b = await file.readFloat32(`${name}.lora_b`);
  const isSorted = target === 'q_proj' || target === 'k_proj';
  if (!isSorted || file.values.get('general.architecture') !== 'llama') return b;
  const heads = model === null ? null : rotatedHeads(model, target);
  if (model === null || heads === null)
    throw new TrainerError(
      'adapter-invalid',
      'llama.cpp sorts the rows of Llama’s queries and keys by heads, and an adapter alone does not say how many there are: name its model too (--model <folder>).',
    );
  const { headSize } = model;
  if (heads * headSize !== outFeatures)
    throw invalid(`"${name}.lora_b" has ${outFeatures} rows, and the model ${heads} heads of ${headSize}.`);
  return unpairedRows(b, { heads, headSize, columns: r });
}

function matrixOf({ tensors }: GgufFile, name: string): readonly [number, number] {
  const shape = tensors.get(name)?.shape;
  if (shape === undefined) throw invalid(`"${name}" is missing.`);
  const [rows, columns] = shape;
  if (shape.length !== 2 || rows < 1 || columns < 1)
    throw invalid(`"${name}" is [${shape.join(', ')}], no matrix.`);
  return [rows, columns];
}
