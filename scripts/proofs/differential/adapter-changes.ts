/** What adapter_config.json and adapter_model.safetensors look like in the wild, one change at a time. */
import type { Rng } from '../../../src/support/rng.ts';
import { chance, pick, type Change, type Json } from './cases.ts';
import { headSizeOf, sizes, type Family } from './model-draft.ts';
import { randomTensor, type Dtype, type Tensors } from './weights.ts';

export interface AdapterDraft {
  readonly family: Family;
  readonly seed: number;
  readonly config: Json;
  /** Modules the weights are for. */
  targets: readonly string[];
  layers: readonly number[];
  r: number;
  rankOf: (layer: number, target: string) => number;
  dtype: Dtype;
  editTensors: (tensors: Tensors) => Tensors;
}

export const allTargets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];
const blockOf = (target: string): string => (/^[qkvo]_/.test(target) ? 'self_attn' : 'mlp');
const moduleAt = (layer: number, target: string): string =>
  `base_model.model.model.layers.${layer}.${blockOf(target)}.${target}`;

export function newAdapter(family: Family, seed: number, rng: Rng): AdapterDraft {
  const targets = chance(rng, 0.4) ? allTargets : allTargets.filter(() => chance(rng, 0.5));
  const chosen = targets.length === 0 ? ['q_proj', 'v_proj'] : targets;
  const r = pick(rng, [1, 2, 4, 8]);
  return {
    family,
    seed,
    config: {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: 'base',
      r,
      lora_alpha: pick(rng, [1, 8, 16, 5]),
      lora_dropout: pick(rng, [0, 0, 0.1]),
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      target_modules: chosen,
      use_rslora: chance(rng, 0.2),
      use_dora: false,
      modules_to_save: null,
      rank_pattern: {},
      alpha_pattern: {},
    },
    targets: chosen,
    layers: [0, 1],
    r,
    rankOf: (): number => Number.NaN,
    dtype: 'F32',
    editTensors: (tensors) => tensors,
  };
}

export function adapterTensors(draft: AdapterDraft): Tensors {
  const { hidden: c, feedForward: f, heads, kvHeads } = sizes;
  const d = headSizeOf(draft.family);
  const shapes: Record<string, readonly [into: number, out: number]> = {
    q_proj: [c, heads * d],
    k_proj: [c, kvHeads * d],
    v_proj: [c, kvHeads * d],
    o_proj: [heads * d, c],
    gate_proj: [c, f],
    up_proj: [c, f],
    down_proj: [f, c],
  };
  const tensors: Tensors = new Map();
  for (const layer of draft.layers)
    for (const target of draft.targets) {
      const own = draft.rankOf(layer, target);
      const r = Number.isNaN(own) ? draft.r : own;
      const [into, out] = shapes[target];
      for (const [factor, shape] of [
        ['A', [r, into]],
        ['B', [out, r]],
      ] as const) {
        const name = `${moduleAt(layer, target)}.lora_${factor}.weight`;
        tensors.set(name, { ...randomTensor(draft.seed, name, shape), dtype: draft.dtype });
      }
    }
  return draft.editTensors(tensors);
}

type Make = (draft: AdapterDraft, rng: Rng) => Change;
const harmless = (name: string): Change => ({ name, refusal: null });
const refusable = (name: string, refusal: RegExp): Change => ({ name, refusal });
const shown = (value: unknown): string => JSON.stringify(value) ?? 'missing';

/** Another way to write the same modules. */
function respell(draft: AdapterDraft, rng: Rng): string {
  const { targets } = draft;
  const isAll = targets.length === allTargets.length;
  const spellings: (readonly [string, unknown])[] = [
    ['a regular expression', `.*\\.(${targets.join('|')})`],
    [
      'a regular expression of layers and blocks',
      `model\\.layers\\.\\d+\\.(self_attn|mlp)\\.(${targets.join('|')})`,
    ],
    [
      'unsloth’s expression',
      `(?:.*?(?:language|text).*?(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense).*?(?:${targets.join('|')}).*?)|(?:\\bmodel\\.layers\\.[\\d]{1,}\\.(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense)\\.(?:(?:${targets.join('|')})))`,
    ],
    ['names with their block', targets.map((name) => `${blockOf(name)}.${name}`)],
    [
      'full names',
      [0, 1].flatMap((layer) => targets.map((name) => `model.layers.${layer}.${blockOf(name)}.${name}`)),
    ],
    ['names that this model has not, too', [...targets, 'qkv_proj', 'gate_up_proj', 'c_attn']],
    ['a name twice', [...targets, targets[0]]],
    ...(isAll
      ? ([
          ['all-linear', 'all-linear'],
          ['ALL-LINEAR', 'ALL-LINEAR'],
          ['a list with all-linear', ['all-linear']],
        ] as const)
      : []),
  ];
  const [name, value] = pick(rng, spellings);
  draft.config['target_modules'] = value;
  return name;
}

export const adapterChanges: readonly Make[] = [
  (draft, rng) => {
    const name = pick(rng, [
      'r',
      'lora_alpha',
      'lora_dropout',
      'bias',
      'use_rslora',
      'init_lora_weights',
      'fan_in_fan_out',
      'task_type',
      'inference_mode',
      'modules_to_save',
      'rank_pattern',
      'alpha_pattern',
      'use_dora',
      'base_model_name_or_path',
    ]);
    delete draft.config[name];
    if (name === 'r') draft.r = 8; // PEFT's default
    return harmless(`no ${name}`);
  },
  (draft, rng) => {
    const name = pick(rng, [
      'lora_dropout',
      'use_rslora',
      'init_lora_weights',
      'fan_in_fan_out',
      'task_type',
      'inference_mode',
      'rank_pattern',
      'alpha_pattern',
      'use_dora',
      'base_model_name_or_path',
      'revision',
      'layers_to_transform',
      'layers_pattern',
      'exclude_modules',
      'auto_mapping',
      'loftq_config',
      'megatron_config',
      'lora_bias',
      'target_parameters',
      'trainable_token_indices',
      'layer_replication',
      'eva_config',
      'corda_config',
      'runtime_config',
      'qalora_group_size',
      'peft_version',
      'ensure_weight_tying',
    ]);
    draft.config[name] = null;
    return harmless(`${name} null`);
  },
  (draft, rng) => {
    const name = pick(rng, ['r', 'lora_alpha', 'bias', 'target_modules', 'peft_type']);
    draft.config[name] = null;
    return refusable(`${name} null`, new RegExp(name));
  },
  (draft, rng) => harmless(`target_modules as ${respell(draft, rng)}`),
  (draft, rng) => harmless(`target_modules as ${respell(draft, rng)}`),
  (draft, rng) => {
    delete draft.config['target_modules'];
    // PEFT's own table of defaults for the family
    if (rng.below(2) === 0) draft.targets = ['q_proj', 'v_proj'];
    return refusable(`no target_modules, weights for ${draft.targets.join(', ')}`, /target_modules/);
  },
  (draft, rng) => {
    const more = allTargets.filter((name) => !draft.targets.includes(name));
    draft.config['target_modules'] = [...draft.targets, ...more.slice(0, 1 + rng.below(2))];
    return refusable('target_modules names more than the weights hold', /target_modules|missing|nothing for/);
  },
  (draft) => {
    draft.config['target_modules'] = draft.targets.slice(1);
    if (draft.targets.length === 1) draft.config['target_modules'] = ['lm_head'];
    return refusable('target_modules names less than the weights hold', /target_modules/);
  },
  (draft, rng) => {
    const names = pick(rng, [['lm_head'], ['model.layers.0.self_attn.q_proj_x'], 'nothing.*', []]);
    draft.config['exclude_modules'] = names;
    return harmless(`exclude_modules ${shown(names)}, which match nothing`);
  },
  (draft, rng) => {
    const [name] = draft.targets;
    const form = pick(rng, [[name], `.*${name}`, [`layers.0.${blockOf(name)}.${name}`]]);
    draft.config['exclude_modules'] = form;
    return refusable(
      `exclude_modules ${shown(form)}, whose weights are there`,
      /exclude_modules|target_modules/,
    );
  },
  (draft, rng) => {
    const [name] = draft.targets;
    draft.config['exclude_modules'] = [name];
    draft.targets = draft.targets.length > 1 ? draft.targets.slice(1) : draft.targets;
    return refusable(
      `exclude_modules ${shown([name])}, without weights`,
      rng.below(2) === 0 ? /exclude_modules|missing/ : /exclude_modules|missing/,
    );
  },
  (draft, rng) => {
    const key = pick(rng, ['rank_pattern', 'alpha_pattern']);
    const name = pick(rng, ['nothing', 'lm_head', 'c_attn', 'layers.7.self_attn.q_proj']);
    draft.config[key] = { [name]: 2 };
    return refusable(`${key} for ${name}, which is not adapted`, new RegExp(key));
  },
  (draft, rng) => {
    const target = pick(rng, draft.targets);
    const pattern = pick(rng, [target, `.*layers\\.[01]\\..*${target}`, `${blockOf(target)}.${target}`]);
    const r = pick(rng, [2, 3, 16]);
    draft.config['rank_pattern'] = { [pattern]: r };
    draft.rankOf = (_, name) => (name === target ? r : draft.r);
    return refusable(`rank_pattern ${pattern}: ${r}`, /rank_pattern/);
  },
  (draft, rng) => {
    const target = pick(rng, draft.targets);
    const pattern = pick(rng, [target, `layers.0.${blockOf(target)}.${target}`]);
    draft.config['alpha_pattern'] = { [pattern]: pick(rng, [1, 32, draft.config['lora_alpha']]) };
    return refusable(`alpha_pattern ${shown(draft.config['alpha_pattern'])}`, /alpha_pattern/);
  },
  (draft) => {
    draft.config['use_rslora'] = true;
    return harmless('use_rslora');
  },
  (draft) => {
    draft.config['use_dora'] = true;
    draft.editTensors = (tensors) => {
      for (const layer of draft.layers)
        for (const target of draft.targets) {
          const b = tensors.get(`${moduleAt(layer, target)}.lora_B.weight`);
          const name = `${moduleAt(layer, target)}.lora_magnitude_vector`;
          if (b !== undefined) tensors.set(name, randomTensor(draft.seed, name, [b.shape[0]]));
        }
      return tensors;
    };
    return refusable('use_dora', /use_dora/);
  },
  (draft, rng) => {
    const layers = pick(rng, [0, 1, [0], [1], [0, 1]] as const);
    draft.config['layers_to_transform'] = layers;
    draft.layers = [layers].flat();
    if (rng.below(3) === 0) draft.config['layers_pattern'] = 'layers';
    return refusable(`layers_to_transform ${shown(layers)}`, /layers_to_transform|layers_pattern/);
  },
  (draft, rng) => {
    const layer = pick(rng, [0, 1]);
    draft.config['target_modules'] = `.*layers\\.${layer}\\..*(${draft.targets.join('|')})`;
    draft.layers = [layer];
    return refusable(`a regular expression for layer ${layer} alone`, /target_modules|layer/);
  },
  (draft, rng) => {
    const bias = pick(rng, ['all', 'lora_only', 'None', '']);
    draft.config['bias'] = bias;
    return refusable(`bias ${shown(bias)}`, /bias/);
  },
  (draft, rng) => {
    const names = pick(rng, [['lm_head'], ['embed_tokens'], ['norm']]);
    draft.config['modules_to_save'] = names;
    const path =
      names[0] === 'lm_head'
        ? 'base_model.model.lm_head.weight'
        : `base_model.model.model.${names[0]}.weight`;
    const shape = names[0] === 'norm' ? [sizes.hidden] : [392, sizes.hidden];
    draft.editTensors = (tensors) => tensors.set(path, randomTensor(draft.seed, path, shape));
    return refusable(`modules_to_save ${shown(names)}`, /modules_to_save/);
  },
  (draft) => {
    draft.config['modules_to_save'] = [];
    return harmless('modules_to_save []');
  },
  (draft, rng) => {
    draft.dtype = pick(rng, ['F16', 'BF16'] as const);
    return harmless(`weights in ${draft.dtype}`);
  },
  (draft) => {
    draft.editTensors = (tensors) =>
      new Map([...tensors].map(([name, tensor]) => [name.replace('.weight', '.default.weight'), tensor]));
    return refusable('names with ".default"', /default/);
  },
  (draft, rng) => {
    const [from, to] = pick(rng, [
      ['base_model.model.', ''],
      ['base_model.model.', 'base_model.'],
      ['base_model.model.model.', 'base_model.model.'],
      ['base_model.model.model.', 'base_model.model.language_model.'],
      ['lora_A', 'lora_a'],
      ['base_model.model.', 'module.base_model.model.'],
    ] as const);
    draft.editTensors = (tensors) =>
      new Map([...tensors].map(([name, tensor]) => [name.replace(from, to), tensor]));
    return refusable(`names with ${shown(to)} for ${shown(from)}`, /tensor|missing|weights/);
  },
  (draft, rng) => {
    draft.editTensors = (tensors) => {
      tensors.delete(pick(rng, [...tensors.keys()]));
      return tensors;
    };
    return refusable('a factor is missing', /missing|lora_[AB]/);
  },
  (draft, rng) => {
    const names = pick(rng, [
      ['base_model.model.lm_head.lora_A.weight', 'base_model.model.lm_head.lora_B.weight'],
      [
        'base_model.model.model.embed_tokens.lora_embedding_A',
        'base_model.model.model.embed_tokens.lora_embedding_B',
      ],
      ['base_model.model.model.norm.weight'],
      ['base_model.model.model.layers.0.self_attn.q_proj.lora_B.bias'],
      [
        'base_model.model.model.layers.5.self_attn.q_proj.lora_A.weight',
        'base_model.model.model.layers.5.self_attn.q_proj.lora_B.weight',
      ],
    ]);
    const [first] = names;
    if (/lm_head/.test(first)) draft.config['target_modules'] = [...draft.targets, 'lm_head'];
    if (/embed/.test(first)) draft.config['target_modules'] = [...draft.targets, 'embed_tokens'];
    draft.editTensors = (tensors) => {
      for (const name of names) {
        const isA = /_A/.test(name);
        const isWide = /lm_head|embed/.test(name);
        const rows = isA ? draft.r : isWide ? 392 : sizes.hidden;
        const shape = /norm|bias/.test(name)
          ? [sizes.hidden]
          : isA
            ? [draft.r, /embed/.test(name) ? 392 : sizes.hidden]
            : [/embed/.test(name) ? sizes.hidden : rows, draft.r];
        tensors.set(name, randomTensor(draft.seed, name, shape));
      }
      return tensors;
    };
    return refusable(`weights named ${first}`, /lm_head|embed|norm|bias|layer 5|layers\.5/);
  },
  (draft, rng) => {
    const value = pick(rng, ['LORA', 'lora', 'ADALORA', 'IA3', 'LOHA', undefined]);
    if (value === undefined) delete draft.config['peft_type'];
    else draft.config['peft_type'] = value;
    return value === 'LORA'
      ? harmless('peft_type LORA')
      : refusable(`peft_type ${shown(value)}`, /peft_type/);
  },
  (draft, rng) => {
    draft.config['task_type'] = pick(rng, [
      null,
      'SEQ_CLS',
      'FEATURE_EXTRACTION',
      'SEQ_2_SEQ_LM',
      'QUESTION_ANS',
      'TOKEN_CLS',
      'causal_lm',
    ]);
    return refusable(`task_type ${shown(draft.config['task_type'])}`, /task_type/);
  },
  (draft, rng) => {
    const value = pick(rng, [
      true,
      false,
      'gaussian',
      'eva',
      'olora',
      'pissa',
      'pissa_niter_4',
      'corda',
      'loftq',
      'orthogonal',
      'lora_ga',
      'nonsense',
    ]);
    draft.config['init_lora_weights'] = value;
    return ['gaussian', true, false].includes(value)
      ? harmless(`init_lora_weights ${shown(value)}`)
      : refusable(`init_lora_weights ${shown(value)}`, /init_lora_weights/);
  },
  (draft, rng) => {
    const extra = pick<Json>(rng, [
      { peft_version: '0.21.2' },
      { some_future_option: false, some_future_config: null },
      { loftq_config: {} },
      {
        auto_mapping: {
          base_model_class: 'Qwen2ForCausalLM',
          parent_library: 'transformers.models.qwen2.modeling_qwen2',
        },
      },
      { revision: 'main' },
      { fan_in_fan_out: true },
      { inference_mode: false },
      { use_qalora: false, qalora_group_size: 16 },
      { megatron_core: 'megatron.core' },
      { lora_ga_config: null },
      { corda_config: null },
      { arrow_config: null },
      { use_bdlora: null },
      { unsloth_version: '2026.1' },
    ]);
    Object.assign(draft.config, extra);
    return harmless(shown(extra));
  },
  (draft, rng) => {
    const extra = pick<Json>(rng, [
      { lora_bias: true },
      { trainable_token_indices: [1, 2] },
      {
        layer_replication: [
          [0, 2],
          [0, 2],
        ],
      },
      { target_parameters: ['mlp.down_proj.weight'] },
      { use_qalora: true },
      { alora_invocation_tokens: [5] },
      { some_future_option: true },
      { enable_lora: [true, false] },
      { some_future_scale: 2 },
      { some_future_mode: 'rotated' },
    ]);
    Object.assign(draft.config, extra);
    return refusable(shown(extra), new RegExp(Object.keys(extra)[0]));
  },
  (draft, rng) => {
    const alpha = pick(rng, [8.5, 0.5, 64, 1e-3]);
    draft.config['lora_alpha'] = alpha;
    return harmless(`lora_alpha ${alpha}`);
  },
  (draft, rng) => {
    const [name, value] = pick(rng, [
      ['r', 0],
      ['r', -1],
      ['r', '8'],
      ['lora_alpha', 0],
      ['lora_alpha', '16'],
      ['lora_alpha', -4],
      ['lora_dropout', 1],
      ['lora_dropout', '0'],
      ['use_rslora', 'true'],
      ['r', draft.r + 0.5],
      ['lora_dropout', -0.1],
    ] as const);
    draft.config[name] = value;
    return refusable(`${name} ${shown(value)}`, new RegExp(name));
  },
  (draft) => {
    draft.config['r'] = draft.r * 2;
    return refusable('r is not that of the weights', /\br\b|lora_A/);
  },
  (draft, rng) => {
    draft.editTensors = (tensors) => {
      const name = pick(rng, [...tensors.keys()]);
      const tensor = tensors.get(name);
      if (tensor !== undefined) tensors.set(name, { ...tensor, shape: [...tensor.shape].reverse() });
      return tensors;
    };
    return refusable('a factor lies the other way round', /\[\d+, \d+\]|maps|must be/);
  },
];
