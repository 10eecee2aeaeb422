import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { closest } from '../../../src/config/closest.ts';
import { parseRunConfig, parseSetting, type RawRunConfig } from '../../../src/config/run-config.ts';
import { projectRoot } from '../../../scripts/cli/paths.ts';
import { warmupSteps } from '../../../src/config/schedule.ts';

// TRL 1.13, transformers 5.18: SFTConfig(output_dir="runs/x", learning_rate=2e-4, warmup_steps=0.03, bf16=False, use_cpu=True).to_dict()
const sftConfig = JSON.parse(
  readFileSync(join(projectRoot, 'tests/fixtures/trl-sft-config.json'), 'utf8'),
) as RawRunConfig;
const messageOf = (raw: RawRunConfig): string =>
  parseRunConfig(raw)
    .problems.map(({ file, message }) => `${file} ${message}`)
    .join('; ');

describe("a file of TRL's SFTConfig", () => {
  test('is read: what means the same here has its values, all the rest is listed as without effect', () => {
    const { config, problems, unused } = parseRunConfig(sftConfig);
    expect(problems).toEqual([]);
    expect(config).toMatchObject({
      learningRate: 2e-4,
      warmupSteps: 0.03,
      lrSchedulerType: 'linear',
      perDeviceTrainBatchSize: 8,
      gradientAccumulationSteps: 1,
      gradientCheckpointing: 'on',
      loggingSteps: 10,
      maxLength: 1024,
      shuffle: true, // train_sampling_strategy "random"
    });
    const listed = unused.map(({ file }) => file);
    for (const file of ['output_dir', 'report_to', 'bf16', 'optim', 'eval_steps', 'loss_type'])
      expect(listed, file).toContain(file);
    const used = Object.keys(sftConfig).filter((file) => !listed.includes(file));
    expect(used.sort()).toEqual(
      `adam_beta1 adam_beta2 adam_epsilon assistant_only_loss gradient_accumulation_steps gradient_checkpointing learning_rate
       load_best_model_at_end logging_steps lr_scheduler_type max_grad_norm max_length max_steps num_train_epochs packing per_device_train_batch_size
       save_steps seed train_sampling_strategy warmup_steps weight_decay`.split(/\s+/),
    );
  });

  test.each([
    { optim: 'sgd' },
    { optim: 'adamw_8bit' },
    { label_smoothing_factor: 0.1 },
    { neftune_noise_alpha: 5 },
    { group_by_length: true },
    { train_sampling_strategy: 'group_by_length' },
    { lr_scheduler_type: 'polynomial' },
    { lr_scheduler_kwargs: { num_cycles: 2 } },
    { loss_type: 'dft' },
    { packing_strategy: 'wrapped' },
    { truncation_mode: 'keep_end' },
    { dataloader_drop_last: true },
    { load_best_model_at_end: true },
    { auto_find_batch_size: true },
    { chat_template_path: 'other.jinja' },
    { eos_token: '<|im_end|>' },
    { use_dora: true },
    { modules_to_save: ['lm_head'] },
    { bias: 'all' },
    { init_lora_weights: 'pissa' },
    { rank_pattern: { q_proj: 4 } },
    { peft_type: 'IA3' },
  ])('with %j is refused by name: it would train something else', (change) => {
    expect(messageOf({ ...sftConfig, ...change })).toMatch(new RegExp(`^${Object.keys(change)[0]} .+`));
    expect(parseRunConfig({ ...sftConfig, ...change }).problems).toHaveLength(1);
  });

  test('of older versions is read too', () => {
    // transformers 4.4x, TRL 0.1x
    const older = {
      evaluation_strategy: 'no',
      per_gpu_train_batch_size: null,
      no_cuda: false,
      fp16_opt_level: 'O1',
      save_safetensors: true,
      group_by_length: false,
      adafactor: false,
      max_seq_length: 512,
      warmup_ratio: 0,
      warmup_steps: 0,
      optim: 'adamw_hf',
      something_new: null,
    };
    const { config, problems } = parseRunConfig(older);
    expect(problems).toEqual([]);
    expect(config).toMatchObject({ maxLength: 512, warmupSteps: 0 });
  });
});

describe('the best adapter', () => {
  const asked = { load_best_model_at_end: true, eval_fraction: 0.1 };

  test.each([
    {},
    { metric_for_best_model: 'loss', greater_is_better: false },
    { metric_for_best_model: 'eval_loss', greater_is_better: null },
    { early_stopping_patience: null, early_stopping_threshold: null },
    { early_stopping_patience: 3, early_stopping_threshold: 0.01 },
  ])('is that of the lowest held-out loss: %j is read', (raw) => {
    const { config, problems } = parseRunConfig({ ...asked, ...raw });
    expect(problems).toEqual([]);
    expect(config.loadBestModelAtEnd).toBe(true);
  });

  test.each([{ metric_for_best_model: 'eval_accuracy' }, { greater_is_better: true }])(
    '%j is refused where the best is asked for, and without effect elsewhere',
    (raw) => {
      const [name] = Object.keys(raw);
      expect(messageOf({ ...asked, ...raw })).toMatch(new RegExp(`^${name} .*lowest held-out loss`));
      expect(messageOf({ early_stopping_patience: 2, eval_fraction: 0.1, ...raw })).toContain(name);
      expect(parseRunConfig(raw)).toMatchObject({ problems: [], unused: [{ file: name }] });
    },
  );

  test.each([
    [{ load_best_model_at_end: true }, 'load_best_model_at_end'],
    [{ early_stopping_patience: 1 }, 'early_stopping_patience'],
    [{ early_stopping_patience: 1, eval_fraction: 0 }, 'early_stopping_patience'],
  ])('%j needs rows that are held out', (raw, name) => {
    expect(messageOf(raw)).toMatch(new RegExp(`^${name} needs a held-out loss: set eval_fraction`));
    expect(parseRunConfig({ ...raw, eval_fraction: 0.1 }).problems).toEqual([]);
  });

  test('by other names is refused with the one that was meant', () => {
    expect(messageOf({ save_best: true })).toContain('did you mean load_best_model_at_end?');
    expect(messageOf({ early_stopping_steps: 3 })).toContain('did you mean early_stopping_patience?');
  });
});

describe('warmup_ratio', () => {
  test.each([
    [{ warmup_ratio: 0.1 }, 0.1, 10],
    [{ warmup_ratio: 0.03, warmup_steps: 0 }, 0.03, 3],
    [{ warmup_ratio: 0.1, warmup_steps: 7 }, 7, 7], // as transformers 4: steps go before the ratio
    [{ warmup_ratio: null }, 5, 5],
    [{ warmup_ratio: 0 }, 0, 0],
  ])('%j is warmup_steps %d: %d of 100 steps', (raw, setting, steps) => {
    const { config, problems } = parseRunConfig(raw);
    expect(problems).toEqual([]);
    expect(config.warmupSteps).toBe(setting);
    expect(warmupSteps(config.warmupSteps, 100)).toBe(steps);
  });

  test.each([1, 1.5, -0.1, '0.1'])('%j is refused', (ratio) => {
    expect(messageOf({ warmup_ratio: ratio })).toContain('warmup_ratio must be from 0 to below 1');
  });

  test('is a number on the command line', () => {
    expect(parseSetting('warmup_ratio', '0.1')).toBe(0.1);
  });
});

test('max_length null cuts nothing, and a null that says "not set" leaves the default', () => {
  expect(parseRunConfig({ max_length: null }).config.maxLength).toBe(131_072);
  expect(messageOf({ learning_rate: null })).toContain('learning_rate must be a number');
  expect(parseRunConfig({ completion_only_loss: null, eval_steps: null }).problems).toEqual([]);
});

test('a name that is not known is refused with the one that was probably meant', () => {
  expect(messageOf({ lr: 1 })).toMatch(/^lr is not a setting, did you mean learning_rate\?/);
  expect(messageOf({ learning_rte: 1 })).toContain('did you mean learning_rate?');
  expect(messageOf({ lora_r: 8 })).toContain('did you mean r?');
  expect(messageOf({ grad_accumulation_steps: 8 })).toContain('did you mean gradient_accumulation_steps?');
  expect(messageOf({ zzz: 8 })).not.toContain('did you mean');
  expect(closest('modle', ['model', 'out'])).toBe('model');
  expect(closest('warmup_step', ['warmup_steps', 'max_steps'])).toBe('warmup_steps');
});
