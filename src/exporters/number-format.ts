/** f32 in the formats that exports are written in: rounded to the nearest, ties to even, as torch and numpy do. */
import type { ExportDtype } from '../config/export-choices.ts';

export type { ExportDtype };

export const bytesPerValue: Readonly<Record<ExportDtype, number>> = { f32: 4, f16: 2, bf16: 2 };

/** The name of safetensors. */
export const safetensorsDtype = { f32: 'F32', f16: 'F16', bf16: 'BF16' } as const satisfies Record<
  ExportDtype,
  string
>;

/** Little-endian bytes. `room`: for halves, of at least as many; else they get memory of their own. */
export function encodeFloats(values: Float32Array, dtype: ExportDtype, room?: Uint16Array): Uint8Array {
  if (dtype === 'f32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const words = wordsOf(values);
  const halves = room?.subarray(0, words.length) ?? new Uint16Array(words.length);
  if (dtype === 'bf16') for (let i = 0; i < words.length; i++) halves[i] = bfloat16Of(words[i]);
  else for (let i = 0; i < words.length; i++) halves[i] = float16Of(words[i]);
  return new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
}

const wordsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);

function bfloat16Of(word: number): number {
  if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40; // NaN stays one
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

function float16Of(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65,520 and more round to infinity
  if (magnitude >= 0x38800000)
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  if (magnitude < 0x33000000) return sign; // below half of the smallest
  const shift = 126 - (magnitude >>> 23); // of a 24-bit fraction to multiples of 2^-24
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** The first value that the format cannot hold; null: it holds all of them. f16 ends at 65,504. */
export function firstLost(values: Float32Array, dtype: ExportDtype): number | null {
  const most = dtype === 'f16' ? 65_520 : dtype === 'bf16' ? 3.3961775e38 : Infinity; // from there on the nearest is infinity
  const lost = values.find((value) => !(Math.abs(value) < most));
  return lost ?? null;
}
