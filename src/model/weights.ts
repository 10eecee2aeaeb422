/**
 * Frozen weights on the GPU, laid out for the kernels: q/k/v and gate/up fused by rows, every width padded with zeros
 * to a multiple of 4, matrices in the run's format, but embedding and head not in 4 bits. Zero pads stay zero through forward, backward and AdamW, so
 * nothing masks them.
 */
import { specBytes, type GpuTensor } from '../device/gpu-memory.ts';
import type { Gpu } from '../device/open-device.ts';
import {
  allocWeights,
  weightSpecs,
  weightTensors,
  type WeightFormat,
  type WeightMatrix,
} from '../kernels/weight-matrix.ts';
import { mostPanelBytes } from '../kernels/weight-panel.ts';
import { layerPlan, outerPlan, type MatrixPlan, type VectorPlan } from './layer-plan.ts';
import { padded, type ModelConfig } from './model-config.ts';

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
  readonly format: WeightFormat; // of the layers; embedding and head: outerFormat
  readonly embedding: WeightMatrix; // [Vp, Cp]
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: GpuTensor; // [Cp]
  readonly head: WeightMatrix; // [Vp, Cp]; the embedding itself when tied
  readonly panel: GpuTensor | null; // where coded weights are decoded
  readonly all: readonly GpuTensor[]; // each once, for disposal
  readonly named: ReadonlyMap<string, GpuTensor>; // what the weights are, for keeping a copy: not the panel
  readonly parameterCount: number;
}

/**
 * Embedding and LM head, where the layers are in `format`. QLoRA's nf4 is for the layers and leaves these two in 16 bits: in 4 bits
 * they alone cost SmolLM2-135M a tenth of its perplexity, in int8 nothing that could be measured (docs/models.md).
 */
export const outerFormat = (format: WeightFormat): WeightFormat => (format === 'nf4' ? 'int8' : format);

/** How all of them are held, as a kept copy and a run remember it. Before embedding and head were int8, nf4 was "nf4". */
export function heldAs(format: WeightFormat): string {
  const outer = outerFormat(format);
  return outer === format ? format : `${format}+${outer}`;
}

/** Everything the weights allocate, for the memory plan. */
export function weightMemory(config: ModelConfig, format: WeightFormat, maxBindingBytes: number): number {
  const matrixBytes = ({ label, rows, columns }: MatrixPlan, held: WeightFormat): number =>
    weightSpecs(label, held, rows, padded(columns), maxBindingBytes).reduce(
      (sum, { data, scales }) => sum + specBytes(data) + (scales === null ? 0 : specBytes(scales)),
      0,
    );
  const vectorBytes = ({ size }: VectorPlan): number => specBytes({ shape: [size] });
  const outer = outerPlan(config);
  let bytes = matrixBytes(outer.embedding, outerFormat(format)) + vectorBytes(outer.finalNorm);
  if (outer.head !== null) bytes += matrixBytes(outer.head, outerFormat(format));
  for (let layer = 0; layer < config.layerCount; layer++) {
    const { matrices, vectors } = layerPlan(config, layer);
    bytes += Object.values(matrices).reduce((sum, plan) => sum + matrixBytes(plan, format), 0);
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

/** What is allocated, in the order in which it is filled and kept. */
type Planned =
  | { readonly kind: 'matrix'; readonly plan: MatrixPlan; readonly made: WeightMatrix }
  | { readonly kind: 'vector'; readonly plan: VectorPlan; readonly made: GpuTensor };

/** Its tensors, by the names under which copies are kept. */
export const namedTensors = ({ kind, plan, made }: Planned): (readonly [name: string, tensor: GpuTensor])[] =>
  (kind === 'matrix' ? weightTensors(made) : [made]).map((tensor, i) => [`${plan.label}/${i}`, tensor]);

/** Values of the checkpoint in it. */
export const parametersOf = ({ kind, plan }: Planned): number =>
  plan.parts.reduce((sum, { rows }) => sum + rows, 0) * (kind === 'matrix' ? plan.columns : 1);

/** Room for every weight and the panel, still empty. Caller disposes. */
export function allocateWeights(
  { memory }: Gpu,
  config: ModelConfig,
  format: WeightFormat,
): {
  readonly planned: readonly Planned[];
  readonly weights: Omit<Weights, 'all' | 'named' | 'parameterCount'>;
} {
  const planned: Planned[] = [];
  const matrix = (plan: MatrixPlan, held = format): WeightMatrix => {
    const made = allocWeights(memory, plan.label, held, plan.rows, padded(plan.columns));
    planned.push({ kind: 'matrix', plan, made });
    return made;
  };
  const vector = (plan: VectorPlan): GpuTensor => {
    const made = memory.alloc(plan.label, [plan.size]);
    planned.push({ kind: 'vector', plan, made });
    return made;
  };
  const outer = outerPlan(config);
  const embedding = matrix(outer.embedding, outerFormat(format));
  const layers = Array.from({ length: config.layerCount }, (_, i): LayerWeights => {
    const { matrices, vectors } = layerPlan(config, i);
    return {
      norm1: vector(vectors.norm1),
      qkv: matrix(matrices.qkv),
      qkvBias: vectors.qkvBias === undefined ? null : vector(vectors.qkvBias),
      qkNorm: vectors.qkNorm === undefined ? null : vector(vectors.qkNorm),
      o: matrix(matrices.o),
      norm2: vector(vectors.norm2),
      gateUp: matrix(matrices.gateUp),
      down: matrix(matrices.down),
    };
  });
  const finalNorm = vector(outer.finalNorm);
  const head = outer.head === null ? embedding : matrix(outer.head, outerFormat(format));
  const panelSize = panelElements(config, format);
  const panel = panelSize === 0 ? null : memory.alloc('panel of decoded weights', [panelSize]);
  return { planned, weights: { format, embedding, layers, finalNorm, head, panel } };
}
