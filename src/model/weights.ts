/**
 * Frozen weights on the GPU, laid out for the kernels: q/k/v and gate/up fused by rows, every width padded with zeros
 * to a multiple of 4, matrices in the run's format. Zero pads stay zero through forward, backward and AdamW, so
 * nothing masks them. Checkpoint tensors are streamed in ranges of rows and quantised on the GPU as they arrive.
 */
import { TrainerError } from '../api/trainer-error.ts';
import type { SafetensorsFile } from '../adapter/safetensors.ts';
import { specBytes, type GpuTensor } from '../device/gpu-memory.ts';
import type { Gpu } from '../device/open-device.ts';
import { quantise } from '../kernels/quantise.ts';
import {
  allocWeights,
  weightSpecs,
  weightTensors,
  type WeightFormat,
  type WeightMatrix,
} from '../kernels/weight-matrix.ts';
import { mostPanelBytes } from '../kernels/weight-panel.ts';
import { padded, widths, type ModelConfig } from './model-config.ts';

export interface LayerWeights {
  readonly norm1: GpuTensor; // [Cp]
  readonly qkv: WeightMatrix; // [(H + 2K)·D, Cp]
  readonly qkvBias: GpuTensor | null; // [(H + 2K)·D]
  readonly qkNorm: GpuTensor | null; // [2, D]: of queries, of keys
  readonly o: WeightMatrix; // [Cp, H·D]
  readonly norm2: GpuTensor; // [Cp]
  readonly gateUp: WeightMatrix; // [2·Fp, Cp]
  readonly down: WeightMatrix; // [Cp, Fp]
}

export interface Weights {
  readonly format: WeightFormat;
  readonly embedding: WeightMatrix; // [Vp, Cp]
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: GpuTensor; // [Cp]
  readonly head: WeightMatrix; // [Vp, Cp]; the embedding itself when tied
  readonly panel: GpuTensor | null; // where coded weights are decoded
  readonly all: readonly GpuTensor[]; // each once, for disposal
  readonly named: ReadonlyMap<string, GpuTensor>; // what the weights are, for keeping a copy: not the panel
  readonly parameterCount: number;
}

/** One tensor of the checkpoint, wherever its shard is. */
export type TensorLookup = (
  name: string,
) => { readonly file: Pick<SafetensorsFile, 'readFloat32'>; readonly shape: readonly number[] } | undefined;

/** Where the values come from: a checkpoint, or a copy of `named` that was kept. */
export type WeightSource =
  | { readonly kind: 'checkpoint'; readonly lookup: TensorLookup }
  | { readonly kind: 'copy'; readonly read: (name: string) => Promise<Uint8Array> };

/** A checkpoint tensor and its rows in the fused one. */
interface Part {
  readonly name: string;
  readonly rows: number;
  readonly firstRow: number;
}
interface MatrixPlan {
  readonly label: string;
  readonly rows: number; // padded
  readonly columns: number; // true
  readonly parts: readonly Part[];
}
interface VectorPlan {
  readonly label: string;
  readonly size: number; // padded
  readonly parts: readonly Part[];
}

const part = (name: string, rows: number, firstRow = 0): Part => ({ name, rows, firstRow });

/** What a layer is made of: names as in the checkpoint, sizes as on the GPU. */
function layerPlan(config: ModelConfig, layer: number) {
  const { hiddenSize: c, intermediateSize: f, headSize: d } = config;
  const { q, kv, qkv } = widths(config);
  const [cp, fp] = [padded(c), padded(f)];
  const at = `model.layers.${layer}`;
  return {
    matrices: {
      qkv: {
        label: `${layer} qkv`,
        rows: qkv,
        columns: c,
        parts: [
          part(`${at}.self_attn.q_proj.weight`, q),
          part(`${at}.self_attn.k_proj.weight`, kv, q),
          part(`${at}.self_attn.v_proj.weight`, kv, q + kv),
        ],
      },
      o: { label: `${layer} o`, rows: cp, columns: q, parts: [part(`${at}.self_attn.o_proj.weight`, c)] },
      gateUp: {
        label: `${layer} gate up`,
        rows: 2 * fp,
        columns: c,
        parts: [part(`${at}.mlp.gate_proj.weight`, f), part(`${at}.mlp.up_proj.weight`, f, fp)],
      },
      down: { label: `${layer} down`, rows: cp, columns: f, parts: [part(`${at}.mlp.down_proj.weight`, c)] },
    },
    vectors: {
      norm1: { label: `${layer} norm1`, size: cp, parts: [part(`${at}.input_layernorm.weight`, c)] },
      norm2: { label: `${layer} norm2`, size: cp, parts: [part(`${at}.post_attention_layernorm.weight`, c)] },
      ...(config.qkvBias && {
        qkvBias: {
          label: `${layer} qkv bias`,
          size: qkv,
          parts: [
            part(`${at}.self_attn.q_proj.bias`, q),
            part(`${at}.self_attn.k_proj.bias`, kv, q),
            part(`${at}.self_attn.v_proj.bias`, kv, q + kv),
          ],
        },
      }),
      ...(config.qkNorm && {
        qkNorm: {
          label: `${layer} qk norm`,
          size: 2 * d,
          parts: [part(`${at}.self_attn.q_norm.weight`, d), part(`${at}.self_attn.k_norm.weight`, d, d)],
        },
      }),
    },
  };
}

/** The matrices and vectors outside the layers. */
function outerPlan(config: ModelConfig) {
  const { hiddenSize: c, vocabSize: v } = config;
  return {
    embedding: {
      label: 'embedding',
      rows: padded(v),
      columns: c,
      parts: [part('model.embed_tokens.weight', v)],
    },
    finalNorm: { label: 'final norm', size: padded(c), parts: [part('model.norm.weight', c)] },
    head: config.tiedHead
      ? null
      : { label: 'head', rows: padded(v), columns: c, parts: [part('lm_head.weight', v)] },
  };
}

/** Everything the weights allocate, for the memory plan. */
export function weightMemory(config: ModelConfig, format: WeightFormat, maxBindingBytes: number): number {
  const matrixBytes = ({ label, rows, columns }: MatrixPlan): number =>
    weightSpecs(label, format, rows, padded(columns), maxBindingBytes).reduce(
      (sum, { data, scales }) => sum + specBytes(data) + (scales === null ? 0 : specBytes(scales)),
      0,
    );
  const vectorBytes = ({ size }: VectorPlan): number => specBytes({ shape: [size] });
  const outer = outerPlan(config);
  let bytes = matrixBytes(outer.embedding) + vectorBytes(outer.finalNorm);
  if (outer.head !== null) bytes += matrixBytes(outer.head);
  for (let layer = 0; layer < config.layerCount; layer++) {
    const { matrices, vectors } = layerPlan(config, layer);
    bytes += Object.values(matrices).reduce((sum, plan) => sum + matrixBytes(plan), 0);
    bytes += Object.values(vectors).reduce((sum, plan) => sum + vectorBytes(plan), 0);
  }
  const panel = panelElements(config, format);
  return bytes + (panel === 0 ? 0 : specBytes({ shape: [panel] }));
}

/** Room for the largest matrix decoded, or for a good part of it; 0 where there is nothing to decode. */
function panelElements(config: ModelConfig, format: WeightFormat): number {
  if (format === 'f32') return 0;
  const { embedding, head } = outerPlan(config);
  const matrices = [head ?? embedding, ...Object.values(layerPlan(config, 0).matrices)];
  const largest = Math.max(...matrices.map(({ rows, columns }) => rows * padded(columns)));
  return Math.min(mostPanelBytes / 4, largest);
}

/** Every value of the checkpoint that is used. */
function parameterTotal(config: ModelConfig): number {
  const rowsOf = ({ parts }: { readonly parts: readonly Part[] }): number =>
    parts.reduce((sum, { rows }) => sum + rows, 0);
  const { embedding, finalNorm, head } = outerPlan(config);
  const { matrices, vectors } = layerPlan(config, 0);
  const inLayer =
    Object.values(matrices).reduce((sum, plan) => sum + rowsOf(plan) * plan.columns, 0) +
    Object.values(vectors).reduce((sum, plan) => sum + rowsOf(plan), 0);
  const outside = [embedding, ...(head === null ? [] : [head])].reduce(
    (sum, plan) => sum + rowsOf(plan) * plan.columns,
    rowsOf(finalNorm),
  );
  return outside + config.layerCount * inLayer;
}

/** Rows read and uploaded at a time: bounds what JavaScript holds. */
const chunkBytes = 16 * 2 ** 20;

/**
 * Reads every weight, a range of rows at a time. Caller disposes `all`.
 * @throws TrainerError "model-file-invalid" for a missing, ill-shaped or non-finite tensor.
 */
export async function loadWeights(
  gpu: Gpu,
  config: ModelConfig,
  format: WeightFormat,
  source: WeightSource,
  onProgress: (doneParameters: number, totalParameters: number) => void,
): Promise<Weights> {
  const { memory, recorder } = gpu;
  const all: GpuTensor[] = [];
  const named = new Map<string, GpuTensor>();
  const total = parameterTotal(config);
  let parameterCount = 0;

  const find = (name: string, wanted: readonly number[]): Pick<SafetensorsFile, 'readFloat32'> => {
    const found = source.kind === 'checkpoint' ? source.lookup(name) : undefined;
    if (found === undefined)
      throw new TrainerError(
        'model-file-invalid',
        `The weights have no tensor "${name}", which config.json calls for.`,
      );
    if (found.shape.join() !== wanted.join()) {
      throw new TrainerError(
        'model-file-invalid',
        `"${name}" has shape [${found.shape.join(', ')}], but config.json calls for [${wanted.join(', ')}].`,
      );
    }
    return found.file;
  };
  const finished = (count: number): void => {
    parameterCount += count;
    onProgress(parameterCount, total);
  };
  /** Adds to `named`; true where a copy gave the values. */
  const restored = async (label: string, tensors: readonly GpuTensor[]): Promise<boolean> => {
    for (const [i, tensor] of tensors.entries()) {
      const name = `${label}/${i}`;
      named.set(name, tensor);
      if (source.kind === 'copy') memory.write(tensor, wordsOf(name, await source.read(name), tensor));
    }
    return source.kind === 'copy';
  };
  const keep = async <T>(label: string, allocate: () => T, tensors: (made: T) => GpuTensor[]): Promise<T> => {
    const made = await memory.checked(`"${label}"`, allocate);
    all.push(...tensors(made));
    return made;
  };

  const matrix = async ({ label, rows, columns, parts }: MatrixPlan): Promise<WeightMatrix> => {
    const made = await keep(
      label,
      () => allocWeights(memory, label, format, rows, padded(columns)),
      weightTensors,
    );
    if (await restored(label, weightTensors(made))) {
      for (const { rows: count } of parts) finished(count * columns);
      return made;
    }
    // an even number of rows: a pair shares the word of its scales
    const most = Math.max(2, Math.floor(chunkBytes / (columns * 4) / 8) * 8);
    const staging = memory.alloc('weights on their way', [
      Math.min(most, Math.max(...parts.map((p) => p.rows))),
      columns,
    ]);
    try {
      for (const { name, rows: count, firstRow } of parts) {
        const file = find(name, [count, columns]);
        for (const [first, end] of rowRanges(made, firstRow, count, most)) {
          const values = await file.readFloat32(name, [first * columns, end * columns]);
          assertFinite(name, values);
          memory.write(staging, values);
          quantise(recorder, staging, { rows: end - first, columns }, made, firstRow + first);
          recorder.submit();
        }
        finished(count * columns);
      }
    } finally {
      recorder.forgetBindGroups();
      memory.dispose([staging]);
    }
    return made;
  };
  const vector = async ({ label, size, parts }: VectorPlan): Promise<GpuTensor> => {
    const tensor = await keep(
      label,
      () => memory.alloc(label, [size]),
      (made) => [made],
    );
    const isRestored = await restored(label, [tensor]);
    for (const { name, rows, firstRow } of parts) {
      if (isRestored) {
        finished(rows);
        continue;
      }
      const values = await find(name, [rows]).readFloat32(name);
      assertFinite(name, values);
      memory.write(tensor, values, firstRow);
      finished(rows);
    }
    return tensor;
  };

  try {
    const panelLabel = 'panel of decoded weights';
    const panelSize = panelElements(config, format);
    const panel =
      panelSize === 0
        ? null
        : await keep(
            panelLabel,
            () => memory.alloc(panelLabel, [panelSize]),
            (made) => [made],
          );
    const outer = outerPlan(config);
    const embedding = await matrix(outer.embedding);
    const layers: LayerWeights[] = [];
    for (let i = 0; i < config.layerCount; i++) {
      const { matrices, vectors } = layerPlan(config, i);
      layers.push({
        norm1: await vector(vectors.norm1),
        qkv: await matrix(matrices.qkv),
        qkvBias: vectors.qkvBias === undefined ? null : await vector(vectors.qkvBias),
        qkNorm: vectors.qkNorm === undefined ? null : await vector(vectors.qkNorm),
        o: await matrix(matrices.o),
        norm2: await vector(vectors.norm2),
        gateUp: await matrix(matrices.gateUp),
        down: await matrix(matrices.down),
      });
    }
    const finalNorm = await vector(outer.finalNorm);
    const head = outer.head === null ? embedding : await matrix(outer.head);
    return { format, embedding, layers, finalNorm, head, panel, all, named, parameterCount };
  } catch (error) {
    memory.dispose(all);
    throw error;
  }
}

/** @throws TrainerError "cache-damaged" where a copy is not of this tensor. */
function wordsOf(name: string, bytes: Uint8Array, tensor: GpuTensor): Uint32Array {
  if (bytes.length !== tensor.byteSize)
    throw new TrainerError(
      'cache-damaged',
      `The kept copy of "${name}" has ${bytes.length} bytes, this device holds it in ${tensor.byteSize}.`,
    );
  return new Uint32Array(
    bytes.byteOffset % 4 === 0 ? bytes.buffer : bytes.slice().buffer,
    bytes.byteOffset % 4 === 0 ? bytes.byteOffset : 0,
    bytes.length / 4,
  );
}

/** Ranges of a part's rows that are small enough and do not cross the blocks of the matrix. */
function rowRanges(
  matrix: WeightMatrix,
  firstRow: number,
  count: number,
  most: number,
): (readonly [first: number, end: number])[] {
  const ranges: [number, number][] = [];
  for (const block of matrix.blocks) {
    const from = Math.max(block.firstRow, firstRow) - firstRow;
    const to = Math.min(block.firstRow + block.rows, firstRow + count) - firstRow;
    for (let first = from; first < to; first += most) ranges.push([first, Math.min(to, first + most)]);
  }
  return ranges;
}

function assertFinite(name: string, values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0; // 0, or NaN for NaN and infinities
  if (sum !== 0) throw new TrainerError('model-file-invalid', `"${name}" holds NaN or infinite values.`);
}
