/** Defaults for the embedded demo model, found by the sweep in scripts/demo-model/README.md. */
import { samplePrompts } from './demo-prompts.ts';
import { requireRunConfig, type RawRunConfig, type RunConfig } from './run-config.ts';

export const demoSettings: RawRunConfig = {
  learning_rate: 4e-4,
  max_steps: 94,
  per_device_train_batch_size: 16,
  gradient_accumulation_steps: 1,
  lora_alpha: 32,
  max_length: 256,
  sample_steps: 20,
  sample_prompts: samplePrompts.map(({ prompt }) => prompt),
  max_new_tokens: 96,
  suite_prompts: 80,
  gradient_checkpointing: false,
};

export const demoRunConfig: RunConfig = requireRunConfig(demoSettings);
