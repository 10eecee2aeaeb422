/**
 * What a run trains for: a loss as a function of the log-probabilities of the targets. The engine below knows only those
 * and dLoss / dLogProb, so a new objective is a file here and nothing else.
 *
 *   gradients of a step = Σ over its micro-batches, Σ over their targets: coefficient · dLogProb / dParameters
 *
 * An objective is plain arithmetic on the CPU: it never sees a tensor, the GPU or a file.
 */
import type { Batch } from '../data/batch.ts';
import type { MetricSums } from './metric-sums.ts';

/** A micro-batch with what the model says of its targets, in the order of `batch.targets`. */
export interface ScoredBatch {
  readonly batch: Batch;
  readonly logProbs: Float32Array; // [targetCount]
  readonly baseLogProbs: Float32Array | null; // of the model without its adapter; null where they are not asked for
}

interface AnyObjective {
  readonly name: string;
  /** Adds what is reported of a micro-batch. "loss" must be among it: the curve and the check for sense read it. */
  measure(scored: ScoredBatch, sums: MetricSums): void;
}

/** The coefficients are known before the model has seen the batch: a step is one pass. */
export interface FixedObjective extends AnyObjective {
  readonly kind: 'fixed';
  /**
   * dLoss / dLogProb of every target of `batch`. `microBatches`: all of the optimizer step, `batch` among them,
   * so that a mean is a mean over the step however it is cut.
   */
  coefficients(batch: Batch, microBatches: readonly Batch[]): Float32Array;
}

/**
 * The coefficients depend on log-probabilities: of one row's targets together (preference), against those of the base
 * (DPO, KTO) or of an earlier policy (GRPO, as weights). Each micro-batch is run forward, read, and run backward.
 */
export interface ScoredObjective extends AnyObjective {
  readonly kind: 'scored';
  readonly needsBase: boolean;
  coefficients(scored: ScoredBatch, microBatches: readonly Batch[]): Float32Array;
}

export type Objective = FixedObjective | ScoredObjective;
