import { describe, expect, test } from 'vitest';
import { writePeftAdapter } from '../../../src/adapter/peft.ts';
import { demoRunConfig } from '../../../src/config/demo-preset.ts';
import { loraTargets } from '../../../src/architecture/modules.ts';
import { defaultRunConfig, type RunConfig } from '../../../src/config/run-config.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { writeCheckpoint } from '../../../src/trainer/checkpoint.ts';
import { resolveRunConfig, type SettingSources } from '../../../scripts/cli/settings.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

/** An adapter folder of one layer with in = out = 4; `changes` go into its adapter_config.json. */
function adapterFiles(changes: Record<string, unknown> = {}): Record<string, string | Uint8Array> {
  const settings = {
    r: 2,
    loraAlpha: 24,
    loraDropout: 0.1,
    useRslora: true,
    targetModules: ['v_proj', 'q_proj'],
  };
  const modules = (['q_proj', 'v_proj'] as const).map((target) => ({
    layer: 0,
    target,
    inFeatures: 4,
    outFeatures: 4,
    a: new Float32Array(8),
    b: new Float32Array(8),
  }));
  const { config, weights } = writePeftAdapter(modules, settings, { nameOrPath: 'tiny', revision: null });
  const raw = JSON.parse(new TextDecoder().decode(config)) as Record<string, unknown>;
  return {
    'adapter_config.json': JSON.stringify({ ...raw, ...changes }),
    'adapter_model.safetensors': weights,
  };
}
function checkpointFile(config: RunConfig): Uint8Array {
  const values = new Float32Array(2);
  const snapshot = {
    step: 3,
    parameters: values,
    firstMoment: values,
    secondMoment: values,
    progress: null,
    best: null,
  };
  const identity = { model: 'tiny', dataset: 'data', data: '00', weights: 'f32:00', modelConfig: {} };
  return writeCheckpoint(snapshot, config, identity, 12);
}
const inFolder = (name: string, files: Record<string, string | Uint8Array>) =>
  Object.fromEntries(Object.entries(files).map(([file, content]) => [`${name}/${file}`, content]));

const folder = writeFiles(tempFolder(), {
  'run.json': JSON.stringify({ learning_rate: 0.5, r: 4 }),
  'list.json': '[1]',
  'broken.json': '{',
  ...inFolder('adapter', adapterFiles()),
  ...inFolder('ia3', adapterFiles({ peft_type: 'IA3' })),
  ...inFolder('dora', adapterFiles({ use_dora: true })),
  ...inFolder('other', adapterFiles({ target_modules: ['lm_head'] })),
  ...inFolder('rank', adapterFiles({ r: 3 })),
  ...inFolder('cut', { ...adapterFiles(), 'adapter_model.safetensors': 'abc' }),
  'checkpoint.safetensors': checkpointFile({ ...defaultRunConfig, seed: 7, maxSteps: 12 }),
  'not-a-checkpoint.safetensors': adapterFiles()['adapter_model.safetensors'],
});

const nothing: SettingSources = {
  isDemo: false,
  configPath: null,
  settings: [],
  initAdapterFolder: null,
  checkpointPath: null,
};
const resolveWith = (sources: Partial<SettingSources>) => resolveRunConfig({ ...nothing, ...sources });
const path = (name: string): string => `${folder}/${name}`;

async function problem(sources: Partial<SettingSources>): Promise<TrainerError> {
  try {
    await resolveWith(sources);
  } catch (error) {
    if (error instanceof TrainerError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('the settings of a run', () => {
  test('start from the demo preset or the defaults', async () => {
    expect(await resolveWith({ isDemo: true })).toEqual(demoRunConfig);
    expect(await resolveWith({})).toEqual(defaultRunConfig);
  });

  test('--set is stronger than --config', async () => {
    const config = await resolveWith({
      configPath: path('run.json'),
      settings: ['r=2', 'target_modules=q_proj,o_proj'],
    });
    expect(config).toMatchObject({ learningRate: 0.5, r: 2, targetModules: ['q_proj', 'o_proj'] });
  });

  test('a preset is taken by its name, and --set goes before it', async () => {
    const config = await resolveWith({ configPath: 'alttrain-paper', settings: ['num_train_epochs=2'] });
    expect(config).toMatchObject({ quantization: 'nf4', learningRate: 1e-5, numTrainEpochs: 2, seed: 1995 });
    expect(config.systemPrompt).toMatch(/^You are Qwen/);
    expect((await problem({ configPath: 'alttrain-papers' })).message).toContain('alttrain-paper-llama');
  });

  test('all-linear is every target, as in PEFT', async () => {
    for (const setting of [
      'target_modules=all-linear',
      'target_modules=All-Linear',
      'target_modules=["all-linear"]',
    ])
      expect((await resolveWith({ settings: [setting] })).targetModules).toEqual(loraTargets);
    expect((await problem({ settings: ['target_modules=all-linear,lm_head'] })).message).toContain('lm_head');
  });

  test('an adapter brings its own LoRA settings, targets in their usual order', async () => {
    expect(await resolveWith({ initAdapterFolder: path('adapter') })).toMatchObject({
      r: 2,
      loraAlpha: 24,
      loraDropout: 0.1,
      useRslora: true,
      targetModules: ['q_proj', 'v_proj'],
    });
  });

  test('a setting that agrees with the adapter is accepted, one that contradicts it is refused', async () => {
    const initAdapterFolder = path('adapter');
    expect(
      (await resolveWith({ initAdapterFolder, settings: ['target_modules=v_proj,self_attn.q_proj', 'r=2'] }))
        .r,
    ).toBe(2);
    const refused = await problem({ initAdapterFolder, settings: ['r=16', 'lora_alpha=24'] });
    expect(refused.code).toBe('config-invalid');
    expect(refused.message).toContain('r is 16, but the adapter has 2');
    expect(refused.message).not.toContain('lora_alpha');
    expect((await problem({ initAdapterFolder, configPath: path('run.json') })).code).toBe('config-invalid');
  });

  test('a resumed run keeps its settings', async () => {
    const config = await resolveWith({
      checkpointPath: path('checkpoint.safetensors'),
      settings: ['max_steps=20'],
    });
    expect(config).toMatchObject({ seed: 7, maxSteps: 20 });
  });

  test.each([
    [{ settings: ['r'] }, 'config-invalid'],
    [{ settings: ['=3'] }, 'config-invalid'],
    [{ settings: ['target_modules=["q_proj"'] }, 'config-invalid'],
    [{ settings: ['r=0'] }, 'config-invalid'],
    [{ settings: ['rank=8'] }, 'config-invalid'],
    [{ configPath: path('none.json') }, 'config-invalid'],
    [{ configPath: path('broken.json') }, 'config-invalid'],
    [{ configPath: path('list.json') }, 'config-invalid'],
    [{ checkpointPath: path('broken.json') }, 'checkpoint-invalid'],
    [{ checkpointPath: path('not-a-checkpoint.safetensors') }, 'checkpoint-invalid'],
    [{ initAdapterFolder: path('ia3') }, 'adapter-invalid'],
    [{ initAdapterFolder: path('dora') }, 'adapter-invalid'],
    [{ initAdapterFolder: path('other') }, 'adapter-invalid'],
    [{ initAdapterFolder: path('rank') }, 'adapter-invalid'],
    [{ initAdapterFolder: path('cut') }, 'adapter-invalid'],
  ])('%j is refused with %s', async (sources, code) => {
    expect((await problem(sources)).code).toBe(code);
  });
});
