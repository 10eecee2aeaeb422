/** What keeping a run will take, worked out before it starts: an upper bound that is good to a small factor. */
import type { StorageForecast } from '../api/trainer-api.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { Host } from '../host/host.ts';
import { planAdapter } from '../model/adapter.ts';
import type { ModelConfig } from '../model/model-config.ts';

const checkpointHeaderBytes = 16 * 1024; // settings, the model's configuration, what was counted
const stepBytes = 600; // of a step's record as JSON
const tokenBytes = 12; // of a token of a trace, which stands in its text and in one of its parts
const headBytes = 64 * 1024; // manifests, with the results of evaluations

/** A journal holds two checkpoints and the one that is being written. */
const checkpointsAtOnce = 3;
/** Segments of records that are merged stand beside the merged one until the commit is done. */
const recordsAtOnce = 2;

export function checkpointBytes(model: ModelConfig, config: RunConfig): number {
  const { elementCount } = planAdapter(model, config);
  const tensors = config.loadBestModelAtEnd ? 4 : 3; // parameters, two moments, those of the lowest held-out loss
  return tensors * 4 * elementCount + checkpointHeaderBytes;
}

function recordBytes(
  { samplePrompts, sampleSteps, maxNewTokens, evalSteps }: RunConfig,
  totalSteps: number,
): number {
  const sets = sampleSteps > 0 ? Math.ceil(totalSteps / sampleSteps) + 1 : 0;
  const traces = 2 * sets * samplePrompts.length; // of the base and of the adapter
  const evaluations = Math.ceil(totalSteps / Math.max(1, evalSteps));
  return stepBytes * (totalSteps + evaluations) + tokenBytes * maxNewTokens * traces;
}

export interface KeptWith {
  readonly model: ModelConfig;
  readonly config: RunConfig;
  readonly totalSteps: number;
  readonly datasetBytes: number; // of the data file that is to be kept; 0: none is
}

/** `refusal`: why nothing can be kept at all, as a sentence. */
export async function forecastStorage(
  { model, config, totalSteps, datasetBytes }: KeptWith,
  { roomFor, refusal }: Pick<Host, 'roomFor'> & { readonly refusal: string | null },
): Promise<StorageForecast> {
  const checkpoint = checkpointBytes(model, config);
  const neededBytes =
    checkpointsAtOnce * checkpoint +
    recordsAtOnce * recordBytes(config, totalSteps) +
    datasetBytes +
    headBytes;
  const { fits, bytes } = refusal === null ? await roomFor(neededBytes) : { fits: true, bytes: null };
  return { checkpointBytes: checkpoint, neededBytes, roomBytes: bytes, fits, refusal };
}
