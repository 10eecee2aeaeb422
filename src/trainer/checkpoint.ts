/**
 * A checkpoint: the adapter's flat parameters and AdamW moments with the steps done, as safetensors. With the same
 * settings, data and adapter layout a resumed run is bit-identical to one that was never interrupted.
 */
import { bytesSource, openSafetensors, writeSafetensors } from '../adapter/safetensors.ts';
import { TrainerError } from '../api/trainer-error.ts';
import { requireRunConfig, toRawRunConfig, type RunConfig } from '../config/run-config.ts';

/** The run at a step, outside the GPU: what survives a lost device. */
export interface Snapshot {
  readonly step: number;
  readonly parameters: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

const tensorNames = ['parameters', 'firstMoment', 'secondMoment'] as const;
const format = 'alttrain-web-checkpoint-1';

export function writeCheckpoint(
  snapshot: Snapshot,
  config: RunConfig,
  model: string,
  dataset: string,
): Uint8Array {
  const tensors = tensorNames.map((name) => ({
    name,
    dtype: 'F32' as const,
    shape: [snapshot[name].length],
    data: snapshot[name],
  }));
  const run = JSON.stringify(toRawRunConfig(config));
  return writeSafetensors(tensors, { format, step: String(snapshot.step), config: run, model, dataset });
}

/** Settings that may change between a run and its continuation: they do not touch the numbers. */
const free: readonly (keyof RunConfig)[] = [
  'samplePrompts',
  'sampleSteps',
  'suitePrompts',
  'saveSteps',
  'loggingSteps',
  'evalSteps',
  'maxNewTokens',
  'temperature',
  'gradientCheckpointing',
];

/** @throws TrainerError "checkpoint-invalid" when it is not a checkpoint, or one of another run. */
export async function readCheckpoint(
  bytes: Uint8Array,
  config: RunConfig,
  model: string,
  elementCount: number,
): Promise<Snapshot> {
  const file = await openSafetensors(bytesSource(bytes)).catch((error: unknown) => {
    throw new TrainerError('checkpoint-invalid', 'The checkpoint is not a safetensors file.', String(error));
  });
  const { metadata } = file;
  if (metadata['format'] !== format)
    throw new TrainerError(
      'checkpoint-invalid',
      `The checkpoint has format "${metadata['format'] ?? 'none'}", "${format}" is needed.`,
    );
  if (metadata['model'] !== model)
    throw new TrainerError(
      'checkpoint-invalid',
      `The checkpoint belongs to the model "${metadata['model']}", not "${model}".`,
    );
  const saved = requireRunConfig(JSON.parse(metadata['config'] ?? '{}') as Record<string, unknown>);
  const changed = (Object.keys(saved) as (keyof RunConfig)[]).filter(
    (key) => !free.includes(key) && JSON.stringify(saved[key]) !== JSON.stringify(config[key]),
  );
  if (changed.length > 0)
    throw new TrainerError(
      'checkpoint-invalid',
      `The checkpoint was made with other settings: ${changed.join(', ')}. Resume with the run_config.json beside it.`,
    );
  const [parameters, firstMoment, secondMoment] = await Promise.all(
    tensorNames.map((name) => file.readFloat32(name)),
  );
  const step = Number(metadata['step']);
  if (
    !parameters ||
    !firstMoment ||
    !secondMoment ||
    parameters.length !== elementCount ||
    !Number.isInteger(step)
  ) {
    throw new TrainerError(
      'checkpoint-invalid',
      'The checkpoint does not fit the adapter of these settings.',
    );
  }
  return { step, parameters, firstMoment, secondMoment };
}
