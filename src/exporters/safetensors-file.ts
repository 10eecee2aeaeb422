/** A safetensors file whose tensors are made while it is written. */
import { safetensorsHeader } from '../adapter/safetensors.ts';
import { joinedFile, type ExportFile, type FilePart } from './export-file.ts';
import { bytesPerValue, encodeFloats, safetensorsDtype, type ExportDtype } from './number-format.ts';

export interface TensorPart extends FilePart {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** A tensor that is in memory, encoded as it is written. */
export function floatTensor(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  dtype: ExportDtype,
): TensorPart {
  return {
    name,
    shape,
    dtype: safetensorsDtype[dtype],
    size: values.length * bytesPerValue[dtype],
    async *chunks() {
      yield encodeFloats(values, dtype);
    },
  };
}

/** Tensors in the given order. */
export function safetensorsFile(
  name: string,
  tensors: readonly TensorPart[],
  metadata: Readonly<Record<string, string>> = {},
): ExportFile {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape, size }) => {
    const start = at;
    at += size;
    return [name, { dtype, shape, data_offsets: [start, at] }] as const;
  });
  const about = Object.keys(metadata).length === 0 ? [] : [['__metadata__', metadata] as const];
  const header = safetensorsHeader([...about, ...entries]);
  return joinedFile(name, [{ size: header.length, chunks: () => once(header) }, ...tensors]);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
