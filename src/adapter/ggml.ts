/** What ggml's files (GGUF) call things and how they lay them out, for reading adapters and for writing them. */
import type { DecoderWidths, LoraTarget } from '../architecture/modules.ts';

/** Of config.json of the base: what files of other tools need besides the adapter. */
export interface ModelShape extends DecoderWidths {
  readonly family: 'qwen2' | 'qwen3' | 'llama';
}

export const ggufAlignment = 32; // bytes; where general.alignment says nothing
/** Numbers of the types of values. */
export const ggufValueType = { uint32: 4, float32: 6, string: 8 } as const;
/** Numbers of the types of tensors that are written and read. */
export const ggmlType = { f32: 0, f16: 1, bf16: 30 } as const;

/** What ggml calls a module of layer n, after "blk.<n>." */
export const ggmlNames: Readonly<Record<LoraTarget, string>> = {
  q_proj: 'attn_q',
  k_proj: 'attn_k',
  v_proj: 'attn_v',
  o_proj: 'attn_output',
  gate_proj: 'ffn_gate',
  up_proj: 'ffn_up',
  down_proj: 'ffn_down',
};

/**
 * llama.cpp rotates Llama's queries and keys as neighbouring pairs, where the checkpoint pairs a head's first half with its
 * second; the converter of the base sorts their rows so. How many heads a module's rows are; null: it stays as it is.
 */
export function rotatedHeads(
  { family, headCount, kvHeadCount }: ModelShape,
  target: LoraTarget,
): number | null {
  if (family !== 'llama') return null;
  if (target === 'q_proj') return headCount;
  return target === 'k_proj' ? kvHeadCount : null;
}

interface Heads {
  readonly heads: number;
  readonly headSize: number; // D
  readonly columns: number;
}

/** Row `half · D/2 + j` of a head becomes its row `2 · j + half`. */
export const pairedRows = (matrix: Float32Array, sizes: Heads): Float32Array =>
  moveRows(matrix, sizes, (row, half) => 2 * (row % half) + (row < half ? 0 : 1));

/** What `pairedRows` was given. */
export const unpairedRows = (matrix: Float32Array, sizes: Heads): Float32Array =>
  moveRows(matrix, sizes, (row, half) => (row % 2) * half + Math.floor(row / 2));

function moveRows(
  matrix: Float32Array,
  { heads, headSize, columns }: Heads,
  placeOf: (row: number, half: number) => number,
): Float32Array {
  const moved = new Float32Array(matrix.length);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < headSize; row++) {
      const from = (head * headSize + row) * columns;
      moved.set(
        matrix.subarray(from, from + columns),
        (head * headSize + placeOf(row, headSize / 2)) * columns,
      );
    }
  }
  return moved;
}
