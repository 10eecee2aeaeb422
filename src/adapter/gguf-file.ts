/**
 * A GGUF file, versions 2 and 3, little endian, as far as adapters need it: values by their keys, and tensors. What its header says is
 * checked against the file's size before anything is made of it.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import type { ByteSource } from '../support/byte-source.ts';
import { toFloat32 } from './float-formats.ts';
import { ggmlType, ggufAlignment } from './ggml.ts';
import { adapterInvalid as invalid } from './peft-config.ts';

export interface GgufTensor {
  readonly shape: readonly number[]; // as in torch: rows, columns
  readonly type: number; // ggml's
  readonly start: number; // byte of the file
}

export interface GgufFile {
  /** Lists have the value null: none is of use here. */
  readonly values: ReadonlyMap<string, string | number | boolean | null>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** @throws TrainerError "adapter-invalid" */
  readFloat32(name: string): Promise<Float32Array>;
}

/** A model's with its whole vocabulary has some 10 MiB. */
const mostHeaderBytes = 64 * 2 ** 20;
const mostTensors = 20_000;
const mostDimensions = 4;

/** Bytes that hold `values` values. */
const layouts: ReadonlyMap<number, { readonly values: number; readonly bytes: number }> = new Map([
  [ggmlType.f32, { values: 1, bytes: 4 }],
  [ggmlType.f16, { values: 1, bytes: 2 }],
  [ggmlType.bf16, { values: 1, bytes: 2 }],
  [8, { values: 32, bytes: 34 }], // Q8_0: an f16 scale and 32 int8
]);
const q8 = 8;

export async function isGguf(file: Blob): Promise<boolean> {
  return (await file.slice(0, 4).text()) === 'GGUF';
}

/** @throws TrainerError "adapter-invalid" */
export async function openGguf(source: ByteSource): Promise<GgufFile> {
  const reader = new Reader(await source.read(0, Math.min(source.size, mostHeaderBytes)));
  if (reader.text(4) !== 'GGUF') throw invalid('it is no GGUF file.');
  const version = reader.uint32();
  if (version !== 2 && version !== 3)
    throw invalid(`it is GGUF of version ${version}, big-endian or of another age; 2 and 3 are read.`);
  const tensorCount = reader.count();
  const valueCount = reader.count();
  if (tensorCount > mostTensors)
    throw invalid(`it has ${tensorCount} tensors, and up to ${mostTensors} are read.`);
  const values = new Map<string, string | number | boolean | null>();
  for (let i = 0; i < valueCount; i++) values.set(reader.string(), reader.value(reader.uint32()));
  const described = Array.from({ length: tensorCount }, () => reader.tensor());
  const alignment = values.get('general.alignment') ?? ggufAlignment;
  if (typeof alignment !== 'number' || !(alignment >= 1 && alignment <= 2 ** 20))
    throw invalid(`its general.alignment is ${String(alignment)}.`);
  const dataStart = Math.ceil(reader.at / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const { name, shape, type, offset } of described) {
    if (tensors.has(name)) throw invalid(`it has "${name}" twice.`);
    tensors.set(name, { shape, type, start: dataStart + offset });
  }
  return { values, tensors, readFloat32: (name) => readTensor(source, name, tensors.get(name)) };
}

async function readTensor(
  source: ByteSource,
  name: string,
  tensor: GgufTensor | undefined,
): Promise<Float32Array> {
  if (tensor === undefined) throw invalid(`"${name}" is missing.`);
  const { shape, type, start } = tensor;
  const layout = layouts.get(type);
  if (layout === undefined)
    throw invalid(
      `"${name}" is of ggml's type ${type}; F32, F16, BF16 and Q8_0 are read. Convert the adapter again with --outtype f16.`,
    );
  const count = shape.reduce((product, n) => product * n, 1);
  const size = (count / layout.values) * layout.bytes;
  if (!Number.isSafeInteger(size) || start + size > source.size)
    throw invalid(`"${name}" lies beyond the end of the file, which was cut off.`);
  const bytes = await source.read(start, start + size);
  if (bytes.length !== size) throw invalid(`"${name}" could not be read to its end.`);
  const values = type === q8 ? fromQ8(bytes, count) : toFloat32(bytes, formatOf(type));
  if (!values.every(Number.isFinite)) throw invalid(`"${name}" holds values that are not finite.`);
  return values;
}

const formatOf = (type: number): 'F32' | 'F16' | 'BF16' =>
  type === ggmlType.f32 ? 'F32' : type === ggmlType.f16 ? 'F16' : 'BF16';

function fromQ8(bytes: Uint8Array, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let block = 0; block * 34 < bytes.length; block++) {
    const at = block * 34;
    const [scale] = toFloat32(bytes.slice(at, at + 2), 'F16');
    for (let i = 0; i < 32; i++) values[block * 32 + i] = scale * ((bytes[at + 2 + i] << 24) >> 24);
  }
  return values;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The place of what follows. */
  #take(size: number): number {
    const from = this.at;
    if (!(size <= this.#bytes.length - from))
      throw invalid('its header goes on beyond the end of the file, which was cut off.');
    this.at += size;
    return from;
  }

  text(size: number): string {
    const from = this.#take(size);
    return new TextDecoder().decode(this.#bytes.subarray(from, from + size));
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A uint64 that counts something: none of them is beyond what a number holds exactly. */
  count(): number {
    const value = Number(this.#view.getBigUint64(this.#take(8), true));
    if (Number.isSafeInteger(value)) return value;
    throw invalid(`its header counts ${value} of something.`);
  }

  string(): string {
    return this.text(this.count());
  }

  value(type: number): string | number | boolean | null {
    const fixed = this.#fixed(type);
    if (fixed !== undefined) return fixed;
    if (type === 8) return this.string();
    if (type === 9) return this.#skipList();
    throw invalid(`its header has a value of the unknown type ${type}.`);
  }

  /** undefined: the type has no fixed size. */
  #fixed(type: number): number | boolean | undefined {
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(this.#take(1));
      case 1:
        return view.getInt8(this.#take(1));
      case 2:
        return view.getUint16(this.#take(2), true);
      case 3:
        return view.getInt16(this.#take(2), true);
      case 4:
        return view.getUint32(this.#take(4), true);
      case 5:
        return view.getInt32(this.#take(4), true);
      case 6:
        return view.getFloat32(this.#take(4), true);
      case 7:
        return view.getUint8(this.#take(1)) !== 0;
      case 10:
        return Number(view.getBigUint64(this.#take(8), true));
      case 11:
        return Number(view.getBigInt64(this.#take(8), true));
      case 12:
        return view.getFloat64(this.#take(8), true);
      default:
        return undefined;
    }
  }

  #skipList(): null {
    const type = this.uint32();
    const count = this.count();
    if (type === 9) throw invalid('its header has a list of lists, which is not read.');
    for (let i = 0; i < count; i++) this.value(type);
    return null;
  }

  tensor(): { name: string; shape: number[]; type: number; offset: number } {
    const name = this.string();
    const dimensions = this.uint32();
    if (dimensions > mostDimensions) throw invalid(`"${name}" has ${dimensions} dimensions.`);
    const shape = Array.from({ length: dimensions }, () => this.count()).reverse();
    return { name, shape, type: this.uint32(), offset: this.count() };
  }
}
