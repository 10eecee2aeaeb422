/**
 * Final norm, LM head and cross-entropy on the target rows only, a chunk of rows at a time: no [T, V] tensor, and no
 * gradient of the head.
 */
import type { Batch } from '../data/pack.ts';
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { crossEntropy } from '../kernels/cross-entropy.ts';
import { linear, linearDx } from '../kernels/matmul.ts';
import { rmsNorm, rmsNormDx } from '../kernels/rms-norm.ts';
import { gatherRows, scatterRows } from '../kernels/rows.ts';
import { allocSpecs, lossChunkRows, tensorsOf, type Allocated, type lossSpecs } from './buffers.ts';
import { rowLayout } from './layer.ts';
import { padded, widths, type ModelConfig } from './model-config.ts';
import type { Weights } from './weights.ts';

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

  /**
   * losses[lossOffset + i] = −log p(target i). With `dStream`, also overwrites it with the gradient of
   * scale · Σ losses at the residual stream.
   */
  run(
    batch: Batch,
    stream: GpuTensor,
    losses: GpuTensor,
    lossOffset: number,
    scale: number,
    dStream: GpuTensor | null,
  ): void {
    const { recorder, memory } = this.#gpu;
    const { c } = widths(this.#config);
    const { vocabSize, rmsNormEps } = this.#config;
    const { finalNorm, head } = this.#weights;
    const { rows, ids, hidden, normed, dHidden } = this.#own;
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
    memory.write(rows, where);
    memory.write(ids, wanted);

    const stride = padded(vocabSize);
    if (dStream !== null) recorder.clear(dStream);
    for (let first = 0; first < count; first += this.#chunkRows) {
      const m = Math.min(this.#chunkRows, count - first);
      const layout = rowLayout(this.#gpu, this.#config, m);
      const move = { rows: m, stride: c, first };
      gatherRows(recorder, stream, rows, hidden, move);
      rmsNorm(recorder, hidden, finalNorm, normed, layout, rmsNormEps);
      linear(recorder, normed, head, this.#logits, { m, n: stride, k: c });
      const size = {
        rows: m,
        vocab: vocabSize,
        stride,
        firstRow: first,
        lossOffset: lossOffset + first,
        rowThreads: layout.rowThreads,
      };
      crossEntropy(recorder, this.#logits, ids, losses, size, scale);
      if (dStream === null) continue;
      linearDx(recorder, this.#logits, head, normed, { m, n: stride, k: c });
      recorder.clear(dHidden);
      rmsNormDx(recorder, normed, hidden, finalNorm, dHidden, layout, rmsNormEps);
      scatterRows(recorder, dHidden, rows, dStream, move);
    }
  }

  dispose(): void {
    this.#gpu.memory.dispose(tensorsOf(this.#own));
  }
}
