/** Checkpoints and adapters as files, written by hand: the product's writer would share the product's faults. */
import { createRng } from '../../../src/support/rng.ts';

export type Dtype = 'F32' | 'F16' | 'BF16' | 'F64' | 'I64';
export interface Tensor {
  shape: readonly number[];
  dtype: Dtype;
  values: Float64Array;
}
export type Tensors = Map<string, Tensor>;

/** The same values for the same seed and name, wherever in the file the tensor stands. */
export function randomTensor(seed: number, name: string, shape: readonly number[]): Tensor {
  let hash = seed >>> 0;
  for (const letter of name) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) >>> 0;
  const rng = createRng(hash);
  const isNorm = /norm/.test(name);
  const scale = isNorm ? 0.2 : /bias/.test(name) ? 0.1 : /embed|lm_head/.test(name) ? 0.3 : 0.2;
  const size = shape.reduce((product, n) => product * n, 1);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  const values = Float64Array.from({ length: size }, () => (isNorm ? 1 : 0) + scale * normal());
  return { shape, dtype: 'F32', values };
}

const widths: Readonly<Record<Dtype, number>> = { F32: 4, F16: 2, BF16: 2, F64: 8, I64: 8 };

/** `metadata` undefined: none is written; anything else as it is, null included. */
export function safetensorsBytes(tensors: Tensors, metadata: unknown): Buffer {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let at = 0;
  const parts: Buffer[] = [];
  for (const [name, { shape, dtype, values }] of tensors) {
    const bytes = values.length * widths[dtype];
    header[name] = { dtype, shape, data_offsets: [at, at + bytes] };
    at += bytes;
    parts.push(encode(values, dtype));
  }
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts]);
}

function encode(values: Float64Array, dtype: Dtype): Buffer {
  switch (dtype) {
    case 'F32':
      return bytesOf(Float32Array.from(values));
    case 'F64':
      return bytesOf(values);
    case 'I64':
      return bytesOf(BigInt64Array.from(values, (value) => BigInt(Math.round(value))));
    case 'F16':
      return bytesOf(Uint16Array.from(values, toHalf));
    case 'BF16':
      return bytesOf(Uint16Array.from(values, (value) => toWord(value) >>> 16));
    default:
      return dtype satisfies never;
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);
function toWord(value: number): number {
  floats[0] = value;
  return words[0];
}

/** Cut towards zero: which value is stored does not matter, only that both sides read the same. */
function toHalf(value: number): number {
  const word = toWord(value);
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 0xff) - 127 + 15;
  if (exponent <= 0) return sign;
  if (exponent >= 31) return sign | 0x7bff;
  return sign | (exponent << 10) | ((word >>> 13) & 0x3ff);
}
