/**
 * How long a run will take, before it starts: its useful FLOPs and the bytes it moves, against what this GPU was measured to
 * do when it was opened. Good to about a third; once a run is under way, the steps it has done say it better.
 */
import type { TimeForecast } from '../api/trainer-api.ts';
import type { RunConfig } from '../config/run-config.ts';
import type { TokenizedExample } from '../data/mask.ts';
import type { WeightFormat } from '../kernels/weight-matrix.ts';
import {
  causalPairs,
  matrixWeights,
  usefulFlops,
  valuesPerToken,
  type DecoderWidths,
  type RowSums,
} from '../model/step-flops.ts';

/** What the self-test measures of a GPU; a Recorder knows it. */
export interface GpuSpeed {
  readonly flopsPerSecond: number; // of large matrix products
  readonly bytesPerSecond: number; // read and written by a copy
  readonly isSoftware: boolean;
}

/** What is trained, how often, and how it is held. */
export interface TimeQuestion {
  readonly model: DecoderWidths;
  readonly format: WeightFormat;
  readonly lora: Pick<RunConfig, 'r' | 'targetModules'>;
  readonly checkpointing: boolean;
  readonly epoch: RowSums; // all rows that are trained on, once
  readonly heldOut: RowSums; // all rows that are held out, once
  readonly microBatches: number; // of an epoch
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly heldOutTimes: number; // how often the held-out rows are run
}

/**
 * Shares of `flopsPerSecond` that kernels reach, and what is paid per row and launch, fitted to whole steps of models from
 * 1 M to 1.5 B parameters (docs/performance-log.md): on SwiftShader, and on an H100.
 */
interface Costs {
  readonly products: number;
  readonly lora: number;
  readonly attention: number;
  /** Times that a value of a layer's activations is read or written outside of products. */
  readonly touches: number;
  /** The same for logits. */
  readonly logitTouches: number;
  /** Seconds that a layer of a micro-batch costs however few its rows are. */
  readonly layerSeconds: number;
}

const software: Costs = {
  products: 1.45, // the product that is measured is smaller than those of a step
  lora: 0.5,
  attention: 0.5,
  touches: 20,
  logitTouches: 4,
  layerSeconds: 5e-3,
};
const hardware: Costs = {
  products: 1,
  lora: 0.2,
  attention: 0.08,
  touches: 20,
  logitTouches: 4,
  layerSeconds: 1e-3,
};

export function forecastTime(question: TimeQuestion, speed: GpuSpeed): TimeForecast {
  const { epoch, heldOut, stepsPerEpoch, totalSteps, heldOutTimes, microBatches } = question;
  const secondsPerStep = secondsOf(question, epoch, microBatches, speed).training / stepsPerEpoch;
  const heldOutBatches = epoch.tokens === 0 ? 0 : microBatches * (heldOut.tokens / epoch.tokens);
  const heldOutSeconds = secondsOf(question, heldOut, heldOutBatches, speed).forward;
  return {
    secondsPerStep,
    seconds: secondsPerStep * totalSteps + heldOutSeconds * heldOutTimes,
    flops: (usefulFlops(question.model, question.lora, epoch).total * totalSteps) / stepsPerEpoch,
  };
}

/** Of these rows in so many micro-batches: a training step, and its forward pass alone. */
function secondsOf(
  { model, format, lora, checkpointing }: TimeQuestion,
  rows: RowSums,
  microBatches: number,
  { flopsPerSecond, bytesPerSecond, isSoftware }: GpuSpeed,
): { readonly training: number; readonly forward: number } {
  const costs = isSoftware ? software : hardware;
  const flops = usefulFlops(model, lora, rows);
  const computed = (count: number, share: number): number => count / (share * flopsPerSecond);
  const moved = (values: number): number => (4 * values) / bytesPerSecond;
  const linear = computed(flops.linear, costs.products);
  const head =
    computed(flops.head, costs.products) + moved(costs.logitTouches * rows.targets * model.vocabSize);
  const others =
    computed(flops.attention, costs.attention) +
    computed(flops.lora, costs.lora) +
    moved(costs.touches * rows.tokens * model.layerCount * valuesPerToken(model)) +
    microBatches * model.layerCount * costs.layerSeconds;
  const decoding = format === 'f32' ? 0 : moved(2 * microBatches * matrixWeights(model)); // in one direction
  const layersForward = linear / 2 + others / 3 + decoding;
  const all = linear + head + others + 2 * decoding;
  return { training: all + (checkpointing ? layersForward : 0), forward: layersForward + head / 2 };
}

/** Of rows as they are tokenized; the last token of a row is only a target. */
export function sumsOf(examples: readonly TokenizedExample[]): RowSums {
  let [tokens, pairs, targets] = [0, 0, 0];
  for (const { tokens: ids, targetCount } of examples) {
    tokens += ids.length - 1;
    pairs += causalPairs(ids.length - 1);
    targets += targetCount;
  }
  return { tokens, pairs, targets };
}
