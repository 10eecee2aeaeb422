import { expect, test } from 'vitest';
import { presets } from '../../../src/config/presets.ts';
import { parseRunConfig } from '../../../src/config/run-config.ts';

test.each(presets.map((preset) => [preset.id, preset] as const))(
  '%s holds settings that are accepted',
  (_id, preset) => {
    expect(parseRunConfig(preset.settings).problems).toEqual([]);
  },
);

test("the paper's preset is R1-Act's recipe, and says that AltTrain's values are not confirmed", () => {
  const [qwen, llama] = presets.filter(({ id }) => id.startsWith('alttrain-paper'));
  // R1-Act's released training code: unsloth's QLoRA, 15 epochs at 1e-5 in batches of 16, seed 1995.
  expect(parseRunConfig(qwen.settings).config).toMatchObject({
    ...{ quantization: 'nf4', r: 16, loraAlpha: 16, loraDropout: 0, learningRate: 1e-5 },
    ...{ lrSchedulerType: 'cosine', warmupSteps: 5, adamBeta1: 0.9, adamBeta2: 0.95, weightDecay: 1e-4 },
    ...{ perDeviceTrainBatchSize: 16, gradientAccumulationSteps: 1, numTrainEpochs: 15, maxSteps: -1 },
    ...{ maxLength: 1024, seed: 1995 },
    systemPrompt: 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.',
  });
  expect(llama.settings['system_prompt']).toMatch(/^You are Llama, created by Meta AI\./);
  for (const { note } of [qwen, llama]) expect(note).toMatch(/could not be confirmed/);
});
