/** Which weights a run was trained on, told from the words on the GPU: the same for a folder, the hub and a kept copy. */
import type { GpuTensor } from '../device/gpu-memory.ts';
import type { Gpu } from '../device/open-device.ts';
import { addFingerprint, fingerprintSums } from '../kernels/fingerprint.ts';
import type { WeightBlock, WeightMatrix } from '../kernels/weight-matrix.ts';
import { heldAs, type Weights } from './weights.ts';

/** 16 hexadecimal digits, after the formats the weights are held in. Matrices split for a small device count as whole ones. */
export async function weightsFingerprint({ memory, recorder }: Gpu, weights: Weights): Promise<string> {
  const sums = memory.alloc('sums of the fingerprint', [fingerprintSums], 'u32');
  try {
    for (const [index, parts] of wholes(weights).entries()) {
      let firstWord = 0;
      for (const part of parts) {
        addFingerprint(recorder, part, sums, { seed: Math.imul(index + 1, 0x85ebca6b) >>> 0, firstWord });
        firstWord += part.shape.reduce((product, n) => product * n, 1);
      }
    }
    recorder.submit();
    const words = await memory.readUint32(sums);
    const sumOf = (first: number): string =>
      words
        .filter((_, i) => i % 2 === first)
        .reduce((sum, word) => (sum + word) >>> 0, 0)
        .toString(16)
        .padStart(8, '0');
    return `${heldAs(weights.format)}:${sumOf(0)}${sumOf(1)}`;
  } finally {
    recorder.forgetBindGroups();
    memory.dispose([sums]);
  }
}

/** Tensors that are one: the blocks of a matrix, or a vector by itself. */
function wholes({ embedding, layers, finalNorm, head }: Weights): GpuTensor[][] {
  const matrix = ({ blocks }: WeightMatrix): GpuTensor[][] => [
    blocks.map(({ data }) => data),
    scalesOf(blocks),
  ];
  const vector = (tensor: GpuTensor | null): GpuTensor[][] => (tensor === null ? [] : [[tensor]]);
  return [
    ...matrix(embedding),
    ...layers.flatMap(({ norm1, qkv, qkvBias, qkNorm, o, norm2, gateUp, down }) => [
      ...vector(norm1),
      ...matrix(qkv),
      ...vector(qkvBias),
      ...vector(qkNorm),
      ...matrix(o),
      ...vector(norm2),
      ...matrix(gateUp),
      ...matrix(down),
    ]),
    ...vector(finalNorm),
    ...(head === embedding ? [] : matrix(head)),
  ];
}

/** Scales of a block lie by columns first, so those of a split matrix are not one table: the codes they go with tell enough. */
function scalesOf(blocks: readonly WeightBlock[]): GpuTensor[] {
  const [{ scales }] = blocks;
  return blocks.length > 1 || scales === null ? [] : [scales];
}
