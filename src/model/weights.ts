/**
 * Frozen weights on the GPU, laid out for the kernels: q/k/v and gate/up fused by rows, every width padded
 * with zeros to a multiple of 4. Zero pads stay zero through forward, backward and AdamW, so nothing masks them.
 */
import { TrainerError } from '../api/trainer-error.ts';
import type { SafetensorsFile } from '../adapter/safetensors.ts';
import type { GpuMemory, GpuTensor } from '../device/gpu-memory.ts';
import { padded, type ModelConfig } from './model-config.ts';

export interface LayerWeights {
  readonly norm1: GpuTensor; // [Cp]
  readonly qkv: GpuTensor; // [(H + 2K)·D, Cp]
  readonly qkvBias: GpuTensor; // [(H + 2K)·D]
  readonly o: GpuTensor; // [Cp, H·D]
  readonly norm2: GpuTensor; // [Cp]
  readonly gateUp: GpuTensor; // [2·Fp, Cp]
  readonly down: GpuTensor; // [Cp, Fp]
}

export interface Weights {
  readonly embedding: GpuTensor; // [Vp, Cp]
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: GpuTensor; // [Cp]
  readonly head: GpuTensor; // [Vp, Cp]; the embedding itself when tied
  readonly all: readonly GpuTensor[]; // each once, for disposal
  readonly parameterCount: number;
}

/** One tensor of the checkpoint, wherever its shard is. */
export type TensorLookup = (
  name: string,
) => { readonly file: SafetensorsFile; readonly shape: readonly number[] } | undefined;

interface Part {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly firstRow: number; // in the fused, padded tensor
}

/**
 * Reads every weight, one checkpoint tensor at a time. Caller disposes `all`.
 * @throws TrainerError "model-file-invalid" for a missing, ill-shaped or non-finite tensor.
 */
export async function loadWeights(
  memory: GpuMemory,
  config: ModelConfig,
  lookup: TensorLookup,
  onProgress: (doneTensors: number, totalTensors: number) => void,
): Promise<Weights> {
  const { hiddenSize: c, intermediateSize: f, headCount, kvHeadCount, headSize: d, vocabSize: v } = config;
  const [cp, fp, vp] = [padded(c), padded(f), padded(v)];
  const [qRows, kvRows] = [headCount * d, kvHeadCount * d];
  const all: GpuTensor[] = [];
  const total = 2 + config.layerCount * 12 + (config.tiedHead ? 0 : 1);
  let done = 0;
  let parameterCount = 0;

  const read = async ({ name, rows, columns }: Part): Promise<Float32Array> => {
    const found = lookup(name);
    if (found === undefined)
      throw new TrainerError(
        'model-file-invalid',
        `The weights have no tensor "${name}", which config.json calls for.`,
      );
    const wanted = columns === 1 && found.shape.length === 1 ? [rows] : [rows, columns];
    if (found.shape.join() !== wanted.join()) {
      throw new TrainerError(
        'model-file-invalid',
        `"${name}" has shape [${found.shape.join(', ')}], but config.json calls for [${wanted.join(', ')}].`,
      );
    }
    const data = await found.file.readFloat32(name);
    if (!data.every(Number.isFinite))
      throw new TrainerError('model-file-invalid', `"${name}" holds NaN or infinite values.`);
    parameterCount += data.length;
    onProgress(++done, total);
    return data;
  };
  const matrix = async (
    label: string,
    rowsPadded: number,
    columnsPadded: number,
    parts: readonly Part[],
  ): Promise<GpuTensor> => {
    const tensor = await memory.checked(`"${label}"`, () => memory.alloc(label, [rowsPadded, columnsPadded]));
    all.push(tensor);
    for (const part of parts) {
      memory.write(tensor, padRows(await read(part), part, columnsPadded), part.firstRow * columnsPadded);
    }
    return tensor;
  };
  const vector = async (label: string, size: number, parts: readonly Part[]): Promise<GpuTensor> => {
    const tensor = await memory.checked(`"${label}"`, () => memory.alloc(label, [size]));
    all.push(tensor);
    for (const part of parts) memory.write(tensor, await read(part), part.firstRow);
    return tensor;
  };
  const part = (name: string, rows: number, columns = 1, firstRow = 0): Part => ({
    name,
    rows,
    columns,
    firstRow,
  });

  try {
    const embedding = await matrix('embedding', vp, cp, [part('model.embed_tokens.weight', v, c)]);
    const layers: LayerWeights[] = [];
    for (let i = 0; i < config.layerCount; i++) {
      const at = `model.layers.${i}`;
      layers.push({
        norm1: await vector(`${i} norm1`, cp, [part(`${at}.input_layernorm.weight`, c)]),
        qkv: await matrix(`${i} qkv`, qRows + 2 * kvRows, cp, [
          part(`${at}.self_attn.q_proj.weight`, qRows, c),
          part(`${at}.self_attn.k_proj.weight`, kvRows, c, qRows),
          part(`${at}.self_attn.v_proj.weight`, kvRows, c, qRows + kvRows),
        ]),
        qkvBias: await vector(`${i} qkv bias`, qRows + 2 * kvRows, [
          part(`${at}.self_attn.q_proj.bias`, qRows),
          part(`${at}.self_attn.k_proj.bias`, kvRows, 1, qRows),
          part(`${at}.self_attn.v_proj.bias`, kvRows, 1, qRows + kvRows),
        ]),
        o: await matrix(`${i} o`, cp, qRows, [part(`${at}.self_attn.o_proj.weight`, c, qRows)]),
        norm2: await vector(`${i} norm2`, cp, [part(`${at}.post_attention_layernorm.weight`, c)]),
        gateUp: await matrix(`${i} gate up`, 2 * fp, cp, [
          part(`${at}.mlp.gate_proj.weight`, f, c),
          part(`${at}.mlp.up_proj.weight`, f, c, fp),
        ]),
        down: await matrix(`${i} down`, cp, fp, [part(`${at}.mlp.down_proj.weight`, c, f)]),
      });
    }
    const finalNorm = await vector('final norm', cp, [part('model.norm.weight', c)]);
    const head = config.tiedHead ? embedding : await matrix('head', vp, cp, [part('lm_head.weight', v, c)]);
    return { embedding, layers, finalNorm, head, all, parameterCount };
  } catch (error) {
    memory.dispose(all);
    throw error;
  }
}

function padRows(data: Float32Array, { rows, columns }: Part, columnsPadded: number): Float32Array {
  if (columns === columnsPadded) return data;
  const result = new Float32Array(rows * columnsPadded);
  for (let r = 0; r < rows; r++) result.set(data.subarray(r * columns, (r + 1) * columns), r * columnsPadded);
  return result;
}
