/** What config.json and a checkpoint's files look like in the wild, one change at a time. */
import type { Rng } from '../../../src/support/rng.ts';
import { pick, type Change, type Json } from './cases.ts';
import { headSizeOf, sizes, type ModelDraft } from './model-draft.ts';
import { randomTensor, safetensorsBytes, type Tensor } from './weights.ts';

type Make = (draft: ModelDraft, rng: Rng) => Change;

const harmless = (name: string): Change => ({ name, refusal: null });
const refusable = (name: string, refusal: RegExp): Change => ({ name, refusal });
const shown = (value: unknown): string => JSON.stringify(value) ?? 'missing';

const dropRope = ({ config }: ModelDraft): void => {
  for (const key of ['rope_theta', 'rope_parameters', 'rope_scaling']) delete config[key];
};
/** Where a rope setting can stand. */
const places: readonly ((config: Json, theta: number | null, scaling: Json | null) => string)[] = [
  (config, theta, scaling) => {
    if (theta !== null) config['rope_theta'] = theta;
    if (scaling !== null) config['rope_scaling'] = scaling;
    return 'both at the top';
  },
  (config, theta, scaling) => {
    config['rope_parameters'] = {
      ...(theta === null ? {} : { rope_theta: theta }),
      rope_type: 'default',
      ...scaling,
    };
    return 'both in rope_parameters';
  },
  (config, theta, scaling) => {
    if (theta !== null) config['rope_theta'] = theta;
    config['rope_parameters'] = { rope_type: 'default', ...scaling };
    return 'theta at the top, scaling in rope_parameters';
  },
  (config, theta, scaling) => {
    config['rope_scaling'] = {
      ...(theta === null ? {} : { rope_theta: theta }),
      rope_type: 'default',
      ...scaling,
    };
    return 'both in rope_scaling';
  },
];

const llama3 = (rng: Rng): Json => ({
  [pick(rng, ['rope_type', 'type'])]: 'llama3',
  factor: pick(rng, [8, 2.5, 32]),
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: pick(rng, [32, 64, 128]),
});
const otherScaling = (rng: Rng): Json =>
  pick(rng, [
    { rope_type: 'linear', factor: 2 },
    { type: 'linear', factor: 4 },
    { rope_type: 'dynamic', factor: 2 },
    { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 128 },
    { type: 'yarn', factor: 4 },
  ]);
const namesScaling = /rope|linear|dynamic|yarn/i;

export const configChanges: readonly Make[] = [
  (draft, rng) => {
    dropRope(draft);
    const theta = pick(rng, [100, 5000, 500_000, 1e6]);
    return harmless(`rope_theta ${theta}, ${pick(rng, places)(draft.config, theta, null)}`);
  },
  (draft, rng) => {
    dropRope(draft);
    const [stale, meant] = pick(rng, [
      [10_000, 100],
      [1e6, 500],
      [200, 10_000],
    ] as const);
    draft.config['rope_theta'] = stale;
    draft.config['rope_parameters'] = { rope_theta: meant, rope_type: 'default' };
    return refusable(`rope_theta ${stale} at the top against ${meant} in rope_parameters`, /rope_theta/);
  },
  (draft, rng) => {
    dropRope(draft);
    draft.config['rope_theta'] = 1e6;
    draft.config['rope_scaling'] = { rope_type: 'default', rope_theta: pick(rng, [300, 10_000]) };
    return refusable('rope_theta at the top against rope_scaling.rope_theta', /rope_theta/);
  },
  (draft, rng) => {
    dropRope(draft);
    const empty = pick(rng, [null, {}, { rope_type: 'default' }, { type: 'default' }, { rope_type: null }]);
    const place = pick(rng, ['rope_scaling', 'rope_parameters']);
    draft.config[place] = empty;
    if (rng.below(2) === 0) draft.config['rope_theta'] = 700;
    return refusable(`${place} ${shown(empty)}`, /rope/);
  },
  (draft) => {
    dropRope(draft);
    return harmless('no rope setting at all');
  },
  (draft) => {
    dropRope(draft);
    draft.config['rope_theta'] = null;
    return refusable('rope_theta null', /rope_theta/);
  },
  (draft, rng) => {
    dropRope(draft);
    const theta = pick(rng, ['10000', '1e6', true, -5, 0]);
    draft.config['rope_theta'] = theta;
    return refusable(`rope_theta ${shown(theta)}`, /rope_theta/);
  },
  (draft, rng) => {
    dropRope(draft);
    const scaling = llama3(rng);
    const place = pick(rng, places)(draft.config, pick(rng, [500, 10_000]), scaling);
    return harmless(`llama3 scaling ${shown(scaling)}, ${place}`);
  },
  (draft, rng) => {
    dropRope(draft);
    const scaling = llama3(rng);
    const missing = pick(rng, Object.keys(scaling));
    const without = Object.fromEntries(Object.entries(scaling).filter(([key]) => key !== missing));
    const place = pick(rng, places.slice(0, 2))(draft.config, 10_000, without);
    return refusable(`llama3 scaling without ${missing}, ${place}`, new RegExp(`${missing}|rope`));
  },
  (draft, rng) => {
    dropRope(draft);
    const scaling = otherScaling(rng);
    const place = pick(rng, places)(draft.config, 10_000, scaling);
    return refusable(`scaling ${shown(scaling)}, ${place}`, namesScaling);
  },
  (draft, rng) => {
    dropRope(draft);
    draft.config['rope_parameters'] = { rope_theta: 10_000, rope_type: 'default' };
    const scaling = pick(rng, [otherScaling(rng), llama3(rng)]);
    draft.config['rope_scaling'] = scaling;
    return refusable(
      `rope_scaling ${shown(scaling)} beside rope_parameters`,
      /rope|llama3|linear|dynamic|yarn/,
    );
  },
  (draft, rng) => {
    const share = pick(rng, [1, 1, 0.5, 0.25]);
    if (rng.below(2) === 0) draft.config['partial_rotary_factor'] = share;
    else {
      dropRope(draft);
      draft.config['rope_parameters'] = {
        rope_theta: 10_000,
        rope_type: 'default',
        partial_rotary_factor: share,
      };
    }
    return share === 1
      ? harmless('partial_rotary_factor 1')
      : refusable(`partial_rotary_factor ${share}`, /partial_rotary_factor/);
  },
  (draft, rng) => {
    const value = pick(rng, [1e-5, 1e-8, 0.01, 1, 1e-12]);
    draft.config['rms_norm_eps'] = value;
    return harmless(`rms_norm_eps ${value}`);
  },
  (draft, rng) => {
    const harmful = [
      'hidden_size',
      'intermediate_size',
      'num_hidden_layers',
      'num_attention_heads',
      'vocab_size',
      'num_key_value_heads',
      'head_dim',
    ];
    const name = pick(rng, [
      ...harmful,
      'rms_norm_eps',
      'hidden_act',
      'max_position_embeddings',
      'tie_word_embeddings',
      'architectures',
      'eos_token_id',
      'bos_token_id',
      'initializer_range',
      'use_cache',
      'attention_dropout',
      'torch_dtype',
      'dtype',
    ]);
    delete draft.config[name];
    return harmful.includes(name) ? refusable(`no ${name}`, sizeNames) : harmless(`no ${name}`);
  },
  (draft, rng) => {
    const harmful = [
      'hidden_size',
      'intermediate_size',
      'num_hidden_layers',
      'num_attention_heads',
      'vocab_size',
    ];
    const soft = [
      'num_key_value_heads',
      'head_dim',
      'rms_norm_eps',
      'hidden_act',
      'max_position_embeddings',
      'tie_word_embeddings',
    ];
    const name = pick(rng, [
      ...harmful,
      ...soft,
      ...soft,
      'eos_token_id',
      'bos_token_id',
      'attention_dropout',
      'dtype',
      'architectures',
      'layer_types',
      'sliding_window',
      'attention_bias',
      'quantization_config',
    ]);
    draft.config[name] = null;
    return [...harmful, ...soft, 'attention_dropout'].includes(name)
      ? refusable(`${name} null`, new RegExp(`${name}|${sizeNames.source}`))
      : harmless(`${name} null`);
  },
  (draft, rng) => {
    const name = pick(rng, [
      'hidden_size',
      'num_hidden_layers',
      'num_attention_heads',
      'vocab_size',
      'num_key_value_heads',
    ]);
    const value = Number(draft.config[name] ?? 0);
    const odd = pick(rng, [`${value}`, value + 0.5, -value, 0]);
    draft.config[name] = odd;
    return refusable(`${name} ${shown(odd)}`, new RegExp(`${name}|${sizeNames.source}`));
  },
  (draft, rng) => {
    const extra: Json = pick<Json>(rng, [
      { use_mrope: false },
      { _name_or_path: 'somebody/model' },
      { pretraining_tp: 1 },
      { auto_map: { AutoConfig: 'x.Y' } },
      { output_attentions: false },
      { mup: 3 },
      { logits_scaling: 4 },
      { final_logit_softcapping: 30 },
      { unsloth_fixed: true },
      { attn_implementation: 'sdpa' },
      { embedding_multiplier: 12 },
      { residual_multiplier: 0.22 },
      { pad_token_id: 388 },
      { use_qk_norm: true },
      { rope_interleaved: true },
      { quantization_config: {} },
      { is_decoder: false },
      { num_experts: 8 },
      { chunk_size_feed_forward: 0 },
      { torchscript: false },
      { problem_type: null },
      { id2label: { '0': 'A' } },
      { model_max_length: 131072 },
    ]);
    Object.assign(draft.config, extra);
    const isOdd = 'quantization_config' in extra;
    return isOdd
      ? refusable(shown(extra), /quanti/)
      : harmless(`${shown(extra)}, which the family does not read`);
  },
  (draft, rng) => {
    const on = rng.below(2) === 0;
    const layers = pick(rng, [0, 1, 2, 28]);
    Object.assign(draft.config, {
      use_sliding_window: on,
      sliding_window: pick(rng, [8, 4096, null]),
      max_window_layers: layers,
    });
    return refusable(
      `use_sliding_window ${on}, sliding_window ${shown(draft.config['sliding_window'])}, max_window_layers ${layers}`,
      /sliding/,
    );
  },
  (draft, rng) => {
    draft.config['sliding_window'] = pick(rng, [4, 4096, 131072]);
    return harmless(`sliding_window ${shown(draft.config['sliding_window'])} alone`);
  },
  (draft, rng) => {
    const types = pick(rng, [
      ['full_attention', 'full_attention'],
      ['full_attention', 'sliding_attention'],
      ['full_attention'],
      [],
      ['sliding_attention', 'sliding_attention'],
    ]);
    draft.config['layer_types'] = types;
    if (rng.below(2) === 0) Object.assign(draft.config, { use_sliding_window: true, sliding_window: 6 });
    return refusable(`layer_types ${shown(types)}`, /layer_types|sliding/);
  },
  (draft, rng) => {
    const [name, value] = pick(rng, [
      ['attention_bias', true],
      ['mlp_bias', true],
      ['qkv_bias', true],
      ['attention_bias', false],
      ['mlp_bias', false],
      ['qkv_bias', false],
      ['bias', true],
    ] as const);
    draft.config[name] = value;
    return value ? refusable(`${name} true`, /bias/) : harmless(`${name} false`);
  },
  (draft, rng) => {
    const at = `model.layers.${rng.below(2)}.`;
    const [name, size] = pick(rng, [
      ['self_attn.o_proj.bias', sizes.hidden],
      ['mlp.down_proj.bias', sizes.hidden],
      ['mlp.gate_proj.bias', sizes.feedForward],
    ] as const);
    draft.tensors.set(at + name, randomTensor(draft.seed, at + name, [size]));
    return refusable(`a tensor ${name} that the family has not`, /bias/);
  },
  (draft, rng) => {
    const act = pick(rng, ['silu', 'swish', 'gelu', 'relu', 'gelu_pytorch_tanh', 'SiLU']);
    draft.config['hidden_act'] = act;
    return act === 'silu' ? harmless('hidden_act silu') : refusable(`hidden_act ${act}`, /hidden_act/);
  },
  (draft, rng) => {
    draft.config['attention_dropout'] = pick(rng, [0.1, 0.0, null]);
    return refusable(`attention_dropout ${shown(draft.config['attention_dropout'])}`, /attention_dropout/);
  },
  (draft, rng) => {
    const flag = pick(rng, [true, false, null, undefined]);
    if (flag === undefined) delete draft.config['tie_word_embeddings'];
    else draft.config['tie_word_embeddings'] = flag;
    const head = pick(rng, ['absent', 'equal', 'own'] as const);
    const embedding = draft.tensors.get('model.embed_tokens.weight') as Tensor;
    if (head === 'absent') draft.tensors.delete('lm_head.weight');
    if (head === 'equal')
      draft.tensors.set('lm_head.weight', { ...embedding, values: embedding.values.slice() });
    return refusable(`tie_word_embeddings ${shown(flag)}, lm_head ${head}`, /lm_head|tie_word_embeddings/);
  },
  (draft, rng) => {
    const strip = pick(rng, ['model.', 'both'] as const);
    const isTied = rng.below(2) === 0;
    draft.tensors = new Map(
      [...draft.tensors].map(([name, tensor]) => [name.replace(/^model\./, ''), tensor]),
    );
    if (strip === 'both' || isTied) {
      draft.tensors.delete('lm_head.weight');
      draft.config['tie_word_embeddings'] = true;
    }
    draft.config['architectures'] = [
      pick<unknown>(rng, [
        draft.config['architectures'],
        [String((draft.config['architectures'] as string[])[0]).replace('ForCausalLM', 'Model')],
      ]),
    ].flat();
    return refusable(
      `names without "model.", ${shown(draft.config['architectures'])}`,
      /architecture|lm_head/,
    );
  },
  (draft, rng) => {
    const prefix = pick(rng, ['language_model.', 'module.', 'base_model.model.', 'model.']);
    draft.tensors = new Map([...draft.tensors].map(([name, tensor]) => [prefix + name, tensor]));
    return refusable(`names with "${prefix}" before them`, /tensor|embed_tokens/);
  },
  (draft, rng) => {
    const [name, dtype, shape] = pick(rng, [
      ['model.layers.0.self_attn.rotary_emb.inv_freq', 'F32', [4]],
      ['model.layers.1.self_attn.rotary_emb.inv_freq', 'F64', [4]],
      ['model.visual.patch_embed.weight', 'F32', [3, 4]],
      ['position_ids', 'I64', [1, 8]],
      ['model.layers.2.self_attn.q_proj.weight', 'F32', [sizes.hidden, sizes.hidden]],
      ['score.weight', 'BF16', [2, sizes.hidden]],
      ['empty', 'F32', [0, 4]],
      ['scalar', 'F32', []],
    ] as const);
    draft.tensors.set(name, { ...randomTensor(draft.seed, name, shape), dtype });
    return harmless(`an unused tensor ${name} (${dtype})`);
  },
  (draft, rng) => {
    const dtype = pick(rng, ['F16', 'BF16', 'F32'] as const);
    const only = pick(rng, ['', 'norm', 'proj', 'embed']);
    for (const [name, tensor] of draft.tensors) if (name.includes(only)) tensor.dtype = dtype;
    return harmless(`${dtype}${only === '' ? '' : ` for ${only}`}`);
  },
  (draft, rng) => {
    const only = pick(rng, ['lm_head', 'input_layernorm', 'layers.0']);
    for (const [name, tensor] of draft.tensors) if (name.includes(only)) tensor.dtype = 'F64';
    return refusable(`F64 for ${only}`, /F64/);
  },
  (draft, rng) => {
    draft.shardCount = pick(rng, [2, 3, 5]);
    return harmless(`${draft.shardCount} shards`);
  },
  (draft, rng) => {
    draft.shardCount = 2;
    const other = pick(rng, [1, 2]);
    const name = 'model.norm.weight';
    draft.editFiles = (files) => {
      // the same name in the other shard, with other values: the index says which one is meant
      const stale = new Map([[name, { ...randomTensor(draft.seed + other, name, [sizes.hidden]) }]]);
      files.set('aaa.safetensors', safetensorsBytes(stale, { format: 'pt' }));
      const index = JSON.parse(String(files.get('model.safetensors.index.json'))) as {
        weight_map: Record<string, string>;
      };
      index.weight_map['other.weight'] = 'aaa.safetensors';
      files.set('model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
    };
    return refusable(
      'a shard with a second tensor of the same name that the index gives to another shard',
      /model\.norm\.weight|twice/,
    );
  },
  (draft) => {
    draft.shardCount = 2;
    draft.editFiles = (files) => files.delete('model.safetensors.index.json');
    return refusable('shards without their index', /index/);
  },
  (draft) => {
    draft.shardCount = 2;
    draft.editFiles = (files) => files.delete('model-00002-of-00002.safetensors');
    return refusable('a shard is missing', /model-00002-of-00002/);
  },
  (draft, rng) => {
    draft.shardCount = 2;
    draft.editFiles = (files) => {
      const index = JSON.parse(String(files.get('model.safetensors.index.json'))) as Json;
      const edited: Json = pick<Json>(rng, [
        { weight_map: index['weight_map'] },
        { ...index, metadata: null },
        { ...index, metadata: {} },
      ]);
      files.set('model.safetensors.index.json', Buffer.from(JSON.stringify(edited)));
    };
    return harmless('an index with other metadata');
  },
  (draft) => {
    draft.editFiles = (files) =>
      files.set('model.safetensors.index.json', Buffer.from('{"weight_map": {"a": "gone.safetensors"}}'));
    return harmless('a stale index beside the one file');
  },
  (draft, rng) => {
    draft.metadata = pick(rng, [
      null,
      undefined,
      {},
      { format: 'mlx' },
      { source: 'x' },
      { format: 'pt', note: '{"a": 1}' },
    ]);
    return harmless(`metadata ${shown(draft.metadata)}`);
  },
  (draft, rng) => {
    draft.metadata = pick(rng, [{ format: 'pt', step: 3 }, [], 'pt']);
    return refusable(`metadata ${shown(draft.metadata)}`, /metadata/);
  },
  (draft, rng) => {
    const name = pick(rng, [...draft.tensors.keys()]);
    draft.tensors.delete(name);
    return refusable(`no tensor ${name}`, new RegExp(name.replaceAll('.', '\\.')));
  },
  (draft, rng) => {
    const name = pick(rng, [...draft.tensors.keys()]);
    const { shape } = draft.tensors.get(name) as Tensor;
    draft.tensors.set(name, randomTensor(draft.seed, name, [shape[0] + 4, ...shape.slice(1)]));
    return refusable(`${name} has another shape`, new RegExp(name.replaceAll('.', '\\.')));
  },
  (draft, rng) => {
    const name = pick(rng, [...draft.tensors.keys()]);
    (draft.tensors.get(name) as Tensor).values[1] = pick(rng, [Number.NaN, Number.POSITIVE_INFINITY]);
    return refusable(`${name} holds a value that is not finite`, new RegExp(name.replaceAll('.', '\\.')));
  },
  (draft, rng) => {
    const ids = pick(rng, [
      383,
      [383, 388],
      [],
      null,
      -1,
      [383, -1],
      5000,
      [383, 5000],
      386.5,
      '383',
      [[383]],
    ]);
    draft.config['eos_token_id'] = ids;
    return refusable(`eos_token_id ${shown(ids)}`, /eos_token_id/);
  },
  (draft, rng) => {
    const ids = pick(rng, [383, [383, 388], [388], null, undefined, 388, -1, 5000, [383, 5000]]);
    draft.generationConfig = ids === undefined ? {} : { eos_token_id: ids, do_sample: true };
    if (rng.below(2) === 0) draft.config['eos_token_id'] = [383, 387];
    return refusable(
      `generation_config.json's eos_token_id ${shown(ids)}, config.json's ${shown(draft.config['eos_token_id'])}`,
      /eos_token_id|generation_config/,
    );
  },
  (draft, rng) => {
    const named = pick(rng, [
      ['MistralForCausalLM'],
      ['Qwen2ForSequenceClassification'],
      [],
      null,
      ['Qwen2Model'],
      'Qwen2ForCausalLM',
      [architecturesOther(draft), 'X'],
    ]);
    draft.config['architectures'] = named;
    return refusable(`architectures ${shown(named)}`, /architecture/);
  },
  (draft, rng) => {
    const type = pick(rng, [
      'mistral',
      'qwen2_moe',
      'Qwen2',
      '',
      undefined,
      null,
      'gemma',
      'qwen2_vl',
      'smollm3',
      'phi3',
    ]);
    if (type === undefined) delete draft.config['model_type'];
    else draft.config['model_type'] = type;
    return refusable(`model_type ${shown(type)}`, /model_type/);
  },
  (draft, rng) => {
    const value = pick(rng, [headSizeOf(draft.family), headSizeOf(draft.family) * 2, 6, 8.0]);
    draft.config['head_dim'] = value;
    return value === headSizeOf(draft.family)
      ? harmless(`head_dim ${value}`)
      : refusable(`head_dim ${value}, of other weights`, new RegExp(`head|${sizeNames.source}`));
  },
  (draft, rng) => {
    const value = pick(rng, [40, 512, 131072, 8]);
    draft.config['max_position_embeddings'] = value;
    return value < 33 // the longest row: transformers computes positions that the model does not have
      ? refusable(`max_position_embeddings ${value}`, /max_position_embeddings/)
      : harmless(`max_position_embeddings ${value}`);
  },
  (draft, rng) => {
    draft.config['quantization_config'] = pick<Json>(rng, [
      { quant_method: 'bitsandbytes', load_in_4bit: true },
      { quant_method: 'gptq', bits: 4 },
      { quant_method: 'awq', bits: 4 },
      { quant_method: 'fp8' },
    ]);
    return refusable(`quantization_config ${shown(draft.config['quantization_config'])}`, /quanti/);
  },
  (draft, rng) => {
    const type = pick(rng, ['float16', 'bfloat16', 'float32', 'auto', 'float64', 'half']);
    draft.config[pick(rng, ['torch_dtype', 'dtype'])] = type;
    return harmless(`dtype ${type}`);
  },
];

const sizeNames =
  /hidden_size|intermediate_size|num_hidden_layers|num_attention_heads|vocab_size|num_key_value_heads|head|tensor "|weight|bias|norm/;
const architecturesOther = (draft: ModelDraft): string =>
  draft.family === 'llama' ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM';
