/**
 * The table of settings: name in files, default, range, unit and help of each. Names and meanings are those of
 * transformers' TrainingArguments, TRL's SFTConfig and PEFT's LoraConfig.
 */
interface FieldBase<T> {
  readonly file: string; // name in JSON files and on the command line
  readonly default: T;
  readonly label: string;
  readonly help: string;
  readonly group: 'Training' | 'Optimizer' | 'LoRA' | 'Data' | 'Reports';
}
export interface NumberField extends FieldBase<number> {
  readonly type: 'number' | 'integer';
  readonly min: number;
  readonly max: number;
}
export interface BooleanField extends FieldBase<boolean> {
  readonly type: 'boolean';
}
export interface ChoiceField<T extends string> extends FieldBase<T> {
  readonly type: 'choice';
  readonly choices: readonly T[];
  /** Other ways to write a choice in files and on the command line. */
  readonly aliases?: Readonly<Record<string, T>>;
}
export interface ListField extends FieldBase<readonly string[]> {
  readonly type: 'list';
  readonly allowed: readonly string[] | null; // null: any text
  /** Other ways to write items, and what they mean. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
}
export interface TextField extends FieldBase<string> {
  readonly type: 'text';
  readonly form?: 'date'; // 2024-07-26; without it any text
}
export type Field = NumberField | BooleanField | ChoiceField<string> | ListField | TextField;

const number = (spec: Omit<NumberField, 'type'>): NumberField => ({ type: 'number', ...spec });
const integer = (spec: Omit<NumberField, 'type'>): NumberField => ({ type: 'integer', ...spec });
const boolean = (spec: Omit<BooleanField, 'type'>): BooleanField => ({ type: 'boolean', ...spec });
const choice = <const T extends string>(spec: Omit<ChoiceField<T>, 'type'>): ChoiceField<T> => ({
  type: 'choice',
  ...spec,
});
const text = (spec: Omit<TextField, 'type'>): TextField => ({ type: 'text', ...spec });
const list = (spec: Omit<ListField, 'type'>): ListField => ({ type: 'list', ...spec });

/** The linear layers of a decoder block that LoRA can adapt, in the order PEFT meets them. */
export const loraTargets = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
] as const;
export type LoraTarget = (typeof loraTargets)[number];

const block = (target: LoraTarget): string => (/^(gate|up|down)/.test(target) ? 'mlp' : 'self_attn');
export const allLinear = 'all-linear';
/** PEFT's other names for the same modules. */
const targetAliases: Readonly<Record<string, readonly string[]>> = {
  [allLinear]: loraTargets,
  ...Object.fromEntries(loraTargets.map((target) => [`${block(target)}.${target}`, [target]])),
};

export const runConfigFields = {
  learningRate: number({
    file: 'learning_rate',
    default: 1e-4,
    min: 0,
    max: 1,
    group: 'Optimizer',
    label: 'Learning rate',
    help: 'Peak learning rate, reached after the warm-up.',
  }),
  numTrainEpochs: number({
    file: 'num_train_epochs',
    default: 3,
    min: 0.001,
    max: 10_000,
    group: 'Training',
    label: 'Epochs',
    help: 'Passes over the data set; ignored when max_steps is positive.',
  }),
  maxSteps: integer({
    file: 'max_steps',
    default: -1,
    min: -1,
    max: 10_000_000,
    group: 'Training',
    label: 'Max steps',
    help: 'Optimizer steps to run; -1 uses the epochs.',
  }),
  perDeviceTrainBatchSize: integer({
    file: 'per_device_train_batch_size',
    default: 4,
    min: 1,
    max: 1024,
    group: 'Training',
    label: 'Batch size',
    help: 'Rows per micro-batch; more rows use more memory.',
  }),
  gradientAccumulationSteps: integer({
    file: 'gradient_accumulation_steps',
    default: 4,
    min: 1,
    max: 4096,
    group: 'Training',
    label: 'Gradient accumulation',
    help: 'Micro-batches per optimizer step, normalised by their target tokens together.',
  }),
  lrSchedulerType: choice({
    file: 'lr_scheduler_type',
    default: 'cosine',
    choices: ['cosine', 'linear', 'constant', 'constant_with_warmup'],
    group: 'Optimizer',
    label: 'Schedule',
    help: 'Shape of the learning rate after the warm-up. "constant" has no warm-up, as in transformers.',
  }),
  warmupSteps: number({
    file: 'warmup_steps',
    default: 5,
    min: 0,
    max: 1_000_000,
    group: 'Optimizer',
    label: 'Warm-up steps',
    help: 'Steps of linear warm-up; a value below 1 is a share of all steps (the warmup_ratio of older files).',
  }),
  weightDecay: number({
    file: 'weight_decay',
    default: 0,
    min: 0,
    max: 10,
    group: 'Optimizer',
    label: 'Weight decay',
    help: 'Decoupled weight decay (AdamW).',
  }),
  adamBeta1: number({
    file: 'adam_beta1',
    default: 0.9,
    min: 0,
    max: 0.9999999,
    group: 'Optimizer',
    label: 'Adam beta 1',
    help: 'Decay of the first moment.',
  }),
  adamBeta2: number({
    file: 'adam_beta2',
    default: 0.999,
    min: 0,
    max: 0.9999999,
    group: 'Optimizer',
    label: 'Adam beta 2',
    help: 'Decay of the second moment.',
  }),
  adamEpsilon: number({
    file: 'adam_epsilon',
    default: 1e-8,
    min: 0,
    max: 1,
    group: 'Optimizer',
    label: 'Adam epsilon',
    help: 'Added to the root of the second moment.',
  }),
  maxGradNorm: number({
    file: 'max_grad_norm',
    default: 1,
    min: 0,
    max: 1e9,
    group: 'Optimizer',
    label: 'Max gradient norm',
    help: 'Global norm above which gradients are scaled down; 0 switches clipping off.',
  }),
  seed: integer({
    file: 'seed',
    default: 42,
    min: 0,
    max: 4_294_967_295,
    group: 'Training',
    label: 'Seed',
    help: 'Seeds the adapter, the shuffle, dropout and sampling. Same seed, same adapter, bit for bit.',
  }),
  shuffle: boolean({
    file: 'shuffle',
    default: true,
    group: 'Data',
    label: 'Shuffle',
    help: 'Shuffle the rows anew in every epoch.',
  }),
  maxLength: integer({
    file: 'max_length',
    default: 1024,
    min: 8,
    max: 131_072,
    group: 'Data',
    label: 'Max length',
    help: 'Tokens per row; with packing, also per pack.',
  }),
  truncation: choice({
    file: 'truncation',
    default: 'truncate',
    choices: ['truncate', 'drop', 'split'],
    group: 'Data',
    label: 'Rows over max length',
    help: 'Cut their end, leave the whole row out, or split it into rows. What it does to each row is listed.',
  }),
  packing: boolean({
    file: 'packing',
    default: false,
    group: 'Data',
    label: 'Packing',
    help: 'The batch size counts packs of at most max_length tokens instead of rows, filled first-fit decreasing. Rows of a pack never see each other.',
  }),
  completionOnlyLoss: boolean({
    file: 'completion_only_loss',
    default: true,
    group: 'Data',
    label: 'Loss on the answer only',
    help: 'Off: the prompt is trained too.',
  }),
  assistantOnlyLoss: boolean({
    file: 'assistant_only_loss',
    default: false,
    group: 'Data',
    label: 'Loss on every assistant turn',
    help: 'Conversations are trained in every turn of the assistant, with its reasoning. Off: in the last one.',
  }),
  systemPrompt: text({
    file: 'system_prompt',
    default: '',
    group: 'Data',
    label: 'System prompt',
    help: 'Put before rows that bring none of their own, and before the prompts that a run answers.',
  }),
  templateDate: text({
    file: 'template_date',
    default: '2024-07-26',
    form: 'date',
    group: 'Data',
    label: 'Date in the prompt',
    help: 'The day that a chat template writes where it asks for today (Llama 3.2), as 2024-07-26. Fixed, so that a run can be repeated on another day; the default is what Llama 3.1 writes.',
  }),
  columns: list({
    file: 'columns',
    default: [],
    allowed: null,
    group: 'Data',
    label: 'Columns',
    help: 'For files with other names, one per line: prompt=… and completion=…, with system=… or not; or messages=…; or text=….',
  }),
  loggingSteps: integer({
    file: 'logging_steps',
    default: 1,
    min: 1,
    max: 1_000_000,
    group: 'Reports',
    label: 'Log every',
    help: 'Steps between rows of metrics.jsonl; the loss of a row is the mean of the steps since the one before.',
  }),
  evalFraction: number({
    file: 'eval_fraction',
    default: 0,
    min: 0,
    max: 0.9,
    group: 'Data',
    label: 'Evaluation share',
    help: 'Share of the rows of the file held out for the evaluation loss, whole and with their copies.',
  }),
  evalSteps: integer({
    file: 'eval_steps',
    default: 25,
    min: 1,
    max: 1_000_000,
    group: 'Reports',
    label: 'Evaluate every',
    help: 'Steps between evaluations of the held-out rows.',
  }),
  sampleSteps: integer({
    file: 'sample_steps',
    default: 0,
    min: 0,
    max: 1_000_000,
    group: 'Reports',
    label: 'Sample every',
    help: 'Steps between sample traces; 0 takes none.',
  }),
  samplePrompts: list({
    file: 'sample_prompts',
    default: [],
    allowed: null,
    group: 'Reports',
    label: 'Sample prompts',
    help: 'Prompts answered by base and adapter while training, one per line.',
  }),
  saveSteps: integer({
    file: 'save_steps',
    default: 25,
    min: 1,
    max: 1_000_000,
    group: 'Reports',
    label: 'Snapshot every',
    help: 'Steps between copies of the adapter kept outside the GPU, so a lost device loses little.',
  }),
  suitePrompts: integer({
    file: 'suite_prompts',
    default: 0,
    min: 0,
    max: 100_000,
    group: 'Reports',
    label: 'Prompts per suite',
    help: 'Prompts of each evaluation suite answered by base and adapter after training; 0 switches it off. Suites exist for the demo model.',
  }),
  gradientCheckpointing: choice({
    file: 'gradient_checkpointing',
    default: 'auto',
    choices: ['auto', 'on', 'off'],
    aliases: { true: 'on', false: 'off' }, // transformers' own values
    group: 'Training',
    label: 'Gradient checkpointing',
    help: "Keep only each layer's input and recompute the layer in the backward pass: less memory, about a third more work. auto: only where memory calls for it. The result is the same, bit for bit.",
  }),
  quantization: choice({
    file: 'quantization',
    default: 'none',
    choices: ['none', 'f16', 'int8', 'nf4'],
    group: 'Training',
    label: 'Base weights',
    help: 'How the frozen weights are held on the GPU: none is float32 (4 bytes a weight), f16 2, int8 1.03, nf4 (QLoRA) 0.53. The adapter is float32 in any case.',
  }),
  gpuMemoryLimitGb: number({
    file: 'gpu_memory_limit_gb',
    default: 0,
    min: 0,
    max: 1024,
    group: 'Training',
    label: 'GPU memory limit (GB)',
    help: 'A run that needs more is refused before it starts, with settings that fit. 0: as much as the adapter gives.',
  }),
  r: integer({
    file: 'r',
    default: 16,
    min: 1,
    max: 256,
    group: 'LoRA',
    label: 'Rank r',
    help: 'Rank of the adapter.',
  }),
  loraAlpha: number({
    file: 'lora_alpha',
    default: 16,
    min: 0.001,
    max: 100_000,
    group: 'LoRA',
    label: 'Alpha',
    help: 'Scaling is alpha / r (alpha / sqrt(r) with rsLoRA).',
  }),
  loraDropout: number({
    file: 'lora_dropout',
    default: 0,
    min: 0,
    max: 0.95,
    group: 'LoRA',
    label: 'Dropout',
    help: "Dropout on the adapter's input.",
  }),
  useRslora: boolean({
    file: 'use_rslora',
    default: false,
    group: 'LoRA',
    label: 'rsLoRA',
    help: 'Rank-stabilised scaling, alpha / sqrt(r).',
  }),
  targetModules: list({
    file: 'target_modules',
    default: [...loraTargets],
    allowed: loraTargets,
    aliases: targetAliases,
    group: 'LoRA',
    label: 'Target modules',
    help: 'Linear layers that get an adapter. all-linear, as in PEFT, is all of them but the head.',
  }),
  maxNewTokens: integer({
    file: 'max_new_tokens',
    default: 256,
    min: 1,
    max: 16_384,
    group: 'Reports',
    label: 'New tokens',
    help: 'Longest generated trace.',
  }),
  temperature: number({
    file: 'temperature',
    default: 0,
    min: 0,
    max: 10,
    group: 'Reports',
    label: 'Temperature',
    help: '0 is greedy.',
  }),
} as const satisfies Record<string, Field>;
