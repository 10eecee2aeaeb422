/**
 * How the tensors of a checkpoint lie on the GPU: modules that share an input are one matrix by rows, every width is padded
 * with zeros to a multiple of 4. Weights (weights.ts) and LoRA adapters (adapter.ts) follow the same rows.
 */
import {
  layerTensors,
  outerTensors,
  type CheckpointTensor,
  type LayerPart,
  type LayerVector,
} from '../architecture/checkpoint-tensors.ts';
import { modulesAt, widthOf, type LoraTarget, type Site } from '../architecture/modules.ts';
import { padded, type ModelConfig } from './model-config.ts';

/** A checkpoint tensor and its rows in the one on the GPU. */
export interface Part {
  readonly name: string;
  readonly rows: number;
  readonly firstRow: number;
}
export interface MatrixPlan {
  readonly label: string;
  readonly rows: number; // padded
  readonly columns: number; // true
  readonly parts: readonly Part[];
}
export interface VectorPlan {
  readonly label: string;
  readonly size: number; // padded
  readonly parts: readonly Part[];
}

interface LayerPlan {
  readonly matrices: Readonly<Record<Site, MatrixPlan>>;
  readonly vectors: Readonly<
    Record<'norm1' | 'norm2', VectorPlan> & Partial<Record<'qkvBias' | 'qkNorm', VectorPlan>>
  >;
}

/** Copies of weights are kept under these words. */
const words: Readonly<Record<LayerPart, string>> = {
  norm1: 'norm1',
  qkv: 'qkv',
  qkvBias: 'qkv bias',
  qkNorm: 'qk norm',
  o: 'o',
  norm2: 'norm2',
  gateUp: 'gate up',
  down: 'down',
};

/** Tensors one after another by rows, each padded. */
function stack(tensors: readonly CheckpointTensor<string>[]): { rows: number; parts: readonly Part[] } {
  let end = 0;
  const parts = tensors.map(({ name, shape: [rows] }): Part => {
    const firstRow = end;
    end += padded(rows);
    return { name, rows, firstRow };
  });
  return { rows: end, parts };
}

const matrixOf = (label: string, tensors: readonly CheckpointTensor<string>[]): MatrixPlan => ({
  label,
  columns: tensors[0].shape[1],
  ...stack(tensors),
});

function vectorOf(label: string, tensors: readonly CheckpointTensor<string>[]): VectorPlan {
  const { rows, parts } = stack(tensors);
  return { label, size: rows, parts };
}

export function layerPlan(config: ModelConfig, layer: number): LayerPlan {
  const tensors = layerTensors(config, layer);
  const of = (part: LayerPart) => tensors.filter(({ partOf }) => partOf === part);
  const matrix = (site: Site): MatrixPlan => matrixOf(`${layer} ${words[site]}`, of(site));
  const vector = (part: LayerVector): VectorPlan => vectorOf(`${layer} ${words[part]}`, of(part));
  return {
    matrices: { qkv: matrix('qkv'), o: matrix('o'), gateUp: matrix('gateUp'), down: matrix('down') },
    vectors: {
      norm1: vector('norm1'),
      norm2: vector('norm2'),
      ...(config.qkvBias && { qkvBias: vector('qkvBias') }),
      ...(config.qkNorm && { qkNorm: vector('qkNorm') }),
    },
  };
}

/** The matrices and vectors outside the layers; null: the head is the embedding. */
export function outerPlan(config: ModelConfig): {
  readonly embedding: MatrixPlan;
  readonly finalNorm: VectorPlan;
  readonly head: MatrixPlan | null;
} {
  const { embedding, finalNorm, head } = outerTensors(config);
  return {
    embedding: matrixOf('embedding', [embedding]),
    finalNorm: vectorOf('final norm', [finalNorm]),
    head: head === null ? null : matrixOf('head', [head]),
  };
}

/** Where a LoRA target adds to the output of its site. */
interface TargetColumns {
  readonly target: LoraTarget;
  readonly column: number; // first
  readonly outFeatures: number; // true
}

/** The targets of a site and the width of the input they share. */
export function sitePlan(
  config: ModelConfig,
  site: Site,
): { readonly inFeatures: number; readonly targets: readonly TargetColumns[] } {
  const modules = modulesAt(site);
  let column = 0;
  const targets = modules.map(({ name, output }): TargetColumns => {
    const outFeatures = widthOf(config, output);
    const first = column;
    column += padded(outFeatures);
    return { target: name, column: first, outFeatures };
  });
  return { inFeatures: widthOf(config, modules[0].input), targets };
}
