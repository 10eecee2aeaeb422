import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { demoRunConfig } from '../../../src/config/demo-preset.ts';
import {
  defaultRunConfig,
  fieldOf,
  loraScaling,
  parseRunConfig,
  parseSetting,
  requireRunConfig,
  runConfigKeys,
  toRawRunConfig,
} from '../../../src/config/run-config.ts';

test('every default is accepted by its own field, and survives a file', () => {
  const { config, problems } = parseRunConfig(JSON.parse(JSON.stringify(toRawRunConfig(defaultRunConfig))));
  expect(problems).toEqual([]);
  expect(config).toEqual(defaultRunConfig);
  expect(parseRunConfig(toRawRunConfig(demoRunConfig)).problems).toEqual([]);
});

test('file names are unique and snake_case', () => {
  const files = runConfigKeys.map((key) => fieldOf(key).file);
  expect(new Set(files).size).toBe(files.length);
  expect(files.filter((file) => !/^[a-z][a-z0-9_]*$/.test(file))).toEqual([]);
});

test('all problems are reported at once, and a good setting beside them is kept', () => {
  const { config, problems } = parseRunConfig({
    learning_rate: -1,
    r: 2.5,
    seed: 7,
    rank: 8,
    shuffle: 'yes',
  });
  expect(problems.map(({ file }) => file)).toEqual(['learning_rate', 'r', 'rank', 'shuffle']);
  expect(config.seed).toBe(7);
  expect(config.learningRate).toBe(defaultRunConfig.learningRate);
});

describe('values of the wrong kind are refused', () => {
  test.each([
    { learning_rate: '1e-4' },
    { learning_rate: null },
    { max_steps: 1.5 },
    { seed: 2 ** 32 },
    { shuffle: 1 },
    { lr_scheduler_type: 'polynomial' },
    { target_modules: [] },
    { target_modules: ['q_proj', 'lm_head'] },
    { target_modules: 'q_proj' },
    { packing: 'yes' },
    { truncation: 'silently' },
    { system_prompt: 3 },
    { assistant_only_loss: 1 },
    { columns: 'prompt=q' },
    { quantization: 'int3' },
    { __proto__x: 1 },
  ])('%j', (raw) => {
    expect(() => requireRunConfig(raw)).toThrow(TrainerError);
    expect(() => requireRunConfig(raw)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
    expect(() => requireRunConfig(raw)).toThrow(Object.keys(raw)[0]);
  });
});

test.each([
  ['learning_rate', '1e-3', 1e-3],
  ['learning_rate', 'fast', 'fast'],
  ['learning_rate', '', ''],
  ['max_steps', '-1', -1],
  ['shuffle', 'false', false],
  ['shuffle', 'no', 'no'],
  ['lr_scheduler_type', 'linear', 'linear'],
  ['target_modules', 'q_proj, v_proj', ['q_proj', 'v_proj']],
  ['target_modules', '["q_proj"]', ['q_proj']],
  ['unknown', '3', '3'],
])('--set %s=%s', (file, text, expected) => {
  expect(parseSetting(file, text)).toEqual(expected);
});

test('scaling is alpha / r, alpha / √r with rsLoRA', () => {
  expect(loraScaling({ r: 4, loraAlpha: 10, useRslora: false })).toBe(2.5);
  expect(loraScaling({ r: 4, loraAlpha: 10, useRslora: true })).toBe(5);
});
