/** A tiny checkpoint before it is written: its config.json, tensors and layout, each open to changes. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rng } from '../../../src/support/rng.ts';
import { projectRoot } from '../../cli/paths.ts';
import { chance, type Json } from './cases.ts';
import { randomTensor, safetensorsBytes, type Tensors } from './weights.ts';

export const families = ['qwen2', 'qwen3', 'llama'] as const;
export type Family = (typeof families)[number];
export const architectureOf: Readonly<Record<Family, string>> = {
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  llama: 'LlamaForCausalLM',
};

export const tokenizerFolder = join(projectRoot, 'tests/fixtures/goldens/tied-gqa/model');
/** Ids of that tokenizer, and rows of the embedding above them. */
export const knownIds = 389;
const vocabSize = 392;

export interface ModelDraft {
  readonly family: Family;
  readonly seed: number;
  readonly config: Json;
  tensors: Tensors;
  metadata: unknown;
  generationConfig: Json | null;
  shardCount: number;
  /** Told the shards and their index before they are written. */
  editFiles: (files: Map<string, Buffer>) => void;
}

export const sizes = { hidden: 32, feedForward: 48, layers: 2, heads: 4, kvHeads: 2 } as const;
export const headSizeOf = (family: Family): number => (family === 'qwen3' ? 16 : 8);

export function newDraft(family: Family, seed: number, rng: Rng): ModelDraft {
  const isModern = chance(rng, 0.5); // as transformers 5 writes it, or 4
  const rope = isModern
    ? { rope_parameters: { rope_theta: 10_000, rope_type: 'default' } }
    : { rope_theta: 10_000 };
  const config: Json = {
    architectures: [architectureOf[family]],
    model_type: family,
    vocab_size: vocabSize,
    hidden_size: sizes.hidden,
    intermediate_size: sizes.feedForward,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    ...(family === 'qwen3' || chance(rng, 0.3) ? { head_dim: headSizeOf(family) } : {}),
    max_position_embeddings: 512,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    bos_token_id: 386,
    eos_token_id: 383,
    initializer_range: 0.02,
    use_cache: true,
    attention_dropout: 0,
    ...rope,
    [isModern ? 'dtype' : 'torch_dtype']: 'float32',
    transformers_version: isModern ? '5.18.0' : '4.51.3',
  };
  return {
    family,
    seed,
    config,
    tensors: checkpoint(family, seed),
    metadata: { format: 'pt' },
    generationConfig: null,
    shardCount: 1,
    editFiles: () => undefined,
  };
}

function checkpoint(family: Family, seed: number): Tensors {
  const { hidden: c, feedForward: f, layers, heads, kvHeads } = sizes;
  const d = headSizeOf(family);
  const tensors: Tensors = new Map();
  const add = (name: string, ...shape: readonly number[]): void => {
    tensors.set(name, randomTensor(seed, name, shape));
  };
  add('model.embed_tokens.weight', vocabSize, c);
  for (let i = 0; i < layers; i++) {
    const at = `model.layers.${i}`;
    add(`${at}.input_layernorm.weight`, c);
    for (const [name, rows] of [
      ['q', heads * d],
      ['k', kvHeads * d],
      ['v', kvHeads * d],
    ] as const) {
      add(`${at}.self_attn.${name}_proj.weight`, rows, c);
      if (family === 'qwen2') add(`${at}.self_attn.${name}_proj.bias`, rows);
    }
    if (family === 'qwen3') for (const name of ['q', 'k']) add(`${at}.self_attn.${name}_norm.weight`, d);
    add(`${at}.self_attn.o_proj.weight`, c, heads * d);
    add(`${at}.post_attention_layernorm.weight`, c);
    add(`${at}.mlp.gate_proj.weight`, f, c);
    add(`${at}.mlp.up_proj.weight`, f, c);
    add(`${at}.mlp.down_proj.weight`, c, f);
  }
  add('model.norm.weight', c);
  add('lm_head.weight', vocabSize, c);
  return tensors;
}

export function writeDraft(draft: ModelDraft, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const files = new Map<string, Buffer>();
  const names = [...draft.tensors.keys()];
  const total = draft.shardCount;
  if (total === 1) files.set('model.safetensors', safetensorsBytes(draft.tensors, draft.metadata));
  else {
    const weightMap: Record<string, string> = {};
    for (let i = 0; i < total; i++) {
      const name = `model-0000${i + 1}-of-0000${total}.safetensors`;
      const shard: Tensors = new Map();
      for (const [index, tensor] of names.entries()) {
        const value = draft.tensors.get(tensor);
        if (value === undefined || Math.floor((index * total) / names.length) !== i) continue;
        shard.set(tensor, value);
        weightMap[tensor] = name;
      }
      files.set(name, safetensorsBytes(shard, draft.metadata));
    }
    const index = { metadata: { total_size: 1 }, weight_map: weightMap };
    files.set('model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
  }
  draft.editFiles(files);
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(draft.config, null, 1));
  if (draft.generationConfig !== null)
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(draft.generationConfig));
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(join(tokenizerFolder, name), join(folder, name));
}
