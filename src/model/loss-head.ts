/**
 * Final norm, LM head and log-probabilities of the targets, a chunk of target rows at a time: no [T, V] tensor, and no
 * gradient of the head. What a loss makes of the log-probabilities is none of its business: it takes dLoss / dLogProb
 * of every target.
 */
import type { Batch } from '../data/batch.ts';
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { crossEntropy, targetLogProbs, type TargetRows } from '../kernels/cross-entropy.ts';
import { linear, linearDx } from '../kernels/matmul.ts';
import { rmsNorm, rmsNormDx, type RowLayout } from '../kernels/rms-norm.ts';
import { gatherRows, scatterRows } from '../kernels/rows.ts';
import { allocSpecs, lossChunkRows, tensorsOf, type Allocated, type lossSpecs } from './buffers.ts';
import { rowLayout } from './layer.ts';
import { padded, widths, type ModelConfig } from './model-config.ts';
import type { Weights } from './weights.ts';

/** A micro-batch at the end of the layers, and where the log-probabilities of its targets go. */
export interface TargetsAt {
  readonly batch: Batch;
  readonly stream: GpuTensor; // [M, C], the residual stream after the last layer
  readonly logProbs: GpuTensor;
  readonly firstLogProb: number;
}

export class LossHead {
  readonly #gpu: Gpu;
  readonly #config: ModelConfig;
  readonly #weights: Weights;
  readonly #capacity: number;
  readonly #chunkRows: number;
  readonly #logits: GpuTensor; // [chunk, Vp], scratch of the pass
  readonly #own: Allocated<ReturnType<typeof lossSpecs>>;

  /** Allocates `specs`, for up to `capacity` targets. `logits`: scratch for a chunk of them. Caller disposes. */
  constructor(
    gpu: Gpu,
    config: ModelConfig,
    weights: Weights,
    capacity: number,
    logits: GpuTensor,
    specs: ReturnType<typeof lossSpecs>,
  ) {
    this.#gpu = gpu;
    this.#config = config;
    this.#weights = weights;
    this.#capacity = capacity;
    this.#chunkRows = lossChunkRows(config.vocabSize, capacity);
    this.#logits = logits;
    this.#own = allocSpecs(gpu.memory, specs);
  }

  /** logProbs[firstLogProb + i] = log p(target i), from the residual stream after the last layer. */
  forward(at: TargetsAt): void {
    this.#writeTargets(at.batch);
    this.#eachChunk(at, (logits, size) =>
      targetLogProbs(this.#gpu.recorder, logits, this.#own.ids, at.logProbs, size),
    );
  }

  /**
   * The same, and overwrites `dStream` with the gradient of the loss at the stream.
   * `coefficients`: dLoss / dLogProb of every target, in their order.
   */
  backward(at: TargetsAt, coefficients: Float32Array, dStream: GpuTensor): void {
    const { recorder, memory } = this.#gpu;
    const { c } = widths(this.#config);
    const { finalNorm, head } = this.#weights;
    const { rows, ids, hidden, normed, dHidden, coefficients: held } = this.#own;
    if (coefficients.length !== at.batch.targetCount)
      throw new RangeError(`${coefficients.length} coefficients for ${at.batch.targetCount} targets`);
    this.#writeTargets(at.batch);
    memory.write(held, coefficients);
    recorder.clear(dStream);
    this.#eachChunk(at, (logits, size, layout) => {
      crossEntropy(recorder, logits, ids, at.logProbs, held, size);
      linearDx(recorder, logits, head, normed, { m: size.rows, n: size.stride, k: c });
      recorder.clear(dHidden);
      rmsNormDx(recorder, normed, hidden, finalNorm, dHidden, layout, this.#config.rmsNormEps);
      scatterRows(recorder, dHidden, rows, dStream, { rows: size.rows, stride: c, first: size.firstRow });
    });
  }

  #writeTargets(batch: Batch): void {
    const { memory } = this.#gpu;
    const count = batch.targetCount;
    if (count > this.#capacity)
      throw new RangeError(`${count} targets are more than the ${this.#capacity} that were planned for`);
    const where = new Uint32Array(count);
    const wanted = new Uint32Array(count);
    let found = 0;
    batch.targets.forEach((id, row) => {
      if (id < 0) return;
      where[found] = row;
      wanted[found++] = id;
    });
    memory.write(this.#own.rows, where);
    memory.write(this.#own.ids, wanted);
  }

  /** Logits of every chunk of targets, for `use` before the next chunk overwrites them. */
  #eachChunk(
    { batch, stream, firstLogProb }: TargetsAt,
    use: (logits: GpuTensor, size: TargetRows, layout: RowLayout) => void,
  ): void {
    const { recorder } = this.#gpu;
    const { c } = widths(this.#config);
    const { vocabSize, rmsNormEps } = this.#config;
    const { finalNorm, head } = this.#weights;
    const { rows, hidden, normed } = this.#own;
    const stride = padded(vocabSize);
    for (let first = 0; first < batch.targetCount; first += this.#chunkRows) {
      const m = Math.min(this.#chunkRows, batch.targetCount - first);
      const layout = rowLayout(this.#gpu, this.#config, m);
      gatherRows(recorder, stream, rows, hidden, { rows: m, stride: c, first });
      rmsNorm(recorder, hidden, finalNorm, normed, layout, rmsNormEps);
      linear(recorder, normed, head, this.#logits, { m, n: stride, k: c });
      const size = {
        rows: m,
        vocab: vocabSize,
        stride,
        firstRow: first,
        firstLogProb: firstLogProb + first,
        rowThreads: layout.rowThreads,
      };
      use(this.#logits, size, layout);
    }
  }

  dispose(): void {
    this.#gpu.memory.dispose(tensorsOf(this.#own));
  }
}
