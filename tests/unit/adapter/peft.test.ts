import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { loraTargets } from '../../../src/architecture/modules.ts';
import { readPeftAdapter, writePeftAdapter, type LoraModule } from '../../../src/adapter/peft.ts';
import { loraScaling } from '../../../src/config/run-config.ts';
import { moduleNames } from '../../../src/model/adapter.ts';
import { openSafetensors, writeSafetensors, type TensorToWrite } from '../../../src/adapter/safetensors.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { goldenBytes, goldenNames, goldenText, type GoldenName } from '../data/support.ts';

const open = (bytes: Uint8Array) => openSafetensors(bytesSource(bytes));
const read = async (name: GoldenName, folder = 'adapter') =>
  readPeftAdapter(
    goldenText(name, `${folder}/adapter_config.json`),
    await open(goldenBytes(name, `${folder}/adapter_model.safetensors`)),
  );

describe.each(goldenNames)('%s', (name) => {
  test('an adapter of PEFT is read, and written again byte for byte in its tensors and meaning', async () => {
    const adapter = await read(name);
    const { config, weights } = writePeftAdapter(adapter.modules, adapter.settings, {
      nameOrPath: 'tiny-random-qwen2',
      revision: null,
    });
    const ours = JSON.parse(new TextDecoder().decode(config)) as Record<string, unknown>;
    const theirs = JSON.parse(goldenText(name, 'adapter/adapter_config.json')) as Record<string, unknown>;
    for (const [key, value] of Object.entries(ours)) expect({ [key]: value }).toEqual({ [key]: theirs[key] });
    const [written, original] = await Promise.all([
      open(weights),
      open(goldenBytes(name, 'adapter/adapter_model.safetensors')),
    ]);
    expect([...written.tensors.keys()].sort()).toEqual([...original.tensors.keys()].sort());
    for (const [tensor, { shape }] of original.tensors) {
      expect(written.tensors.get(tensor)?.shape).toEqual(shape);
      expect(await written.readBytes(tensor)).toEqual(await original.readBytes(tensor));
    }
  });
});

test('rsLoRA, an odd rank and a list of targets are kept', async () => {
  const { settings, modules } = await read('untied-rslora', 'final_adapter');
  expect(settings).toEqual({
    r: 6,
    loraAlpha: 9,
    loraDropout: 0,
    useRslora: true,
    targetModules: ['q_proj', 'v_proj', 'down_proj'],
  });
  expect(modules.map(({ layer, target }) => `${layer} ${target}`).slice(0, 4)).toEqual([
    '0 q_proj',
    '0 v_proj',
    '0 down_proj',
    '1 q_proj',
  ]);
  expect(modules[2]).toMatchObject({ inFeatures: 60, outFeatures: 48 });
});

/** A small adapter, one layer with q_proj, changed by the case. */
const factor = (name: string, shape: number[]): TensorToWrite => ({
  name: `base_model.model.model.layers.0.self_attn.${name}.weight`,
  dtype: 'F32',
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1),
});
const a = factor('q_proj.lora_A', [2, 4]);
const b = factor('q_proj.lora_B', [3, 2]);
const settings = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };
const readMade = async (config: object | string, tensors = [a, b]) =>
  readPeftAdapter(
    typeof config === 'string' ? config : JSON.stringify(config),
    await open(writeSafetensors(tensors)),
  );

test('names with ".default", full module names and "all-linear" are accepted', async () => {
  const withDefault = [a, b].map((tensor) => ({
    ...tensor,
    name: tensor.name.replace('.weight', '.default.weight'),
  }));
  const { modules } = await readMade({ ...settings, target_modules: ['self_attn.q_proj'] }, withDefault);
  expect(modules).toMatchObject([{ layer: 0, target: 'q_proj', inFeatures: 4, outFeatures: 3 }]);
  const all = loraTargets.flatMap((target) => {
    const block = /gate|up|down/.test(target) ? 'mlp' : 'self_attn';
    return [a, b].map((t) => ({ ...t, name: t.name.replace('self_attn', block).replace('q_proj', target) }));
  });
  const linear = await readMade({ ...settings, target_modules: 'all-linear' }, all);
  expect(linear.settings.targetModules).toEqual(loraTargets);
  expect(linear.modules.map(({ target }) => target)).toEqual(loraTargets);
});

const renamed = (change: (name: string) => string) => [a, b].map((t) => ({ ...t, name: change(t.name) }));
const twoLayers = [a, b, ...renamed((name) => name.replace('.0.', '.1.'))];
const kOnly = renamed((name) => name.replace('q_proj', 'k_proj'));

// PEFT 0.21: LoraConfig and check_target_module_exists
test.each<[string, object, object?]>([
  ['no r and no alpha, which are 8', { r: undefined, lora_alpha: undefined }, { r: 8, loraAlpha: 8 }],
  [
    'null for options that are off',
    { use_rslora: null, init_lora_weights: null, bias: null, modules_to_save: null },
  ],
  ['an initialisation in capitals', { init_lora_weights: 'Gaussian' }],
  ['fan_in_fan_out, which PEFT takes back for linear layers', { fan_in_fan_out: true }],
  ['excluded modules that the weights do not have', { exclude_modules: ['lm_head'] }],
  ['an excluding pattern that matches nothing', { exclude_modules: '.*vision.*' }],
  ['targets as a pattern', { target_modules: String.raw`.*\.self_attn\.(q_proj|v_proj)` }],
  ['targets as a pattern of Python', { target_modules: String.raw`(?i).*\.(?P<name>Q_PROJ)\Z` }],
  ['targets as a pattern that cannot be read here', { target_modules: '(?x) .* q_proj' }],
  ['targets by their ends', { target_modules: ['self_attn.q_proj', 'self_attn.v_proj'] }],
  ['targets by their full names', { target_modules: ['model.layers.0.self_attn.q_proj'] }],
  ['targets that this model has not', { target_modules: ['q_proj', 'lm_head', 'gate', 'c_attn'] }],
  ['no targets: those of the family', { target_modules: null }],
  ['chosen layers', { layers_to_transform: [0, 3] }],
  ['one chosen layer with its pattern', { layers_to_transform: 0, layers_pattern: 'layers' }],
  ['one rank by pattern', { r: 64, rank_pattern: { q_proj: 2 } }],
  ['one alpha by pattern', { alpha_pattern: { '.*self_attn.q_proj': 16 } }, { loraAlpha: 16 }],
  [
    'settings of a run that is over',
    { eva_config: { rho: 2 }, ensure_weight_tying: true, peft_version: '0.21.0' },
  ],
  [
    'options that PEFT 0.21 does not know and that are off',
    { use_new: false, new_config: null, new_list: [], new_map: {} },
  ],
  [
    'what says where the adapter is from',
    { auto_mapping: { unsloth_fixed: true }, unsloth_version: '2026.1' },
  ],
  ['the companion of an option that is off', { use_qalora: false, qalora_group_size: 16 }],
  ['the merging of PEFT before 0.4', { merge_weights: true, enable_lora: null }],
])('%s is read as PEFT means it', async (_, change, expected = {}) => {
  const r = 'r' in change && change.r === undefined ? 8 : 2;
  const tensors = [factor('q_proj.lora_A', [r, 4]), factor('q_proj.lora_B', [3, r])];
  const read = await readMade({ ...settings, ...change }, tensors);
  expect(read.settings).toMatchObject({ r: 2, loraAlpha: 4, targetModules: ['q_proj'], ...expected });
});

// LoraConfig.__post_init__ of PEFT 0.21 ends with a ValueError
test.each<[string, object]>([
  ['layers_to_transform', { target_modules: '.*q_proj', layers_to_transform: [0] }],
  ['layers_to_transform', { target_modules: 'all-linear', layers_to_transform: 0 }],
  ['layers_pattern', { target_modules: '.*q_proj', layers_pattern: 'layers' }],
  ['layers_pattern', { layers_pattern: ['layers'] }],
])('%s where PEFT has no use for it is refused by name: %j', async (name, change) => {
  await expect(readMade({ ...settings, ...change })).rejects.toMatchObject({
    code: 'adapter-invalid',
    message: expect.stringContaining(`its ${name}`) as unknown,
  });
  const none = { layers_to_transform: null, layers_pattern: '' };
  expect((await readMade({ ...settings, target_modules: '.*q_proj', ...none })).modules).toHaveLength(1);
});

/** Every field of LoraConfig in PEFT 0.21.2 as its save_pretrained writes it. */
const written = {
  ...{ alora_invocation_tokens: null, alpha_pattern: {}, arrow_config: null, auto_mapping: null },
  ...{ base_model_name_or_path: 'base', bias: 'none', corda_config: null, ensure_weight_tying: false },
  ...{ eva_config: null, exclude_modules: null, fan_in_fan_out: false, inference_mode: true },
  ...{ init_lora_weights: true, kasa_config: null, layer_replication: null, layers_pattern: null },
  ...{ layers_to_transform: null, loftq_config: {}, lora_alpha: 4, lora_bias: false, lora_dropout: 0.0 },
  ...{ lora_ga_config: null, megatron_config: null, megatron_core: 'megatron.core', modules_to_save: null },
  ...{ monteclora_config: null, peft_type: 'LORA', peft_version: '0.21.2', qalora_group_size: 16, r: 2 },
  ...{ rank_pattern: {}, revision: null, target_modules: ['q_proj'], target_parameters: null },
  ...{ task_type: 'CAUSAL_LM', trainable_token_indices: null, use_bdlora: null, use_dora: false },
  ...{ use_qalora: false, use_rslora: false, velora_config: null },
};

test('every field that PEFT 0.21 writes is known, and none that it does not is passed over', async () => {
  expect((await readMade(written)).settings).toMatchObject({ r: 2, loraAlpha: 4 });
  const options = {
    use_hira: true,
    scale_of_new: 2,
    new_mode: 'rotated',
    new_list: ['q'],
    new_map: { a: 1 },
  };
  for (const [name, value] of Object.entries({ ...options, enable_lora: [true, false], ['R']: 2 }))
    await expect(readMade({ ...written, [name]: value })).rejects.toMatchObject({
      code: 'adapter-invalid',
      message: expect.stringContaining(`sets ${name} = ${JSON.stringify(value)}`) as unknown,
    });
  await expect(readMade({ ...written, ...options })).rejects.toThrow(/use_hira.*new_map.*newer PEFT/);
});

test('what is adapted is what the weights say, in some layers only if need be', async () => {
  const two = await readMade({ ...settings, target_modules: ['q_proj', 'v_proj'] }, twoLayers);
  expect(two.modules.map(({ layer, target }) => `${layer} ${target}`)).toEqual(['0 q_proj', '1 q_proj']);
  const second = await readMade(
    settings,
    renamed((name) => name.replace('.0.', '.1.')),
  );
  expect([...moduleNames(second.modules)]).toEqual(['model.layers.1.self_attn.q_proj']);
});

test.each([false, true])(
  'ranks and alphas by module mean what PEFT means by them, rsLoRA %s',
  async (useRslora) => {
    const tensors = [
      { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight', shape: [4, 3] },
      { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight', shape: [2, 4] },
      { name: 'base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight', shape: [1, 3] },
      { name: 'base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight', shape: [2, 1] },
    ].map(({ name, shape }): TensorToWrite => {
      const data = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => i - 1.5);
      return { name, dtype: 'F32', shape, data };
    });
    const patterns = {
      rank_pattern: { 'layers.1.self_attn.q_proj': 1 },
      alpha_pattern: { 'layers.1': 5, '.*1.*q_proj': 3 },
    };
    const {
      settings: read,
      modules,
      isUniform,
    } = await readMade(
      { ...settings, r: 4, lora_alpha: 6, use_rslora: useRslora, target_modules: ['q_proj'], ...patterns },
      tensors,
    );
    expect(isUniform).toBe(false);
    expect(read).toMatchObject({ r: 4, loraAlpha: 6, useRslora });
    const delta = ({ a, b, inFeatures, outFeatures }: LoraModule): number[] =>
      Array.from({ length: outFeatures * inFeatures }, (_, i) => {
        const [row, column] = [Math.floor(i / inFeatures), i % inFeatures];
        let sum = 0;
        for (let k = 0; k < read.r; k++) sum += b[row * read.r + k] * a[k * inFeatures + column];
        return sum * loraScaling(read);
      });
    const outer = [-1.5, -0.5].flatMap((b) => [-1.5, -0.5, 0.5].map((a) => 3 * a * b)); // alpha 3, rank 1
    for (const [i, value] of delta(modules[1]).entries()) expect(value).toBeCloseTo(outer[i], 5);
    expect([...modules[0].b]).toEqual([...(tensors[1].data as Float32Array)]);
  },
);

test.each<[string, object | string, TensorToWrite[]?]>([
  ['no JSON', '{'],
  ['a list', '[]'],
  ['another method', { ...settings, peft_type: 'LOHA' }],
  ['a rank that the weights have not', { ...settings, rank_pattern: { q_proj: 4 } }],
  ['an alpha that is no number', { ...settings, alpha_pattern: { q_proj: '8' } }],
  ['modules_to_save', { ...settings, modules_to_save: ['lm_head'] }],
  ['DoRA', { ...settings, use_dora: true }],
  ['PiSSA', { ...settings, init_lora_weights: 'pissa_niter_4' }],
  ['a trained bias', { ...settings, bias: 'all' }],
  ['weights for a layer that is not chosen', { ...settings, layers_to_transform: [1] }],
  ['weights for an excluded module', { ...settings, exclude_modules: ['q_proj'] }],
  ['null for r', { ...settings, r: null }],
  ['no alpha', { ...settings, lora_alpha: '4' }],
  ['a pattern that matches only in part', { ...settings, target_modules: 'q_proj' }],
  ['no targets and weights beside the default ones', { ...settings, target_modules: null }, kOnly],
  ['weights for a target that is not named', { ...settings, target_modules: ['k_proj'] }],
  ['another r', { ...settings, r: 3 }],
  ['a transposed B', settings, [a, factor('q_proj.lora_B', [2, 3])]],
  ['a missing B', settings, [a]],
  ['DoRA by its weights', settings, [a, b, factor('q_proj.lora_magnitude_vector', [3])]],
  [
    'an adapted embedding',
    settings,
    [a, b, { ...a, name: 'base_model.model.model.embed_tokens.lora_embedding_A' }],
  ],
  ['an extra tensor', settings, [a, b, { ...a, name: 'base_model.model.lm_head.weight' }]],
  [
    'a missing prefix',
    settings,
    [a, b].map((t) => ({ ...t, name: t.name.replace('base_model.model.', '') })),
  ],
  [
    'a target in the wrong block',
    settings,
    [a, b].map((t) => ({ ...t, name: t.name.replace('self_attn', 'mlp') })),
  ],
  ['the same factor twice', settings, [a, b, { ...a, name: a.name.replace('.weight', '.default.weight') }]],
  ['no tensors', settings, []],
  ['a value that is not finite', settings, [{ ...a, data: new Float32Array(8).fill(Number.NaN) }, b]],
])('%s is refused with a code', async (_, config, tensors) => {
  const error: unknown = await readMade(config, tensors).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TrainerError);
  expect((error as TrainerError).code).toBe('adapter-invalid');
});
