/** The floating-point formats weights are stored in, as f32. */

/** Bytes per value of the formats that are read. */
export const floatBytes = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;
type FloatFormat = keyof typeof floatBytes;
export const isFloat = (dtype: string): dtype is FloatFormat => Object.hasOwn(floatBytes, dtype);

/** Little-endian bytes of a safetensors dtype as f32: F64 is rounded, the others are exact. `room` takes them where they need memory and it has as much. */
export function toFloat32(bytes: Uint8Array, format: FloatFormat, room?: Float32Array): Float32Array {
  const target = (count: number): Float32Array =>
    room !== undefined && room.length >= count ? room.subarray(0, count) : new Float32Array(count);
  // A fresh copy starts at offset 0, so the typed views below are always aligned.
  const isAligned = bytes.byteOffset % floatBytes[format] === 0;
  const { buffer } = isAligned ? bytes : bytes.slice();
  const offset = isAligned ? bytes.byteOffset : 0;
  switch (format) {
    case 'F64':
      return filled(target(bytes.length / 8), new Float64Array(buffer, offset, bytes.length / 8));
    case 'F32':
      return new Float32Array(buffer, offset, bytes.length / 4);
    case 'F16':
      return float16ToFloat32(new Uint16Array(buffer, offset, bytes.length / 2), target(bytes.length / 2));
    case 'BF16': {
      const halves = new Uint16Array(buffer, offset, bytes.length / 2);
      const values = target(halves.length);
      const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
      for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
      return values;
    }
    default:
      return format satisfies never;
  }
}

function filled(target: Float32Array, values: Float64Array): Float32Array {
  target.set(values);
  return target;
}

let float16Table: Float32Array | null = null; // made when it is first needed: 65,536 values

/** IEEE binary16 to binary32, exact. */
function float16ToFloat32(halves: Uint16Array, result: Float32Array): Float32Array {
  float16Table ??= Float32Array.from({ length: 65_536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  for (let i = 0; i < halves.length; i++) result[i] = float16Table[halves[i]];
  return result;
}
