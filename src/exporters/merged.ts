/**
 * The model with the adapter in it: W + scale · B · A for every adapted matrix, in float32, then in the wanted format. Shards are
 * read and written in ranges of rows, so that no more than one range is held; what is not adapted keeps its values.
 */
import type { LoraModule } from '../adapter/peft.ts';
import { isFloat } from '../adapter/float-formats.ts';
import type { SafetensorsFile } from '../adapter/safetensors.ts';
import { loraScaling } from '../config/run-config.ts';
import type { ByteSource } from '../support/byte-source.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { moduleName } from '../architecture/modules.ts';
import { sourceFile, textFile, type ExportFile } from './export-file.ts';
import {
  bytesPerValue,
  encodeFloats,
  firstLost,
  safetensorsDtype,
  type ExportDtype,
} from './number-format.ts';
import { safetensorsFile, type TensorPart } from './safetensors-file.ts';
import { requireModel, type ExportSubject } from './subject.ts';

/** The folder of the base, opened and checked. */
export interface BaseFolder {
  /** null: there is no such file. */
  open(name: string): Promise<ByteSource | null>;
  readonly shards: ReadonlyMap<string, SafetensorsFile>;
  /** What the file calls the weight of a module. */
  weightName(module: string): string | undefined;
}

/** Copied as they are, where they are there: with them the folder is a model of its own. */
const copiedNames = [
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
  'chat_template.jinja',
];
const indexName = 'model.safetensors.index.json';
const rangeElements = 2 ** 21; // 8 MiB as float32

/**
 * `isShortLived`: a chunk is good until the next one of any file is asked for, which is written over it. For whoever writes them away at
 * once: less is left for a garbage collector to find. (Detaching buffers does not help: Chromium's own wrappers of them keep the bytes,
 * and nobody counts them any more.)
 */
export async function mergedFiles(
  subject: ExportSubject,
  base: BaseFolder,
  dtype: ExportDtype,
  isShortLived = false,
): Promise<ExportFile[]> {
  requireModel(subject, 'A merged model');
  const scale = loraScaling(subject.settings);
  const room = isShortLived ? new Room() : null;
  const updates = updatesOf(subject.modules, base);
  const shards = [...base.shards].map(([name, file]) => {
    const tensors = [...file.tensors]
      .sort(([, a], [, b]) => a.start - b.start)
      .map(([tensor]) => tensorOf(file, tensor, { update: updates.get(tensor) ?? null, scale, dtype, room }));
    return safetensorsFile(name, tensors, { ...file.metadata, format: 'pt' });
  });
  const tensorBytes = [...base.shards].reduce(
    (sum, [, file]) =>
      sum + [...file.tensors.keys()].reduce((bytes, name) => bytes + sizeIn(file, name, dtype), 0),
    0,
  );
  return [
    ...shards,
    ...(await indexOf(base, tensorBytes)),
    textFile('config.json', await configIn(base, dtype)),
    ...(await copies(base)),
  ];
}

/** @throws TrainerError "adapter-invalid" where the base has no such weight */
function updatesOf(modules: readonly LoraModule[], base: BaseFolder): Map<string, LoraModule> {
  return new Map(
    modules.map((module) => {
      const name = moduleName(module.layer, module.target);
      const tensor = base.weightName(`${name}.weight`);
      if (tensor !== undefined) return [tensor, module] as const;
      throw new TrainerError('adapter-invalid', `The model has no ${name}, which the adapter changes.`);
    }),
  );
}

interface Merge {
  readonly update: LoraModule | null;
  readonly scale: number;
  readonly dtype: ExportDtype;
  readonly room: Room | null; // null: each range gets memory of its own
}

/** Memory for one range, used again for the next. */
class Room {
  values = new Float32Array(0);
  halves = new Uint16Array(0);

  ofAtLeast(count: number): this {
    if (this.values.length < count) {
      this.values = new Float32Array(count);
      this.halves = new Uint16Array(count);
    }
    return this;
  }
}

function sizeIn(file: SafetensorsFile, name: string, dtype: ExportDtype): number {
  const info = file.tensors.get(name);
  if (info === undefined) return 0;
  if (!isFloat(info.dtype)) return info.end - info.start;
  return bytesPerValue[dtype] * info.shape.reduce((product, n) => product * n, 1);
}

function tensorOf(file: SafetensorsFile, name: string, merge: Merge): TensorPart {
  const info = file.tensors.get(name);
  if (info === undefined) throw new Error(`no tensor ${name}`);
  const { shape, dtype } = info;
  const size = sizeIn(file, name, merge.dtype);
  if (isFloat(dtype))
    return {
      name,
      shape,
      size,
      dtype: safetensorsDtype[merge.dtype],
      chunks: () => mergedRows(file, name, merge),
    };
  return {
    name,
    shape,
    size,
    dtype,
    async *chunks() {
      yield await file.readBytes(name);
    },
  };
}

async function* mergedRows(
  file: SafetensorsFile,
  name: string,
  { update, scale, dtype, room }: Merge,
): AsyncIterable<Uint8Array> {
  const { shape = [] } = file.tensors.get(name) ?? {};
  const count = shape.reduce((product, n) => product * n, 1);
  const columns = shape.at(-1) ?? 1;
  const step = Math.max(1, Math.floor(rangeElements / columns)) * columns;
  for (let first = 0; first < count; first += step) {
    const end = Math.min(count, first + step);
    const own = room?.ofAtLeast(Math.max(rangeElements, end - first));
    const values = await file.readFloat32(name, [first, end], own?.values);
    if (update !== null) addProduct(values, update, scale, first / columns);
    const lost = firstLost(values, dtype);
    if (lost !== null)
      throw new TrainerError(
        'nothing-to-export',
        `"${name}" holds ${lost}, which ${dtype} cannot: export the model as bf16 or f32.`,
      );
    yield encodeFloats(values, dtype, own?.halves);
  }
}

/** Rows from `firstRow` of W, in place: W += scale · B · A. */
function addProduct(
  rows: Float32Array,
  { a, b, inFeatures }: LoraModule,
  scale: number,
  firstRow: number,
): void {
  const r = a.length / inFeatures;
  const delta = new Float64Array(inFeatures);
  for (let row = 0; row * inFeatures < rows.length; row++) {
    delta.fill(0);
    for (let k = 0; k < r; k++) {
      const factor = b[(firstRow + row) * r + k];
      if (factor === 0) continue;
      const from = k * inFeatures;
      for (let i = 0; i < inFeatures; i++) delta[i] += factor * a[from + i];
    }
    const at = row * inFeatures;
    for (let i = 0; i < inFeatures; i++) rows[at + i] += scale * delta[i];
  }
}

/** The same shards hold the same tensors; only their bytes are others. */
async function indexOf(base: BaseFolder, totalBytes: number): Promise<ExportFile[]> {
  const index = base.shards.has('model.safetensors') ? null : await jsonOf(base, indexName);
  if (index === null) return [];
  const map = {
    ...index,
    metadata: { ...(index['metadata'] as object | undefined), total_size: totalBytes },
  };
  return [textFile(indexName, `${JSON.stringify(map, null, 2)}\n`)];
}

const torchNames = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' } as const satisfies Record<
  ExportDtype,
  string
>;

/** transformers calls it "dtype" since version 5, and reads the older name too. */
async function configIn(base: BaseFolder, dtype: ExportDtype): Promise<string> {
  const config = (await jsonOf(base, 'config.json')) ?? {};
  const name = 'dtype' in config ? 'dtype' : 'torch_dtype';
  return `${JSON.stringify({ ...config, [name]: torchNames[dtype] }, null, 2)}\n`;
}

async function jsonOf(base: BaseFolder, name: string): Promise<Record<string, unknown> | null> {
  const source = await base.open(name);
  if (source === null) return null;
  return JSON.parse(new TextDecoder().decode(await source.read(0, source.size))) as Record<string, unknown>;
}

async function copies(base: BaseFolder): Promise<ExportFile[]> {
  const found = await Promise.all(copiedNames.map(async (name) => [name, await base.open(name)] as const));
  return found.flatMap(([name, source]) => (source === null ? [] : [sourceFile(name, source)]));
}

/** The format that most bytes of the base are in. */
export function storedDtype({ shards }: BaseFolder): ExportDtype {
  const bytes = { f32: 0, f16: 0, bf16: 0 };
  const names: Readonly<Record<string, ExportDtype>> = { F64: 'f32', F32: 'f32', F16: 'f16', BF16: 'bf16' };
  for (const file of shards.values())
    for (const { dtype, start, end } of file.tensors.values()) {
      const name = names[dtype];
      if (name !== undefined) bytes[name] += end - start;
    }
  return (Object.keys(bytes) as ExportDtype[]).reduce((most, name) =>
    bytes[name] > bytes[most] ? name : most,
  );
}
