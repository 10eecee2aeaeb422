/** What a checkpoint of the three families holds: names and shapes, in the order of the layers. */
import type { ModelConfig } from './model-config.ts';

export interface CheckpointTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: 'matrix' | 'norm' | 'bias' | 'embedding';
}

/** Every tensor that is used; a tied head is the embedding. */
export function checkpointTensors(config: ModelConfig): CheckpointTensor[] {
  const { hiddenSize: c, intermediateSize: f, headCount, kvHeadCount, headSize: d, vocabSize: v } = config;
  const [q, kv] = [headCount * d, kvHeadCount * d];
  const tensors: CheckpointTensor[] = [];
  const add = (kind: CheckpointTensor['kind'], name: string, ...shape: readonly number[]): void => {
    tensors.push({ name, shape, kind });
  };
  add('embedding', 'model.embed_tokens.weight', v, c);
  for (let i = 0; i < config.layerCount; i++) {
    const attention = `model.layers.${i}.self_attn`;
    add('norm', `model.layers.${i}.input_layernorm.weight`, c);
    for (const [name, rows] of [
      ['q', q],
      ['k', kv],
      ['v', kv],
    ] as const) {
      add('matrix', `${attention}.${name}_proj.weight`, rows, c);
      if (config.qkvBias) add('bias', `${attention}.${name}_proj.bias`, rows);
    }
    if (config.qkNorm) for (const name of ['q', 'k']) add('norm', `${attention}.${name}_norm.weight`, d);
    add('matrix', `${attention}.o_proj.weight`, c, q);
    add('norm', `model.layers.${i}.post_attention_layernorm.weight`, c);
    for (const name of ['gate', 'up']) add('matrix', `model.layers.${i}.mlp.${name}_proj.weight`, f, c);
    add('matrix', `model.layers.${i}.mlp.down_proj.weight`, c, f);
  }
  add('norm', 'model.norm.weight', c);
  if (!config.tiedHead) add('embedding', 'lm_head.weight', v, c);
  return tensors;
}

export const elementCount = ({ shape }: Pick<CheckpointTensor, 'shape'>): number =>
  shape.reduce((product, n) => product * n, 1);

export const parameterCount = (config: ModelConfig): number =>
  checkpointTensors(config).reduce((sum, tensor) => sum + elementCount(tensor), 0);
