/** The float32 meaning of a model that is held in another format: what equality "with the same maths" is shown against. */
import type { Gpu } from '../../src/device/open-device.ts';
import { dequantiseReference } from '../../src/kernels/reference/quantise.ts';
import { scaleRows, storedColumns, type WeightMatrix } from '../../src/kernels/weight-matrix.ts';
import type { Weights } from '../../src/model/weights.ts';

/** Every tensor of a float32 copy, by its name there, as `loadModel` reads copies. */
export async function dequantisedCopy(
  { memory }: Gpu,
  { embedding, head, layers, named }: Weights,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const matrices: readonly WeightMatrix[] = [
    embedding,
    head,
    ...layers.flatMap(({ qkv, o, gateUp, down }) => [qkv, o, gateUp, down]),
  ];
  const blocks = new Map(
    matrices.flatMap(({ format, columns, blocks: all }) =>
      all.map((block) => [block.data, { ...block, format, columns }] as const),
    ),
  );
  const copy = new Map<string, Uint8Array>();
  for (const [name, tensor] of named) {
    const block = blocks.get(tensor);
    const values =
      block === undefined
        ? await memory.readFloat32(tensor) // a norm or bias, or scales, which nobody asks for
        : Float32Array.from(
            dequantiseReference(
              block.format,
              await memory.readUint32(block.data),
              block.scales === null ? new Uint32Array() : await memory.readUint32(block.scales),
              {
                rows: block.rows,
                columns: block.columns,
                stored: storedColumns(block.format, block.columns),
                scaleStride: scaleRows(block.rows),
              },
            ),
          );
    copy.set(name, new Uint8Array(values.buffer));
  }
  return copy;
}
