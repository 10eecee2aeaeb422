import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/api/trainer-error.ts';
import { loraTargets } from '../../../src/config/run-config.ts';
import { readPeftAdapter, writePeftAdapter } from '../../../src/adapter/peft.ts';
import {
  bytesSource,
  openSafetensors,
  writeSafetensors,
  type TensorToWrite,
} from '../../../src/adapter/safetensors.ts';
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
    const { config, weights } = writePeftAdapter(adapter.modules, adapter.settings, 'tiny-random-qwen2');
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

test.each<[string, object | string, TensorToWrite[]?]>([
  ['no JSON', '{'],
  ['a list', '[]'],
  ['another method', { ...settings, peft_type: 'LOHA' }],
  ['a rank pattern', { ...settings, rank_pattern: { q_proj: 4 } }],
  ['an alpha pattern', { ...settings, alpha_pattern: { q_proj: 4 } }],
  ['modules_to_save', { ...settings, modules_to_save: ['lm_head'] }],
  ['DoRA', { ...settings, use_dora: true }],
  ['PiSSA', { ...settings, init_lora_weights: 'pissa_niter_4' }],
  ['a trained bias', { ...settings, bias: 'all' }],
  ['chosen layers', { ...settings, layers_to_transform: [0] }],
  ['transposed factors', { ...settings, fan_in_fan_out: true }],
  ['no r', { ...settings, r: undefined }],
  ['no alpha', { ...settings, lora_alpha: '4' }],
  ['an unknown target', { ...settings, target_modules: ['q_proj', 'lm_head'] }],
  ['a pattern of targets', { ...settings, target_modules: '.*_proj' }],
  ['weights for a target that is not named', { ...settings, target_modules: ['k_proj'] }],
  ['no weights for a target', { ...settings, target_modules: ['q_proj', 'v_proj'] }],
  ['a layer left out', settings, [a, b].map((t) => ({ ...t, name: t.name.replace('.0.', '.1.') }))],
  [
    'an absurd layer',
    settings,
    [a, b].map((t) => ({ ...t, name: t.name.replace('.0.', '.99999999999999.') })),
  ],
  ['another r', { ...settings, r: 3 }],
  ['a transposed B', settings, [a, factor('q_proj.lora_B', [2, 3])]],
  ['a missing B', settings, [a]],
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
