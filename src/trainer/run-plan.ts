/**
 * What a run will do, worked out once before anything of it exists: the rows it trains on and those it holds out, in which
 * batches, for how many steps, in which buffers. Whoever needs one of these is handed the plan.
 */
import type { MemoryReport, RunForecast, TimeForecast } from '../api/trainer-api.ts';
import type { SettingsAffecting } from '../config/effects.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { WeightFormat } from '../kernels/weight-matrix.ts';
import type { LoadedModel } from '../model/load-model.ts';
import { BatchPlan } from './batch-plan.ts';
import { memoryQuestion, reportMemory } from './memory-advice.ts';
import type { RunSize } from './pass-size.ts';
import type { RowPlan } from './row-plan.ts';
import { forecastTime, sumsOf, type TimeQuestion } from './time-forecast.ts';

/** What the training loop reads: the settings that change the adapter, and when it is asked how good that is. */
type TrainingSettings = SettingsAffecting<'numbers' | 'length'> & Pick<RunConfig, 'evalSteps'>;

/** What the training loop follows. */
export interface TrainingPlan {
  readonly config: TrainingSettings;
  readonly rows: RowPlan;
  readonly batches: BatchPlan;
  readonly size: RunSize;
}

export interface RunPlan extends TrainingPlan {
  readonly config: RunConfig;
  readonly memory: MemoryReport;
  readonly time: TimeForecast;
}

export function planTraining<Config extends TrainingSettings & SettingsAffecting<'memory'>>(
  rows: RowPlan,
  config: Config,
  checkpointing: boolean, // layers are recomputed in the backward pass
): TrainingPlan & { readonly config: Config } {
  return {
    config,
    rows,
    batches: new BatchPlan(rows.units, config),
    size: rows.size(config, checkpointing),
  };
}

/** `knownRoom`: bytes that the GPU gives in all, where an allocation has shown it; Infinity before. */
export function planRun(model: LoadedModel, rows: RowPlan, config: RunConfig, knownRoom: number): RunPlan {
  const limit = config.gpuMemoryLimitGb > 0 ? config.gpuMemoryLimitGb * 1e9 : Infinity;
  const memory = reportMemory(memoryQuestion(model, rows, config, Math.min(knownRoom, limit)));
  const training = planTraining(rows, config, memory.checkpointing);
  const { gpu, weights } = model.decoder;
  const question = timeQuestion(training, model.config, weights.format);
  return { ...training, memory, time: forecastTime(question, gpu.recorder) };
}

/** What of a plan the page shows before a run. */
export function forecastOf(
  { config, batches, memory, time }: RunPlan,
  { storage, questions }: Pick<RunForecast, 'storage' | 'questions'>,
): RunForecast {
  const { totalSteps, stepsPerEpoch } = batches;
  const unitsPerStep = config.perDeviceTrainBatchSize * config.gradientAccumulationSteps;
  return {
    memory,
    storage,
    totalSteps,
    stepsPerEpoch,
    unitsPerStep,
    isPacked: config.packing,
    questions,
    time,
  };
}

function timeQuestion(
  { config, rows, batches, size }: TrainingPlan & { readonly config: RunConfig },
  model: LoadedModel['config'],
  format: WeightFormat,
): TimeQuestion {
  const { totalSteps, stepsPerEpoch } = batches;
  const { train, evaluation } = rows.split;
  const sums = (places: readonly number[]): TimeQuestion['epoch'] =>
    sumsOf(places.map((i) => rows.examples[i]));
  return {
    model,
    format,
    lora: config,
    checkpointing: size.checkpointing,
    epoch: sums(train),
    heldOut: sums(evaluation),
    microBatches: Math.ceil(rows.units.length / config.perDeviceTrainBatchSize),
    stepsPerEpoch,
    totalSteps,
    heldOutTimes: evaluation.length > 0 ? Math.ceil(totalSteps / config.evalSteps) : 0,
  };
}
