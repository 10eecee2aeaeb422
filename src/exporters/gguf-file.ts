/**
 * The GGUF container, version 3: magic, counts, key-value pairs, descriptions of tensors, and their data, each at a multiple
 * of the alignment. Little endian. ggml names dimensions from the one whose elements lie side by side.
 */
import { ggmlType, ggufAlignment, ggufValueType } from '../adapter/ggml.ts';
import { joinedFile, type ExportFile, type FilePart } from './export-file.ts';
import { bytesPerValue, encodeFloats, type ExportDtype } from './number-format.ts';

/** Of general.file_type: how most tensors are held. */
export const ggufFileType = { f32: 0, f16: 1, bf16: 32 } as const satisfies Record<ExportDtype, number>;

export type GgufValue =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'uint32' | 'float32'; readonly value: number };

export interface GgufTensor {
  readonly name: string;
  readonly shape: readonly number[]; // as in torch: rows, columns
  readonly values: Float32Array;
}

export function ggufFile(
  name: string,
  values: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
  dtype: ExportDtype,
): ExportFile {
  const header = new Writer();
  header.raw(new TextEncoder().encode('GGUF'));
  header.uint32(3);
  header.uint64(tensors.length);
  header.uint64(Object.keys(values).length);
  for (const [key, value] of Object.entries(values)) {
    header.string(key);
    header.uint32(ggufValueType[value.kind]);
    if (value.kind === 'string') header.string(value.value);
    else if (value.kind === 'uint32') header.uint32(value.value);
    else header.float32(value.value);
  }
  let offset = 0;
  const parts: FilePart[] = [];
  for (const { name, shape, values } of tensors) {
    header.string(name);
    header.uint32(shape.length);
    for (const n of shape.toReversed()) header.uint64(n);
    header.uint32(ggmlType[dtype]);
    header.uint64(offset);
    const size = values.length * bytesPerValue[dtype];
    parts.push({ size: aligned(size), chunks: () => dataOf(values, dtype) });
    offset += aligned(size);
  }
  const bytes = header.bytes();
  const padded = new Uint8Array(aligned(bytes.length));
  padded.set(bytes);
  return joinedFile(name, [{ size: padded.length, chunks: () => once(padded) }, ...parts]);
}

const aligned = (bytes: number): number => Math.ceil(bytes / ggufAlignment) * ggufAlignment;

async function* dataOf(values: Float32Array, dtype: ExportDtype): AsyncIterable<Uint8Array> {
  const bytes = encodeFloats(values, dtype);
  yield bytes;
  const pad = aligned(bytes.length) - bytes.length;
  if (pad > 0) yield new Uint8Array(pad);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

class Writer {
  readonly #parts: Uint8Array[] = [];

  raw(bytes: Uint8Array): void {
    this.#parts.push(bytes);
  }

  #number(size: number, set: (view: DataView) => void): void {
    const view = new DataView(new ArrayBuffer(size));
    set(view);
    this.raw(new Uint8Array(view.buffer));
  }

  uint32(value: number): void {
    this.#number(4, (view) => view.setUint32(0, value, true));
  }

  uint64(value: number): void {
    this.#number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  float32(value: number): void {
    this.#number(4, (view) => view.setFloat32(0, value, true));
  }

  string(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.uint64(bytes.length);
    this.raw(bytes);
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.#parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
