/**
 * Final norm, LM head and cross-entropy on the target rows only, a chunk of rows at a time: no [T, V] tensor.
 */
import type { Batch } from '../data/pack.ts';
import type { Gpu } from '../device/open-device.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { crossEntropy } from '../kernels/cross-entropy.ts';
import { linear, linearDx } from '../kernels/matmul.ts';
import { rmsNorm, rmsNormDx } from '../kernels/rms-norm.ts';
import { gatherRows, scatterRows } from '../kernels/rows.ts';
import { lossChunkRows } from './buffers.ts';
import { rowLayout, widths } from './layer.ts';
import { padded, type ModelConfig } from './model-config.ts';
import type { Weights } from './weights.ts';

export class LossHead {
  readonly #gpu: Gpu;
  readonly #config: ModelConfig;
  readonly #weights: Weights;
  readonly #chunkRows: number;
  readonly #rows: GpuTensor; // u32, stream row of each target
  readonly #ids: GpuTensor; // u32, target token of each target
  readonly #slots: GpuTensor; // i32, target index of each stream row, −1 for none
  readonly #hidden: GpuTensor; // [M, Cp], residual stream at the targets
  readonly #normed: GpuTensor; // [M, Cp]
  readonly #dHidden: GpuTensor; // [M, Cp]
  readonly #dNormed: GpuTensor; // [M, Cp]
  readonly #logits: GpuTensor; // [chunk, Vp]
  readonly #chunks: readonly { readonly normed: GpuTensor; readonly dNormed: GpuTensor }[];
  readonly #owned: GpuTensor[];

  /** Allocates for up to `capacity` targets. Caller disposes. */
  constructor(gpu: Gpu, config: ModelConfig, weights: Weights, capacity: number) {
    this.#gpu = gpu;
    this.#config = config;
    this.#weights = weights;
    const { memory } = gpu;
    const { c } = widths(config);
    this.#chunkRows = lossChunkRows(config.vocabSize, capacity);
    const rows = Math.ceil(capacity / this.#chunkRows) * this.#chunkRows;
    this.#rows = memory.alloc('target rows', [rows], 'u32');
    this.#ids = memory.alloc('target ids', [rows], 'u32');
    this.#slots = memory.alloc('target slots', [capacity], 'i32');
    this.#hidden = memory.alloc('target hidden', [rows, c]);
    this.#normed = memory.alloc('target normed', [rows, c]);
    this.#dHidden = memory.alloc('d target hidden', [rows, c]);
    this.#dNormed = memory.alloc('d target normed', [rows, c]);
    this.#logits = memory.alloc('logits of a chunk', [this.#chunkRows, padded(config.vocabSize)]);
    this.#owned = [
      this.#rows,
      this.#ids,
      this.#slots,
      this.#hidden,
      this.#normed,
      this.#dHidden,
      this.#dNormed,
      this.#logits,
    ];
    this.#chunks = Array.from({ length: rows / this.#chunkRows }, (_, i) => {
      const at = i * this.#chunkRows * c;
      const shape = [this.#chunkRows, c];
      return {
        normed: memory.view(this.#normed, 'normed chunk', at, shape),
        dNormed: memory.view(this.#dNormed, 'd normed chunk', at, shape),
      };
    });
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
    const n = batch.targetCount;
    const rows = new Uint32Array(n);
    const ids = new Uint32Array(n);
    const slots = new Int32Array(batch.tokenCount).fill(-1);
    let at = 0;
    batch.targets.forEach((id, row) => {
      if (id < 0) return;
      rows[at] = row;
      ids[at] = id;
      slots[row] = at++;
    });
    memory.write(this.#rows, rows);
    memory.write(this.#ids, ids);
    memory.write(this.#slots, slots);

    const layout = rowLayout(this.#gpu, this.#config, n);
    gatherRows(recorder, stream, this.#rows, this.#hidden, n, c);
    rmsNorm(recorder, this.#hidden, this.#weights.finalNorm, this.#normed, layout, rmsNormEps);
    const stride = padded(vocabSize);
    for (let first = 0, i = 0; first < n; first += this.#chunkRows, i++) {
      const m = Math.min(this.#chunkRows, n - first);
      const chunk = this.#chunks[i];
      if (chunk === undefined)
        throw new RangeError(`${n} targets are more than the loss head was planned for`);
      linear(recorder, chunk.normed, this.#weights.head, this.#logits, { m, n: stride, k: c });
      const size = {
        rows: m,
        vocab: vocabSize,
        stride,
        firstRow: first,
        lossOffset: lossOffset + first,
        rowThreads: layout.rowThreads,
      };
      crossEntropy(recorder, this.#logits, this.#ids, losses, size, scale);
      if (dStream !== null)
        linearDx(recorder, this.#logits, this.#weights.head, chunk.dNormed, { m, n: stride, k: c });
    }
    if (dStream === null) return;
    recorder.clear(this.#dHidden);
    rmsNormDx(
      recorder,
      this.#dNormed,
      this.#hidden,
      this.#weights.finalNorm,
      this.#dHidden,
      layout,
      rmsNormEps,
    );
    scatterRows(recorder, this.#dHidden, this.#slots, dStream, batch.tokenCount, c);
  }

  dispose(): void {
    this.#gpu.memory.dispose(this.#owned);
  }
}
