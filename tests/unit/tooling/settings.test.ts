import { describe, expect, test } from 'vitest';
import { demoRunConfig } from '../../../src/config/demo-preset.ts';
import { defaultRunConfig, toRawRunConfig } from '../../../src/config/run-config.ts';
import { TrainerError } from '../../../src/api/trainer-error.ts';
import { resolveRunConfig, type SettingSources } from '../../../scripts/cli/settings.ts';
import { tempFolder, writeFiles } from '../../support/temp-folder.ts';

const folder = writeFiles(tempFolder(), {
  'run.json': JSON.stringify({ learning_rate: 0.5, r: 4 }),
  'list.json': '[1]',
  'broken.json': '{',
  'adapter/adapter_config.json': JSON.stringify({
    peft_type: 'LORA',
    r: 8,
    lora_alpha: 24,
    lora_dropout: 0.1,
    use_rslora: true,
    target_modules: ['v_proj', 'q_proj'],
  }),
  'ia3/adapter_config.json': JSON.stringify({ peft_type: 'IA3', target_modules: ['q_proj'] }),
  'pattern/adapter_config.json': JSON.stringify({ r: 8, lora_alpha: 8, target_modules: '.*q_proj' }),
  'other/adapter_config.json': JSON.stringify({ r: 8, lora_alpha: 8, target_modules: ['lm_head'] }),
  'rankless/adapter_config.json': JSON.stringify({ lora_alpha: 8, target_modules: ['q_proj'] }),
  'earlier/run_config.json': JSON.stringify({ ...toRawRunConfig(defaultRunConfig), seed: 7, max_steps: 12 }),
});

const nothing: SettingSources = {
  isDemo: false,
  configPath: null,
  settings: [],
  initAdapterFolder: null,
  resumedRunFolder: null,
};
const resolveWith = (sources: Partial<SettingSources>) => resolveRunConfig({ ...nothing, ...sources });
const path = (name: string): string => `${folder}/${name}`;

function problem(sources: Partial<SettingSources>): TrainerError {
  try {
    resolveWith(sources);
  } catch (error) {
    if (error instanceof TrainerError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('the settings of a run', () => {
  test('start from the demo preset or the defaults', () => {
    expect(resolveWith({ isDemo: true })).toEqual(demoRunConfig);
    expect(resolveWith({})).toEqual(defaultRunConfig);
  });

  test('--set is stronger than --config', () => {
    const config = resolveWith({
      configPath: path('run.json'),
      settings: ['r=2', 'target_modules=q_proj,o_proj'],
    });
    expect(config).toMatchObject({ learningRate: 0.5, r: 2, targetModules: ['q_proj', 'o_proj'] });
  });

  test('an adapter brings its own LoRA settings, targets in their usual order', () => {
    expect(resolveWith({ initAdapterFolder: path('adapter') })).toMatchObject({
      r: 8,
      loraAlpha: 24,
      loraDropout: 0.1,
      useRslora: true,
      targetModules: ['q_proj', 'v_proj'],
    });
  });

  test('a setting that agrees with the adapter is accepted, one that contradicts it is refused', () => {
    const initAdapterFolder = path('adapter');
    expect(resolveWith({ initAdapterFolder, settings: ['target_modules=v_proj,q_proj', 'r=8'] }).r).toBe(8);
    const refused = problem({ initAdapterFolder, settings: ['r=16', 'lora_alpha=24'] });
    expect(refused.code).toBe('config-invalid');
    expect(refused.message).toContain('r is 16, but the adapter has 8');
    expect(refused.message).not.toContain('lora_alpha');
    expect(problem({ initAdapterFolder, configPath: path('run.json') }).code).toBe('config-invalid');
  });

  test('a resumed run keeps its settings', () => {
    const config = resolveWith({ resumedRunFolder: path('earlier'), settings: ['max_steps=20'] });
    expect(config).toMatchObject({ seed: 7, maxSteps: 20 });
    expect(resolveWith({ resumedRunFolder: path('adapter') })).toEqual(defaultRunConfig);
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
    [{ initAdapterFolder: path('ia3') }, 'adapter-invalid'],
    [{ initAdapterFolder: path('pattern') }, 'adapter-invalid'],
    [{ initAdapterFolder: path('other') }, 'adapter-invalid'],
    [{ initAdapterFolder: path('rankless') }, 'adapter-invalid'],
    [{ initAdapterFolder: path('nowhere') }, 'adapter-invalid'],
  ])('%j is refused with %s', (sources, code) => {
    expect(problem(sources).code).toBe(code);
  });
});
