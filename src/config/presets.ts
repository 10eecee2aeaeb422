/** Named settings that the page offers and `--config` takes by name. */
import { demoSettings } from './demo-preset.ts';
import type { RawRunConfig } from './run-config.ts';

interface Preset {
  readonly id: string;
  readonly title: string;
  readonly models: string; // what it is meant for
  readonly note: string; // where its values are from, and what is not known
  readonly settings: RawRunConfig;
}

/** R1-Act's released training code (github.com/yeonjun-in/R1-Act, arXiv 2508.00324). */
const recipe: RawRunConfig = {
  quantization: 'nf4',
  r: 16,
  lora_alpha: 16,
  lora_dropout: 0,
  use_rslora: false,
  target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
  learning_rate: 1e-5,
  lr_scheduler_type: 'cosine',
  warmup_steps: 5,
  adam_beta1: 0.9,
  adam_beta2: 0.95,
  weight_decay: 1e-4,
  per_device_train_batch_size: 16,
  gradient_accumulation_steps: 1,
  num_train_epochs: 15,
  max_steps: -1,
  max_length: 1024, // there 32,768, more than any row of its data needs
  packing: false,
  completion_only_loss: true,
  seed: 1995,
};

const note =
  "The recipe of R1-Act's released code (arXiv 2508.00324), by the same authors, and its system prompt, which is put before training rows and before the prompts a run answers. AltTrain's own values (arXiv 2604.18946) could not be confirmed.";

export const presets: readonly Preset[] = [
  {
    id: 'demo',
    title: 'Demo',
    models: 'the model in this page',
    note: 'Found by a search over learning rates and steps on its toy world: the change can be seen within minutes.',
    settings: demoSettings,
  },
  {
    id: 'alttrain-paper',
    title: 'AltTrain paper, Qwen',
    models: 'DeepSeek-R1-Distill-Qwen-1.5B and other Qwen bases',
    note,
    settings: {
      ...recipe,
      system_prompt: 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.',
    },
  },
  {
    id: 'alttrain-paper-llama',
    title: 'AltTrain paper, Llama',
    models: 'DeepSeek-R1-Distill-Llama-8B and other Llama bases',
    note,
    settings: { ...recipe, system_prompt: 'You are Llama, created by Meta AI. You are a helpful assistant.' },
  },
  {
    id: 'quick-look',
    title: 'Quick look, 20 steps',
    models: 'any model',
    note: 'To see that model, data and memory go together before a long run: few steps, few samples, small suites. Too little to judge a method by.',
    settings: { max_steps: 20, warmup_steps: 2, sample_steps: 10, max_new_tokens: 96, suite_prompts: 20 },
  },
  {
    id: 'overnight',
    title: 'Overnight, 3 epochs',
    models: 'any model',
    note: 'Goes through all rows three times, keeps a part of them aside, and ends with the adapter that was best on those. Interrupted, it goes on.',
    settings: {
      num_train_epochs: 3,
      max_steps: -1,
      eval_fraction: 0.05,
      eval_steps: 50,
      load_best_model_at_end: true,
      save_steps: 25,
      sample_steps: 100,
      suite_prompts: 0,
    },
  },
];
