/**
 * The safetensors file format: u64 header length, JSON header, then the tensors' bytes, little endian.
 * Files come from users, so the header is checked completely before a byte of a tensor is read:
 * github.com/huggingface/safetensors, "Format" and its validation rules.
 */
import { TrainerError } from '../support/trainer-error.ts';
import type { ByteSource } from '../support/byte-source.ts';
import { floatBytes, isFloat, toFloat32 } from './float-formats.ts';
import { reasonOf, textOf } from '../support/text-of.ts';
import { parseJson } from '../support/parse-json.ts';

const MAX_HEADER_BYTES = 100_000_000; // the limit of the reference implementation
/** The largest published models have 90,000 tensors, in more than a hundred files. */
const MAX_TENSORS = 100_000;
/** Of the dtypes of safetensors 0.8, bits per value: some pack two values into a byte. */
const dtypeBits: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  F64: 64,
  I64: 64,
  U64: 64,
  C64: 64,
};

export interface TensorInfo {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly start: number; // byte offsets in the file, [start, end)
  readonly end: number;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensor's bytes as stored. @throws TrainerError "model-file-invalid" if there is no such tensor. */
  readBytes(name: string): Promise<Uint8Array>;
  /**
   * F64, F32, F16 and BF16 as f32; `elements` [first, past the last) of the flat tensor, or all. `room`: memory
   * that the result may be a part of. @throws TrainerError "model-file-invalid" for other types or an unknown name.
   */
  readFloat32(
    name: string,
    elements?: readonly [first: number, end: number],
    room?: Float32Array,
  ): Promise<Float32Array>;
}

const invalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('model-file-invalid', `Not a usable safetensors file: ${message}`, detail);

/** @throws TrainerError "model-file-invalid" naming what is wrong with the header. */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  if (source.size < 8) throw invalid(`it has ${source.size} bytes, its header alone needs 8.`);
  const lengthBytes = await source.read(0, 8);
  if (new TextDecoder().decode(lengthBytes) === 'version ')
    throw invalid('it is a Git LFS pointer, not the weights themselves (git lfs pull fetches them).');
  const headerBytes = Number(
    new DataView(lengthBytes.buffer, lengthBytes.byteOffset, 8).getBigUint64(0, true),
  );
  if (headerBytes > MAX_HEADER_BYTES || headerBytes > source.size - 8)
    throw invalid(`its header claims ${headerBytes} bytes, the file has ${source.size}.`);
  const read = await source.read(8, 8 + headerBytes);
  if (read.length !== headerBytes) throw invalid('its header is cut off.');
  const header = parseHeader(read);
  const { tensors, metadata } = checkHeader(header, 8 + headerBytes, source.size);

  const find = (name: string): TensorInfo => {
    const info = tensors.get(name);
    if (info === undefined) throw invalid(`it has no tensor "${name}".`);
    return info;
  };
  const readBytes = async (name: string): Promise<Uint8Array> => {
    const { start, end } = find(name);
    const bytes = await source.read(start, end);
    if (bytes.length !== end - start) throw invalid(`"${name}" is cut off.`);
    return bytes;
  };
  return {
    tensors,
    metadata,
    readBytes,
    readFloat32: async (name, elements, room) => {
      const { dtype, shape, start } = find(name);
      if (!isFloat(dtype)) throw invalid(`"${name}" is ${dtype}; F64, F32, F16 and BF16 are supported.`);
      const elementBytes = floatBytes[dtype];
      const count = shape.reduce((product, n) => product * n, 1);
      const [first, end] = elements ?? [0, count];
      const bytes = await source.read(start + first * elementBytes, start + end * elementBytes);
      if (bytes.length !== (end - first) * elementBytes) throw invalid(`"${name}" is cut off.`);
      return toFloat32(bytes, dtype, room);
    },
  };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    header = parseJson(text);
  } catch (error) {
    throw invalid('its header is not JSON.', reasonOf(error));
  }
  if (!isObject(header)) throw invalid('its header is not a JSON object.');
  const names = Object.keys(header);
  if (names.length > MAX_TENSORS)
    throw invalid(`it has ${names.length} tensors, and up to ${MAX_TENSORS} are read.`);
  const written = countNames(text);
  if (written !== names.length)
    throw invalid(`${written - names.length} of its tensors have the name of another one.`);
  return header;
}

/** JSON.parse keeps the last of two entries with one name: here all are counted that stand in the outermost object. */
function countNames(text: string): number {
  let depth = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 0x22) {
      while (text.charCodeAt(++at) !== 0x22) if (text.charCodeAt(at) === 0x5c) at++;
    } else if (c === 0x7b || c === 0x5b) depth++;
    else if (c === 0x7d || c === 0x5d) depth--;
    else if (c === 0x3a && depth === 1) count++;
  }
  return count;
}

function checkHeader(
  header: Record<string, unknown>,
  dataStart: number, // bytes
  fileSize: number,
): { tensors: Map<string, TensorInfo>; metadata: Record<string, string> } {
  const tensors = new Map<string, TensorInfo>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (entry === null) continue; // the reference reader takes it as none
      if (!isObject(entry) || Object.values(entry).some((value) => typeof value !== 'string'))
        throw invalid('its __metadata__ does not map texts to texts.');
      metadata = entry as Record<string, string>;
    } else {
      tensors.set(name, checkEntry(name, entry, dataStart, fileSize));
    }
  }
  let covered = dataStart;
  for (const [name, { start, end }] of [...tensors].sort(
    ([, a], [, b]) => a.start - b.start || a.end - b.end,
  )) {
    if (start < covered) throw invalid(`"${name}" overlaps another tensor.`);
    if (start > covered) throw invalid(`there are ${start - covered} unnamed bytes before "${name}".`);
    covered = end;
  }
  if (covered !== fileSize) throw invalid(`its tensors end at byte ${covered}, the file at ${fileSize}.`);
  return { tensors, metadata };
}

function checkEntry(name: string, entry: unknown, dataStart: number, fileSize: number): TensorInfo {
  if (!isObject(entry)) throw invalid(`"${name}" is not described by an object.`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string') throw invalid(`"${name}" has the dtype ${textOf(dtype)}.`);
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw invalid(`"${name}" has the shape ${textOf(shape)}.`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw invalid(`"${name}" has the offsets ${textOf(offsets)}.`);
  const [start, end] = [dataStart + offsets[0], dataStart + offsets[1]];
  if (end < start || end > fileSize)
    throw invalid(
      `"${name}" lies outside the file (bytes ${start} to ${end} of ${fileSize}); it may be cut off.`,
    );
  // A dtype that came later is refused where the tensor is read: one that nobody uses harms nobody.
  if (!Object.hasOwn(dtypeBits, dtype)) return { dtype, shape, start, end };
  const expected = shape.reduce((product, n) => product * n, dtypeBits[dtype]) / 8;
  if (expected !== end - start)
    throw invalid(`"${name}" is ${dtype} [${shape.join(', ')}], ${expected} bytes, but has ${end - start}.`);
  return { dtype, shape, start, end };
}

export interface TensorToWrite {
  readonly name: string;
  readonly dtype: 'F32' | 'U32' | 'I32';
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint32Array | Int32Array;
}

/** Length and text of a header, padded with spaces so that the data start at a multiple of 8. */
export function safetensorsHeader(entries: readonly (readonly [name: string, entry: unknown])[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);
  return header;
}

/** The tensors in the given order. */
export function writeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [['__metadata__', metadata]] : [];
  let dataBytes = 0;
  for (const { name, dtype, shape, data } of tensors) {
    const count = shape.reduce((product, n) => product * n, 1);
    if (count !== data.length)
      throw new Error(`"${name}" has ${data.length} values, its shape says ${count}`);
    entries.push([name, { dtype, shape, data_offsets: [dataBytes, dataBytes + data.byteLength] }]);
    dataBytes += data.byteLength;
  }
  if (new Set(entries.map(([name]) => name)).size !== entries.length)
    throw new Error('two tensors share a name');
  const header = safetensorsHeader(entries);
  const file = new Uint8Array(header.length + dataBytes);
  file.set(header);
  let position = header.length;
  for (const { data } of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
