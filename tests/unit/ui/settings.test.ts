import { describe, expect, test } from 'vitest';
import { demoRunConfig } from '../../../src/config/demo-preset.ts';
import { defaultRunConfig } from '../../../src/config/run-config.ts';
import { createSettings } from '../../../src/ui/state/settings.ts';

test('nothing edited gives the defaults', () => {
  const settings = createSettings();
  expect(settings.config.value).toEqual(demoRunConfig);
  expect(settings.isEdited.value).toBe(false);
});

test('numbers may be written with an exponent, lists one per line', () => {
  const settings = createSettings();
  settings.edit('learningRate', ' 2e-4 ');
  settings.edit('samplePrompts', ['one', '  ', ' two ']);
  expect(settings.config.value).toEqual({
    ...demoRunConfig,
    learningRate: 2e-4,
    samplePrompts: ['one', 'two'],
  });
  expect(settings.problems.value.size).toBe(0);
});

test.each([
  ['', 'must be a number, not ""'],
  ['fast', 'must be a number, not "fast"'],
  ['1.5', 'must be a whole number, not 1.5'],
  ['-1', 'must be from 0 to 4294967295, not -1'],
])('seed %j is a problem of its own field, and the config keeps the last valid value', (draft, message) => {
  const settings = createSettings();
  settings.edit('seed', draft);
  expect(settings.problems.value).toEqual(new Map([['seed', message]]));
  expect(settings.config.value.seed).toBe(demoRunConfig.seed);
});

test('a new model changes what nobody edited, and nothing else', () => {
  const settings = createSettings();
  settings.edit('seed', '7');
  settings.useDefaults(defaultRunConfig);
  expect(settings.config.value).toEqual({ ...defaultRunConfig, seed: 7 });
  settings.reset();
  expect(settings.config.value).toEqual(defaultRunConfig);
});

test('typing a default back is no edit', () => {
  const settings = createSettings();
  settings.edit('seed', '7');
  settings.edit('seed', String(demoRunConfig.seed));
  expect(settings.isEdited.value).toBe(false);
});

test('what was typed, and what a run was made with, stays where other defaults come', () => {
  const settings = createSettings();
  settings.edit('maxSteps', String(demoRunConfig.maxSteps));
  settings.useDefaults(defaultRunConfig);
  expect(settings.config.value.maxSteps).toBe(demoRunConfig.maxSteps);
  settings.useDefaults(demoRunConfig);
  settings.useAll(demoRunConfig);
  settings.useDefaults(defaultRunConfig);
  expect(settings.config.value).toEqual(demoRunConfig);
});

test('the reason for a default is no longer given where another value was chosen', () => {
  const settings = createSettings();
  const reason = { key: 'numTrainEpochs', text: 'Each row is seen 10 times.' } as const;
  settings.useDefaults(defaultRunConfig, [reason]);
  expect(settings.reasons.value).toEqual([reason]);
  settings.edit('numTrainEpochs', '2');
  expect(settings.reasons.value).toEqual([]);
});

test('a list that loses a comma between two prompts is another list', () => {
  const settings = createSettings();
  settings.useDefaults({ ...demoRunConfig, samplePrompts: ['a', 'b'] });
  settings.edit('samplePrompts', ['a,b']);
  expect(settings.config.value.samplePrompts).toEqual(['a,b']);
});

describe('a preset', () => {
  test('sets what it names and leaves other edits', () => {
    const settings = createSettings();
    settings.edit('saveSteps', '3');
    settings.edit('r', '4');
    settings.usePreset('alttrain-paper');
    const { learningRate, adamBeta2, numTrainEpochs, maxSteps, r, saveSteps, seed } = settings.config.value;
    expect({ learningRate, adamBeta2, numTrainEpochs, maxSteps, r, saveSteps, seed }).toEqual({
      ...{ learningRate: 1e-5, adamBeta2: 0.95, numTrainEpochs: 15, maxSteps: -1, r: 16 },
      ...{ saveSteps: 3, seed: 1995 },
    });
    expect(settings.preset.value).toBe('alttrain-paper');
  });
  test('is no longer in force once one of its settings is edited, and others do not matter', () => {
    const settings = createSettings();
    settings.usePreset('alttrain-paper-llama');
    settings.edit('saveSteps', '3');
    expect(settings.preset.value).toBe('alttrain-paper-llama');
    settings.edit('seed', '1996');
    expect(settings.preset.value).toBeNull();
    settings.edit('seed', 'x');
    expect(settings.preset.value).toBeNull();
  });
  test('is taken back by choosing none', () => {
    const settings = createSettings();
    settings.edit('saveSteps', '3');
    settings.usePreset('alttrain-paper');
    settings.usePreset('');
    expect(settings.config.value).toEqual({ ...demoRunConfig, saveSteps: 3 });
    expect(settings.preset.value).toBe('demo');
  });
  test('takes the place of the one before, but not of what was edited after it', () => {
    const settings = createSettings();
    settings.usePreset('overnight');
    settings.edit('evalFraction', '0.2');
    settings.usePreset('quick-look');
    expect(settings.preset.value).toBe('quick-look');
    const { maxSteps, saveSteps, evalFraction } = settings.config.value;
    expect({ maxSteps, saveSteps, evalFraction }).toEqual({
      ...{ maxSteps: 20, saveSteps: demoRunConfig.saveSteps, evalFraction: 0.2 },
    });
  });
});

describe('settings of a file or a link', () => {
  test('are taken as the command line takes them, with what is without effect listed', () => {
    const settings = createSettings();
    const given = { learning_rate: 1e-4, max_seq_length: 128, seed: 7, output_dir: 'out' };
    const { taken, unused, problems } = settings.useGiven(given);
    expect(problems).toEqual([]);
    expect([...taken].sort()).toEqual(['learningRate', 'maxLength', 'seed']);
    expect(unused).toEqual([{ file: 'output_dir', value: 'out' }]);
    const { learningRate, maxLength, seed, maxSteps } = settings.config.value;
    expect({ learningRate, maxLength, seed }).toEqual({ learningRate: 1e-4, maxLength: 128, seed: 7 });
    expect(maxSteps).toBe(demoRunConfig.maxSteps);
    expect(settings.changed()).toEqual({ learning_rate: 1e-4, max_length: 128, seed: 7 });
  });
  test('are refused together where one of them is wrong, and nothing changes', () => {
    const settings = createSettings();
    const { taken, problems } = settings.useGiven({ learning_rate: -1, seed: 7, optim: 'sgd', nonsense: 1 });
    expect(taken).toEqual([]);
    expect(problems.map(({ file }) => file).sort()).toEqual(['learning_rate', 'nonsense', 'optim']);
    expect(settings.changed()).toEqual({});
  });
});

test('what the user has typed is told from what was taken over as a whole', () => {
  const settings = createSettings();
  settings.edit('maxLength', '128');
  expect(settings.isTyped('maxLength')).toBe(true);
  expect(settings.isTyped('perDeviceTrainBatchSize')).toBe(false);
  settings.useAll({ ...settings.config.value, perDeviceTrainBatchSize: 2, maxLength: 96 }, ['maxLength']);
  expect(settings.isTyped('maxLength')).toBe(true);
  expect(settings.isTyped('perDeviceTrainBatchSize')).toBe(false);
  settings.reset();
  expect(settings.isTyped('maxLength')).toBe(false);
});

test('rows longer than what the model reads are refused', () => {
  const settings = createSettings();
  settings.maxPositions.value = 512;
  settings.edit('maxLength', '513');
  expect(settings.problems.value.get('maxLength')).toBe('must not be above 512, all that this model reads');
  settings.edit('maxLength', '512');
  expect(settings.problems.value.size).toBe(0);
});
