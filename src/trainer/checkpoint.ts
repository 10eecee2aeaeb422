/**
 * A checkpoint: the adapter's flat parameters and AdamW moments with the steps done, as safetensors. With the same
 * settings, data and adapter layout a resumed run is bit-identical to one that was never interrupted.
 */
import { openSafetensors, writeSafetensors, type SafetensorsFile } from '../adapter/safetensors.ts';
import type { BestStep } from '../api/trainer-api.ts';
import { bytesSource, type ByteSource } from '../support/byte-source.ts';
import { textOf } from '../support/text-of.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { parseRunConfig, toRawRunConfig, type RawRunConfig, type RunConfig } from '../config/run-config.ts';
import { isSealWhole, unsealed } from './file-seal.ts';
import type { RunIdentity } from './run-identity.ts';
import { progressOf, type RunProgress } from './run-progress.ts';

/** The run at a step, outside the GPU: what survives a lost device. */
export interface Snapshot {
  readonly step: number;
  readonly parameters: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** What was counted up to the step; null in checkpoints that did not keep it. */
  readonly progress: RunProgress | null;
  /** null: no adapter is kept for its held-out loss. */
  readonly best: BestAdapter | null;
}

/** The adapter of the step with the lowest held-out loss so far. */
export interface BestAdapter extends BestStep {
  readonly parameters: Float32Array;
}

/** A checkpoint as it was found, not yet held against the run that is to go on from it. */
export interface Checkpoint {
  readonly snapshot: Snapshot;
  readonly config: RunConfig;
  readonly totalSteps: number | null; // as planned then
  readonly model: string; // name
  readonly dataset: string; // name
  /** null in checkpoints that knew names only. */
  readonly identity: RunIdentity | null;
}

const tensorNames = ['parameters', 'firstMoment', 'secondMoment'] as const;
const bestName = 'best';
const format = 'alttrain-web-checkpoint-1';

/** Not sealed yet: `seal` of file-seal.ts does that. */
export function writeCheckpoint(
  { progress, best, ...snapshot }: Snapshot,
  config: RunConfig,
  { model, dataset, ...identity }: RunIdentity,
  totalSteps: number,
): Uint8Array {
  const tensorOf = (name: string, data: Float32Array) => ({
    name,
    dtype: 'F32' as const,
    shape: [data.length],
    data,
  });
  const tensors = [
    ...tensorNames.map((name) => tensorOf(name, snapshot[name])),
    ...(best === null ? [] : [tensorOf(bestName, best.parameters)]),
  ];
  return writeSafetensors(tensors, {
    format,
    seal: unsealed,
    step: String(snapshot.step),
    total_steps: String(Math.max(totalSteps, snapshot.step)), // a longer run may have been resumed as a shorter one
    config: JSON.stringify(toRawRunConfig(config)),
    model,
    dataset,
    data: identity.data,
    weights: identity.weights,
    model_config: JSON.stringify(identity.modelConfig),
    progress: JSON.stringify(progress),
    ...(best === null ? {} : { best: JSON.stringify({ step: best.step, evalLoss: best.evalLoss }) }),
  });
}

const invalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('checkpoint-invalid', message, detail);

/** @throws TrainerError "checkpoint-invalid" where its seal says that it was changed */
export async function requireWhole(bytes: Uint8Array): Promise<void> {
  if (!(await isSealWhole(bytes)))
    throw invalid('The checkpoint is not what was written: it was cut, or changed since.');
}

/** The settings a checkpoint was made with, under their file names. @throws TrainerError "checkpoint-invalid" */
export function checkpointSettings(metadata: Metadata): RawRunConfig {
  if (metadata['format'] !== format)
    throw invalid(`The checkpoint has format "${metadata['format'] ?? 'none'}", "${format}" is needed.`);
  const raw = requireParsed(metadata, 'config');
  const { problems } = parseRunConfig(raw);
  if (problems.length > 0)
    throw invalid(
      `The settings in the checkpoint cannot be used: ${problems.map(({ file, message }) => `${file} ${message}`).join('; ')}.`,
    );
  return raw;
}

/** @throws TrainerError "checkpoint-invalid" when it is none, or is damaged. */
export async function readCheckpoint(bytes: Uint8Array): Promise<Checkpoint> {
  await requireWhole(bytes);
  const file = await openSafetensors(bytesSource(bytes)).catch((error: unknown) => {
    throw invalid(
      `The checkpoint is no whole safetensors file: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const { metadata } = file;
  const { config } = parseRunConfig(checkpointSettings(metadata));
  const [parameters, firstMoment, secondMoment] = await Promise.all(
    tensorNames.map((name) => readValues(file, name)),
  );
  if (!secondMoment.every((value) => value >= 0))
    throw invalid('The checkpoint has a "secondMoment" below 0, which is no mean of squares: it is damaged.');
  const step = countOf(metadata, 'step');
  const totalSteps = 'total_steps' in metadata ? countOf(metadata, 'total_steps') : null;
  if (totalSteps !== null && step > totalSteps)
    throw invalid(`The checkpoint says that it is of step ${step} of ${totalSteps}: it is damaged.`);
  const best = await readBest(file);
  if (
    [firstMoment, secondMoment, best?.parameters ?? parameters].some(
      (one) => one.length !== parameters.length,
    )
  )
    throw invalid(
      'The parts of the checkpoint do not fit each other: they have different numbers of values.',
    );
  const { model = '', dataset = '' } = metadata;
  return {
    snapshot: { step, parameters, firstMoment, secondMoment, progress: readProgress(metadata), best },
    config,
    totalSteps,
    model,
    dataset,
    identity: identityOf(metadata),
  };
}

/** Of a checkpoint, from its header alone: its tensors are neither read nor checked. @throws TrainerError "model-file-invalid" */
export async function readIdentity(source: ByteSource): Promise<RunIdentity | null> {
  return identityOf((await openSafetensors(source)).metadata);
}

function identityOf(metadata: Metadata): RunIdentity | null {
  const { model = '', dataset = '', data, weights } = metadata;
  if (data === undefined || weights === undefined) return null;
  return { model, dataset, data, weights, modelConfig: requireParsed(metadata, 'model_config') };
}

type Metadata = Readonly<Record<string, string>>;

/** Values that a run could have written: float32, all of them finite. */
async function readValues(file: SafetensorsFile, name: string): Promise<Float32Array> {
  const info = file.tensors.get(name);
  if (info === undefined) throw invalid(`The checkpoint has no "${name}".`);
  if (info.dtype !== 'F32' || info.shape.length !== 1)
    throw invalid(`The "${name}" of the checkpoint is no list of float32 values.`);
  const values = await file.readFloat32(name);
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0)
    throw invalid(
      `Value ${at} of "${name}" in the checkpoint is ${values[at]}: a run that goes on from it would train nothing. Use an earlier checkpoint.`,
    );
  return values;
}

async function readBest(file: SafetensorsFile): Promise<BestAdapter | null> {
  if (!file.tensors.has(bestName)) return null;
  const { step, evalLoss } = requireParsed(file.metadata, bestName) as Partial<BestStep>;
  if (!Number.isSafeInteger(step) || Number(step) < 0 || !Number.isFinite(evalLoss))
    throw invalid('The checkpoint does not say of which step its best adapter is.');
  return { step: Number(step), evalLoss: Number(evalLoss), parameters: await readValues(file, bestName) };
}

function readProgress(metadata: Metadata): RunProgress | null {
  const raw = 'progress' in metadata ? parsed(metadata, 'progress') : null;
  if (raw === null) return null;
  const progress = progressOf(raw);
  if (progress === null) throw invalid('The "progress" of the checkpoint is not what a run writes.');
  return progress;
}

/** A whole number from 0. */
function countOf(metadata: Metadata, name: string): number {
  const text = metadata[name] ?? '';
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(count))
    throw invalid(`The checkpoint does not say how far its run was: its "${name}" is ${textOf(text)}.`);
  return count;
}

/** An object, or null where it says so. */
function parsed(metadata: Metadata, name: string): RawRunConfig | null {
  try {
    const value: unknown = JSON.parse(metadata[name] ?? '');
    if (typeof value === 'object' && !Array.isArray(value)) return value as RawRunConfig | null;
  } catch {
    // said below
  }
  throw unreadable(name);
}

function requireParsed(metadata: Metadata, name: string): RawRunConfig {
  const value = parsed(metadata, name);
  if (value === null) throw unreadable(name);
  return value;
}

const unreadable = (name: string): TrainerError => invalid(`The "${name}" of the checkpoint cannot be read.`);
