/** The tensors of a checkpoint: names and shapes, in the order of the layers, and what each becomes a part of on the GPU. */
import { biasOfSite, modulesAt, widthOf, type DecoderSizes, type Site, type Width } from './modules.ts';

export const embeddingName = 'model.embed_tokens.weight';
export const headName = 'lm_head.weight';

/** The tensors of a layer on the GPU; a site's is one matrix of all its modules. */
export type LayerVector = 'norm1' | 'qkvBias' | 'qkNorm' | 'norm2';
export type LayerPart = Site | LayerVector;
export type OuterPart = 'embedding' | 'finalNorm' | 'head';

interface TensorRow<P extends string> {
  readonly path: string; // after "model.layers.0.", or the whole name
  readonly kind: 'matrix' | 'norm' | 'bias' | 'embedding';
  readonly partOf: P;
  readonly shape: readonly Width[]; // [out, in], or [elements]
  readonly onlyIf?: 'qkvBias' | 'qkNorm';
}

export interface CheckpointTensor<P extends string = LayerPart | OuterPart> {
  readonly name: string;
  readonly kind: TensorRow<P>['kind'];
  readonly partOf: P;
  readonly shape: readonly number[];
}

const weightsAt = (site: Site): TensorRow<LayerPart>[] =>
  modulesAt(site).flatMap(({ name, block, input, output }): TensorRow<LayerPart>[] => {
    const path = `${block}.${name}`;
    const bias = biasOfSite[site];
    return [
      { path: `${path}.weight`, kind: 'matrix', partOf: site, shape: [output, input] },
      ...(bias === undefined
        ? []
        : [{ path: `${path}.bias`, kind: 'bias', partOf: bias, shape: [output], onlyIf: bias } as const]),
    ];
  });

const norm = (path: string, partOf: LayerVector): TensorRow<LayerPart> => ({
  path: `${path}.weight`,
  kind: 'norm',
  partOf,
  shape: ['hidden'],
});
const headNorm = (path: string): TensorRow<LayerPart> => ({
  path: `self_attn.${path}.weight`,
  kind: 'norm',
  partOf: 'qkNorm',
  shape: ['oneHead'],
  onlyIf: 'qkNorm',
});

const layerRows: readonly TensorRow<LayerPart>[] = [
  norm('input_layernorm', 'norm1'),
  ...weightsAt('qkv'),
  headNorm('q_norm'),
  headNorm('k_norm'),
  ...weightsAt('o'),
  norm('post_attention_layernorm', 'norm2'),
  ...weightsAt('gateUp'),
  ...weightsAt('down'),
];

/** Every tensor of a layer that is used. */
export const layerTensors = (sizes: DecoderSizes, layer: number): CheckpointTensor<LayerPart>[] =>
  layerRows
    .filter(({ onlyIf }) => onlyIf === undefined || sizes[onlyIf])
    .map(({ path, kind, partOf, shape }) => ({
      name: `model.layers.${layer}.${path}`,
      kind,
      partOf,
      shape: shape.map((width) => widthOf(sizes, width)),
    }));

/** The tensors before the layers and after them; a tied head is the embedding. */
export function outerTensors(sizes: DecoderSizes): {
  readonly embedding: CheckpointTensor<OuterPart>;
  readonly finalNorm: CheckpointTensor<OuterPart>;
  readonly head: CheckpointTensor<OuterPart> | null;
} {
  const { vocabSize, hiddenSize } = sizes;
  const shape = [vocabSize, hiddenSize];
  return {
    embedding: { name: embeddingName, kind: 'embedding', partOf: 'embedding', shape },
    finalNorm: { name: 'model.norm.weight', kind: 'norm', partOf: 'finalNorm', shape: [hiddenSize] },
    head: sizes.tiedHead ? null : { name: headName, kind: 'embedding', partOf: 'head', shape },
  };
}

/** Every tensor that is used, in the order in which files hold them. */
export function checkpointTensors(sizes: DecoderSizes): CheckpointTensor[] {
  const { embedding, finalNorm, head } = outerTensors(sizes);
  return [
    embedding,
    ...Array.from({ length: sizes.layerCount }, (_, layer) => layerTensors(sizes, layer)).flat(),
    finalNorm,
    ...(head === null ? [] : [head]),
  ];
}

export const elementCount = ({ shape }: Pick<CheckpointTensor, 'shape'>): number =>
  shape.reduce((product, n) => product * n, 1);

export const parameterCount = (sizes: DecoderSizes): number =>
  checkpointTensors(sizes).reduce((sum, tensor) => sum + elementCount(tensor), 0);
