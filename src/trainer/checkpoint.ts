/**
 * A checkpoint: the adapter's flat parameters and AdamW moments with the steps done, as safetensors. With the same
 * settings, data and adapter layout a resumed run is bit-identical to one that was never interrupted.
 */
import { openSafetensors, writeSafetensors } from '../adapter/safetensors.ts';
import { bytesSource } from '../support/byte-source.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { parseRunConfig, toRawRunConfig, type RawRunConfig, type RunConfig } from '../config/run-config.ts';
import type { RunIdentity } from './run-identity.ts';
import type { RunProgress } from './run-results.ts';

/** The run at a step, outside the GPU: what survives a lost device. */
export interface Snapshot {
  readonly step: number;
  readonly parameters: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** What was counted up to the step; null in checkpoints that did not keep it. */
  readonly progress: RunProgress | null;
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
const format = 'alttrain-web-checkpoint-1';

export function writeCheckpoint(
  { progress, ...snapshot }: Snapshot,
  config: RunConfig,
  { model, dataset, ...identity }: RunIdentity,
  totalSteps: number,
): Uint8Array {
  const tensors = tensorNames.map((name) => ({
    name,
    dtype: 'F32' as const,
    shape: [snapshot[name].length],
    data: snapshot[name],
  }));
  return writeSafetensors(tensors, {
    format,
    step: String(snapshot.step),
    total_steps: String(totalSteps),
    config: JSON.stringify(toRawRunConfig(config)),
    model,
    dataset,
    data: identity.data,
    weights: identity.weights,
    model_config: JSON.stringify(identity.modelConfig),
    progress: JSON.stringify(progress),
  });
}

const invalid = (message: string, detail: string | null = null): TrainerError =>
  new TrainerError('checkpoint-invalid', message, detail);

/** The settings a checkpoint was made with, under their file names. @throws TrainerError "checkpoint-invalid" */
export function checkpointSettings(metadata: Readonly<Record<string, string>>): RawRunConfig {
  if (metadata['format'] !== format)
    throw invalid(`The checkpoint has format "${metadata['format'] ?? 'none'}", "${format}" is needed.`);
  const raw = parsed(metadata, 'config');
  const { problems } = parseRunConfig(raw);
  if (problems.length > 0)
    throw invalid(
      `The settings in the checkpoint cannot be used: ${problems.map(({ file, message }) => `${file} ${message}`).join('; ')}.`,
    );
  return raw;
}

/** @throws TrainerError "checkpoint-invalid" when it is none, or is damaged. */
export async function readCheckpoint(bytes: Uint8Array): Promise<Checkpoint> {
  const file = await openSafetensors(bytesSource(bytes)).catch((error: unknown) => {
    throw invalid(
      `The checkpoint is no whole safetensors file: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const { metadata } = file;
  const { config } = parseRunConfig(checkpointSettings(metadata));
  const [parameters, firstMoment, secondMoment] = await Promise.all(
    tensorNames.map((name) => {
      if (!file.tensors.has(name)) throw invalid(`The checkpoint has no "${name}".`);
      return file.readFloat32(name);
    }),
  );
  const step = Number(metadata['step']);
  const isWhole = firstMoment.length === parameters.length && secondMoment.length === parameters.length;
  if (!isWhole || !Number.isInteger(step) || step < 0 || metadata['step'] === '')
    throw invalid('The checkpoint does not say how far its run was, or its parts do not fit each other.');
  const { model = '', dataset = '', data, weights } = metadata;
  return {
    snapshot: {
      step,
      parameters,
      firstMoment,
      secondMoment,
      progress:
        'progress' in metadata ? (parsed(metadata, 'progress') as unknown as RunProgress | null) : null,
    },
    config,
    totalSteps: 'total_steps' in metadata ? Number(metadata['total_steps']) : null,
    model,
    dataset,
    identity:
      data === undefined || weights === undefined
        ? null
        : { model, dataset, data, weights, modelConfig: parsed(metadata, 'model_config') },
  };
}

function parsed(metadata: Readonly<Record<string, string>>, name: string): RawRunConfig {
  try {
    const value: unknown = JSON.parse(metadata[name] ?? '');
    if (typeof value === 'object' && !Array.isArray(value)) return value as RawRunConfig;
  } catch {
    // said below
  }
  throw invalid(`The "${name}" of the checkpoint cannot be read.`);
}
