/**
 * Settings that others write: TrainingArguments and SFTConfig (transformers 4 and 5, TRL), LoraConfig. What means the same here is
 * read; what has no effect on what is trained is listed; what would train something else is refused by name.
 */
import { closest } from './closest.ts';
import { textOf } from '../support/text-of.ts';

export interface UnusedSetting {
  readonly file: string;
  readonly value: unknown;
}
/** A setting that is wrong: which one, and what is accepted. */
export interface ConfigProblem {
  readonly file: string;
  readonly message: string;
}
export interface ReadSettings {
  readonly raw: Readonly<Record<string, unknown>>; // under this project's names
  readonly unused: readonly UnusedSetting[]; // given, and without effect here
  readonly problems: readonly ConfigProblem[];
}

type Raw = Record<string, unknown>;

/** null, off, zero and empty ask for nothing. */
export const asksForNothing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === false ||
  value === 0 ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** Not set: the default stays. */
const mayBeNull = [
  'eval_steps',
  'completion_only_loss',
  'target_modules',
  'early_stopping_patience',
  'early_stopping_threshold',
];

/** Older or other names of the same setting. */
const renamed: Readonly<Record<string, string>> = { max_seq_length: 'max_length' };

/** Where and how it computes, reports and saves. The whole of a name, or its beginning where it ends with "*". */
const withoutEffect = `
  output_dir overwrite_output_dir run_name project report_to disable_tqdm log_* logging_dir logging_strategy logging_first_step
  logging_nan_inf_filter include_* trackio_* do_train do_eval do_predict eval_strategy evaluation_strategy eval_delay eval_on_start
  eval_do_concat_batches eval_use_gather_object eval_accumulation_steps eval_packing per_device_eval_batch_size per_gpu_* prediction_loss_only
  batch_eval_metrics save_strategy save_total_limit save_only_model save_safetensors save_on_each_node enable_jit_checkpoint push_to_hub*
  hub_* ignore_data_skip restore_callback_states_from_checkpoint full_determinism data_seed use_cpu
  no_cuda use_mps_device use_ipex accelerator_config parallelism_config dataloader_num_workers dataloader_pin_memory
  dataloader_persistent_workers dataloader_prefetch_factor dataloader_in_order dataloader_multiprocessing_context trust_remote_code
  router_aux_loss_coef remove_unused_columns label_names length_column_name ddp_* fsdp* deepspeed
  tpu_* debug skip_memory_metrics local_rank fp16* bf16* tf32 half_precision_backend torch_compile* jit_mode_eval
  torch_empty_cache_steps torchdynamo use_liger_kernel liger_kernel_config use_cache average_tokens_across_devices
  gradient_checkpointing_kwargs activation_offloading dataset_num_proc dataset_batch_size shuffle_dataset padding_free
  pad_to_multiple_of pad_token use_legacy_prediction_loop past_index mp_parameters ray_scope n_gpu _n_gpu distributed_state
  base_model_name_or_path task_type inference_mode revision auto_mapping peft_version model_init_kwargs
`
  .trim()
  .split(/\s+/);

function hasNoEffect(file: string): boolean {
  return withoutEffect.some((name) =>
    name.endsWith('*') ? file.startsWith(name.slice(0, -1)) : file === name,
  );
}

const adamW = [
  'adamw_torch',
  'adamw_torch_fused',
  'adamw_torch_xla',
  'adamw_torch_npu_fused',
  'adamw_hf',
  'adamw_apex_fused',
  'paged_adamw',
  'paged_adamw_32bit',
];
const isOneOf =
  (...accepted: readonly unknown[]) =>
  (value: unknown): boolean =>
    asksForNothing(value) || accepted.includes(value);
interface Condition {
  readonly isMet: (value: unknown) => boolean;
  readonly advice: string;
}
const mustBeOff = (advice: string): Condition => ({ isMet: asksForNothing, advice });

/** They change what is trained, unless they say what is done here anyway. */
const conditions: Readonly<Record<string, Condition>> = {
  optim: { isMet: isOneOf(...adamW), advice: `the optimizer here is AdamW in float32: ${adamW.join(', ')}` },
  optim_args: mustBeOff('AdamW takes adam_beta1, adam_beta2, adam_epsilon and weight_decay'),
  optim_target_modules: mustBeOff('it belongs to GaLore and APOLLO'),
  adafactor: mustBeOff('the optimizer here is AdamW'),
  lr_scheduler_kwargs: mustBeOff('the schedules have no further settings here'),
  label_smoothing_factor: mustBeOff('the loss is plain cross-entropy'),
  neftune_noise_alpha: mustBeOff('no noise is added to embeddings'),
  group_by_length: mustBeOff('rows are not ordered by length; shuffle says whether they are shuffled'),
  auto_find_batch_size: mustBeOff('choose per_device_train_batch_size; the memory plan says what fits'),
  dataloader_drop_last: mustBeOff('the last, smaller batch of an epoch is trained'),
  resume_from_checkpoint: mustBeOff('the command line has --resume'),
  loss_type: { isMet: isOneOf('nll', 'chunked_nll'), advice: 'the loss is plain cross-entropy ("nll")' },
  truncation_mode: { isMet: isOneOf('keep_start'), advice: 'rows are cut at their end ("keep_start")' },
  packing_strategy: {
    isMet: isOneOf('bfd', 'bfd_split', 'ffd'),
    advice: 'rows are never cut to fill a pack: "bfd", or "bfd_split" as truncation "split"',
  },
  chat_template_path: mustBeOff("put the template into the model's folder as chat_template.jinja"),
  eos_token: { isMet: isOneOf('<EOS_TOKEN>'), advice: "the end token is the tokenizer's" },
  dataset_text_field: { isMet: isOneOf('text'), advice: 'name the column with columns: ["text=<name>"]' },
  dataset_kwargs: mustBeOff('rows are always tokenized here'),
  peft_type: { isMet: isOneOf('LORA'), advice: 'adapters are LoRA' },
  bias: { isMet: isOneOf('none'), advice: 'biases are not trained ("none")' },
  init_lora_weights: {
    isMet: (value) => value === null || value === true,
    advice: 'A is random and B zero (true)',
  },
};
/** Parts of LoraConfig that an adapter here has not. */
const notInAdapters = `
  use_dora use_qalora use_bdlora modules_to_save rank_pattern alpha_pattern layers_to_transform layers_pattern layer_replication
  megatron_config trainable_token_indices loftq_config eva_config corda_config lora_bias target_parameters fan_in_fan_out
  exclude_modules arrow_config ensure_weight_tying alora_invocation_tokens lora_ga_config
`
  .trim()
  .split(/\s+/);

/** Short forms that other tools and people use. */
const meant: Readonly<Record<string, string>> = {
  lr: 'learning_rate',
  epochs: 'num_train_epochs',
  num_epochs: 'num_train_epochs',
  steps: 'max_steps',
  batch_size: 'per_device_train_batch_size',
  train_batch_size: 'per_device_train_batch_size',
  micro_batch_size: 'per_device_train_batch_size',
  gradient_accumulation: 'gradient_accumulation_steps',
  scheduler: 'lr_scheduler_type',
  lr_scheduler: 'lr_scheduler_type',
  rank: 'r',
  lora_r: 'r',
  lora_rank: 'r',
  alpha: 'lora_alpha',
  dropout: 'lora_dropout',
  rslora: 'use_rslora',
  cutoff_len: 'max_length',
  sequence_len: 'max_length',
  save_best: 'load_best_model_at_end',
  save_best_model: 'load_best_model_at_end',
  early_stopping: 'early_stopping_patience',
  early_stopping_steps: 'early_stopping_patience',
  patience: 'early_stopping_patience',
  val_set_size: 'eval_fraction',
  test_size: 'eval_fraction',
  lora_target_modules: 'target_modules',
};

/** What they mean depends on other settings. */
const readTogether: readonly string[] = [
  'warmup_ratio',
  'train_sampling_strategy',
  'metric_for_best_model',
  'greater_is_better',
];

/** Is it a setting of those files that this project has not? */
export const isForeign = (file: string): boolean =>
  readTogether.includes(file) ||
  Object.hasOwn(renamed, file) ||
  Object.hasOwn(conditions, file) ||
  notInAdapters.includes(file) ||
  hasNoEffect(file);

/** Settings as they stand in a file → those of this project, with all that is not used or not possible. */
export function readForeignSettings(given: Readonly<Raw>, known: readonly string[]): ReadSettings {
  const raw: Raw = {};
  const unused: UnusedSetting[] = [];
  const problems: ConfigProblem[] = [];
  const order: Raw = {};
  for (const [written, value] of Object.entries(given)) {
    const file = Object.hasOwn(renamed, written) && !(renamed[written] in given) ? renamed[written] : written;
    if (known.includes(file)) {
      if (value === null && mayBeNull.includes(file)) unused.push({ file, value });
      else raw[file] = file === 'max_length' && value === null ? LONGEST : value;
      continue;
    }
    if (readTogether.includes(file)) {
      order[file] = value;
      continue;
    }
    const condition = Object.hasOwn(conditions, file)
      ? conditions[file]
      : notInAdapters.includes(file)
        ? mustBeOff('this part of LoRA is not supported')
        : undefined;
    if (condition !== undefined && !condition.isMet(value))
      problems.push({
        file,
        message: `${textOf(value)} would train something else, and is not supported: ${condition.advice}`,
      });
    else if (condition !== undefined || hasNoEffect(file) || value === null) unused.push({ file, value });
    else problems.push({ file, message: unknown(file, known) });
  }
  checkBest(order, raw, { unused, problems });
  return { raw: { ...raw, ...translated(order, raw, problems) }, unused, problems };
}

/** TRL's max_length null cuts nothing. The largest max_length there is; rows longer than the model are found by their length. */
const LONGEST = 131_072;

/** By which measure an adapter is the best: by the held-out loss, where the best is asked for at all. */
function checkBest(
  order: Raw,
  raw: Raw,
  { unused, problems }: { readonly unused: UnusedSetting[]; readonly problems: ConfigProblem[] },
): void {
  const isAsked = raw['load_best_model_at_end'] === true || !asksForNothing(raw['early_stopping_patience']);
  const accepted: Readonly<Record<string, readonly unknown[]>> = {
    metric_for_best_model: ['loss', 'eval_loss'],
    greater_is_better: [false],
  };
  for (const [file, values] of Object.entries(accepted)) {
    if (!(file in order)) continue;
    const value = order[file];
    if (!isAsked || value === null || value === undefined || values.includes(value))
      unused.push({ file, value });
    else
      problems.push({
        file,
        message: `${textOf(value)} is not supported: the best adapter is that of the lowest held-out loss ("eval_loss", greater_is_better false)`,
      });
  }
}

/** Settings of the same meaning in another form. */
function translated(order: Raw, raw: Raw, problems: ConfigProblem[]): Raw {
  const found: Raw = {};
  const { warmup_ratio: ratio, train_sampling_strategy: strategy } = order;
  if (ratio !== undefined && ratio !== null) {
    if (typeof ratio !== 'number' || !(ratio >= 0 && ratio < 1))
      problems.push({
        file: 'warmup_ratio',
        message: `must be from 0 to below 1, not ${textOf(ratio)}`,
      });
    // As in transformers 4: warmup_steps goes before the ratio. In 5 a warmup_steps below 1 is the ratio.
    else if (asksForNothing(raw['warmup_steps'])) found['warmup_steps'] = ratio;
  }
  if (strategy === 'random' || strategy === 'sequential') {
    if (!('shuffle' in raw)) found['shuffle'] = strategy === 'random';
  } else if (strategy !== undefined && strategy !== null)
    problems.push({
      file: 'train_sampling_strategy',
      message: `${textOf(strategy)} is not supported: "random" (shuffle true) or "sequential" (shuffle false)`,
    });
  return found;
}

function unknown(file: string, known: readonly string[]): string {
  const near = Object.hasOwn(meant, file) ? meant[file] : closest(file, known);
  return `is not a setting${near === null ? '.' : `, did you mean ${near}?`} Known: ${known.join(', ')}`;
}
