/**
 * What a run will need, whether it fits, and the nearest settings that do. Nothing of the GPU is touched: the numbers
 * come from the plan (model/memory-plan.ts) that allocation follows.
 */
import type { MemoryReport, MemorySuggestion } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import type { SettingsAffecting } from '../config/effects.ts';
import {
  defaultRunConfig,
  fieldOf,
  toRawRunConfig,
  type RunConfig,
  type RunConfigKey,
} from '../config/run-config.ts';
import { withSystemPrompt } from '../data/system-prompt.ts';
import type { WeightFormat } from '../kernels/weight-matrix.ts';
import { planMemory, type MemoryPlan } from '../model/memory-plan.ts';
import type { ModelConfig } from '../model/model-config.ts';
import type { LoadedModel } from '../model/load-model.ts';
import type { RowPlan } from './row-plan.ts';
import { promptIds } from './traces.ts';

/** The settings that a plan of memory reads: those that the table of fields says affect it. */
type MemorySettings = SettingsAffecting<'memory'>;

export interface MemoryQuestion {
  readonly model: ModelConfig;
  readonly config: MemorySettings;
  readonly rows: RowPlan;
  /** Tokens of the longest sample prompt; 0 for no samples. */
  readonly samplePromptTokens: number;
  readonly maxTensorBytes: number;
  /** Bytes known to be there (a limit of the user's, or what a failed allocation left); Infinity: not known. */
  readonly available: number;
}

/** Keeping activations is worth about a third of a step, but not the memory of a small GPU. */
const comfortableBytes = 2 * 2 ** 30;

export const formatOf = (quantization: RunConfig['quantization']): WeightFormat =>
  quantization === 'none' ? 'f32' : quantization;
export const quantizationOf = (format: WeightFormat): RunConfig['quantization'] =>
  format === 'f32' ? 'none' : format;

function planFor(question: MemoryQuestion, config: MemorySettings, checkpointing: boolean): MemoryPlan {
  const { model, samplePromptTokens, maxTensorBytes } = question;
  const size = question.rows.size(config, checkpointing);
  const context = samplePromptTokens + config.maxNewTokens;
  return planMemory({
    model,
    format: formatOf(config.quantization),
    lora: config,
    size,
    longest: Math.max(size.longest, samplePromptTokens > 0 ? context : 0),
    samples: samplePromptTokens > 0 ? { sequences: config.samplePrompts.length, context } : null,
    maxTensorBytes,
  });
}

/** The settings' own choice, or for "auto" what memory calls for, with the reason in words. */
export function chooseCheckpointing(question: MemoryQuestion): {
  readonly checkpointing: boolean;
  readonly reason: string;
} {
  const { config, available, maxTensorBytes } = question;
  if (config.gradientCheckpointing !== 'auto')
    return config.gradientCheckpointing === 'on'
      ? { checkpointing: true, reason: 'layers are recomputed, as set' }
      : { checkpointing: false, reason: 'activations are kept, as set' };
  const kept = planFor(question, config, false);
  const room = available === Infinity ? comfortableBytes : available;
  if (kept.total <= room && kept.largestTensor <= maxTensorBytes)
    return {
      checkpointing: false,
      reason: `activations are kept: all of it comes to ${gigabytes(kept.total)}, within ${gigabytes(room)}`,
    };
  return {
    checkpointing: true,
    reason: `layers are recomputed: keeping their activations would take ${gigabytes(kept.total)}, more than ${gigabytes(room)}`,
  };
}

const gigabytes = (bytes: number): string =>
  bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;

export function memoryQuestion(
  { config: model, tokenizer, decoder }: LoadedModel,
  rows: RowPlan,
  config: MemorySettings,
  available: number,
): MemoryQuestion {
  const prompts = config.sampleSteps > 0 ? config.samplePrompts : [];
  return {
    model,
    config,
    rows,
    samplePromptTokens: prompts.reduce((most, prompt) => {
      const asked = withSystemPrompt(prompt, config.systemPrompt);
      return Math.max(most, promptIds(asked, tokenizer.onDay(config.templateDate)).length);
    }, 0),
    maxTensorBytes: decoder.gpu.memory.maxTensorBytes,
    available,
  };
}

/** The refusal of a run that has no room, with what would fit. */
export function doesNotFit(report: MemoryReport, detail: string | null = null): TrainerError {
  const { plan, available, suggestions } = report;
  const room = available === null ? 'one buffer of this GPU' : gigabytes(available);
  const ways = suggestions.map(
    ({ settings, total }) =>
      `${Object.entries(toRawRunConfig({ ...defaultRunConfig, ...settings }))
        .filter(([name]) => Object.keys(settings).some((key) => fieldOf(key as RunConfigKey).file === name))
        .map(([name, value]) => `${name} ${String(value)}`)
        .join(', ')} (${gigabytes(total)})`,
  );
  const advice =
    ways.length > 0
      ? `What fits: ${ways.join('; or ')}.`
      : 'No change of settings is enough: use a smaller model or another GPU.';
  return new TrainerError(
    'gpu-out-of-memory',
    `This run needs ${gigabytes(plan.total)} of GPU memory, and there is room for ${room}. ${advice}`,
    detail,
  );
}

export function reportMemory(question: MemoryQuestion): MemoryReport {
  const { checkpointing, reason } = chooseCheckpointing(question);
  const plan = planFor(question, question.config, checkpointing);
  const fits = plan.total <= question.available && plan.largestTensor <= question.maxTensorBytes;
  return {
    plan,
    checkpointing,
    reason,
    available: question.available === Infinity ? null : question.available,
    fits,
    suggestions: fits ? [] : suggest(question),
  };
}

/** Changes that cost a run least first; each keeps what it trains on, until only length and rank are left. */
const changes: readonly ((config: MemorySettings) => Partial<MemorySettings> | null)[] = [
  ({ gradientCheckpointing }) => (gradientCheckpointing === 'off' ? { gradientCheckpointing: 'on' } : null),
  ({ perDeviceTrainBatchSize: batch, gradientAccumulationSteps: windows }) =>
    batch > 1
      ? { perDeviceTrainBatchSize: Math.ceil(batch / 2), gradientAccumulationSteps: windows * 2 }
      : null,
  ({ quantization }) =>
    quantization === 'none'
      ? { quantization: 'int8' }
      : quantization !== 'nf4'
        ? { quantization: 'nf4' }
        : null,
  ({ samplePrompts, sampleSteps }) =>
    samplePrompts.length > 0 && sampleSteps > 0 ? { sampleSteps: 0 } : null,
  ({ maxLength }) => (maxLength > 64 ? { maxLength: Math.max(64, Math.floor(maxLength / 2)) } : null),
  ({ r, loraAlpha }) => (r > 4 ? { r: Math.floor(r / 2), loraAlpha: loraAlpha / 2 } : null),
];

/** Each change alone where that is enough, else changes added up until it is. */
function suggest(question: MemoryQuestion): MemorySuggestion[] {
  const found: MemorySuggestion[] = [];
  const tryIt = (settings: Partial<MemorySettings>): boolean => {
    const config = { ...question.config, ...settings };
    const asked = {
      ...question,
      config,
      samplePromptTokens: config.sampleSteps > 0 ? question.samplePromptTokens : 0,
    };
    const total = planFor(asked, config, config.gradientCheckpointing !== 'off');
    const fits = total.total <= question.available && total.largestTensor <= question.maxTensorBytes;
    if (fits) found.push({ settings, total: total.total });
    return fits;
  };
  for (const change of changes) {
    let settings: Partial<MemorySettings> = {};
    for (let times = 0; times < 5; times++) {
      const more = change({ ...question.config, ...settings });
      if (more === null) break;
      settings = { ...settings, ...more };
      if (tryIt(settings)) break;
    }
  }
  if (found.length > 0) return found;
  let settings: Partial<MemorySettings> = {};
  for (const change of changes) {
    for (let times = 0; times < 5; times++) {
      const more = change({ ...question.config, ...settings });
      if (more === null) break;
      settings = { ...settings, ...more };
      if (tryIt(settings)) return found;
    }
  }
  return found;
}
