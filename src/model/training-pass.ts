/**
 * Forward and backward of one micro-batch, adding into the adapter's gradients. Every buffer is allocated when
 * the pass is made, for the largest micro-batch of the run.
 */
import type { Batch } from '../data/pack.ts';
import type { GpuTensor } from '../device/gpu-memory.ts';
import { lowWidths, type Adapter } from './adapter.ts';
import {
  allocSpecs,
  backwardSpecs,
  batchSpecs,
  forwardSpecs,
  layerSpecs,
  logitsElements,
  lossSpecs,
  streamSpecs,
  tensorsOf,
  uploadBatch,
  type BackwardScratch,
  type BatchTensors,
  type ForwardScratch,
  type LayerActivations,
  type LowWidths,
} from './buffers.ts';
import { at, type Decoder } from './decoder.ts';
import { layerBackward, layerForward } from './layer.ts';
import type { AdapterUse } from './lora-site.ts';
import { LossHead } from './loss-head.ts';
import type { ModelConfig } from './model-config.ts';

export interface PassSize {
  readonly rows: number; // tokens of the largest micro-batch
  readonly lossRows: number; // targets of the largest accumulation window or evaluation batch
  readonly checkpointing: boolean;
}

/** What a step reports, read in one go: gradient norm and clip factor, then (from element 64) the losses. */
const reportSpec = (size: PassSize) => ({
  report: { label: 'step report', shape: [64 + size.lossRows] },
});

/** Everything a pass allocates, by what it is for: it allocates these, and the planner adds them up. */
export function passSpecs(config: ModelConfig, low: LowWidths, size: PassSize, dropout: boolean) {
  const { rows, checkpointing } = size;
  const sets = checkpointing ? 1 : config.layerCount;
  return {
    inputs: { batch: batchSpecs(rows), streams: streamSpecs(config, rows) },
    layers: Array.from({ length: sets }, () => layerSpecs(config, rows, low)),
    scratch: {
      forward: forwardSpecs(config, rows, logitsElements(config, rows)),
      backward: backwardSpecs(config, rows, low, dropout),
    },
    loss: { head: lossSpecs(config, rows), report: reportSpec(size) },
  };
}

export class TrainingPass {
  readonly #decoder: Decoder;
  readonly #adapter: Adapter;
  readonly #size: PassSize;
  readonly #batch: BatchTensors;
  readonly #streams: readonly GpuTensor[];
  readonly #layers: readonly LayerActivations[];
  readonly #forwardScratch: ForwardScratch;
  readonly #scratch: BackwardScratch;
  readonly #head: LossHead;
  readonly report: GpuTensor; // [64 + lossRows]
  readonly stats: GpuTensor; // [2]
  readonly #losses: GpuTensor; // [lossRows]

  /** Caller disposes. Make it inside `memory.checked`. */
  constructor(decoder: Decoder, adapter: Adapter, size: PassSize) {
    const { gpu, config, weights } = decoder;
    const { memory } = gpu;
    this.#decoder = decoder;
    this.#adapter = adapter;
    this.#size = size;
    const low = lowWidths(adapter.plan, config.layerCount);
    const { inputs, layers, scratch, loss } = passSpecs(config, low, size, adapter.settings.loraDropout > 0);
    this.#batch = allocSpecs(memory, inputs.batch);
    this.#streams = Object.values(allocSpecs(memory, inputs.streams));
    this.#layers = layers.map((specs) => allocSpecs(memory, specs));
    this.#forwardScratch = allocSpecs(memory, scratch.forward);
    this.#scratch = allocSpecs(memory, scratch.backward);
    this.#head = new LossHead(gpu, config, weights, size.rows, this.#forwardScratch.wide, loss.head);
    this.report = allocSpecs(memory, loss.report).report;
    this.stats = memory.view(this.report, 'stats', 0, [2]);
    this.#losses = memory.view(this.report, 'losses', 64, [size.lossRows]);
  }

  #activations(layer: number): LayerActivations {
    return at(this.#layers, this.#size.checkpointing ? 0 : layer);
  }

  /**
   * Adds the gradients of scale · Σ losses; writes losses[lossOffset …]. Submits.
   * `dropoutSeed` must differ between micro-batches.
   */
  accumulate(batch: Batch, lossOffset: number, scale: number, dropoutSeed: number): void {
    const { gpu, config } = this.#decoder;
    const use: AdapterUse = {
      adapter: this.#adapter,
      dropoutSeed,
      dropped: this.#scratch.dropped ?? null,
    };
    this.#forward(batch, use);
    this.#head.run(
      batch,
      at(this.#streams, config.layerCount),
      this.#losses,
      lossOffset,
      scale,
      this.#scratch.dStream,
    );
    for (let layer = config.layerCount - 1; layer >= 0; layer--) {
      const context = {
        ...this.#decoder.context(layer, this.#batch, batch.tokenCount, use, this.#forwardScratch),
        use,
      };
      const x = at(this.#streams, layer);
      const acts = this.#activations(layer);
      const isLast = layer === config.layerCount - 1; // its activations are still there
      if (this.#size.checkpointing && !isLast)
        layerForward(context, x, at(this.#streams, layer + 1), acts, null);
      layerBackward(context, x, acts, this.#scratch, layer > 0);
    }
    gpu.recorder.submit();
  }

  /** Losses only, with the adapter and without dropout. Submits. */
  evaluate(batch: Batch, lossOffset: number): void {
    this.#forward(batch, { adapter: this.#adapter, dropoutSeed: null, dropped: null });
    this.#head.run(
      batch,
      at(this.#streams, this.#decoder.config.layerCount),
      this.#losses,
      lossOffset,
      0,
      null,
    );
    this.#decoder.gpu.recorder.submit();
  }

  /** Σ of the first `count` losses, in float64, with the gradient norm. Waits for the GPU. */
  async readReport(count: number): Promise<{ readonly lossSum: number; readonly gradNorm: number }> {
    const { memory } = this.#decoder.gpu;
    const values = await memory.readFloat32(memory.view(this.report, 'report read', 0, [64 + count]));
    let lossSum = 0;
    for (const loss of values.subarray(64)) lossSum += loss;
    return { lossSum, gradNorm: values[0] };
  }

  #forward(batch: Batch, use: AdapterUse): void {
    const { gpu } = this.#decoder;
    if (batch.tokenCount > this.#size.rows)
      throw new RangeError(`${batch.tokenCount} tokens, planned for ${this.#size.rows}`);
    uploadBatch(gpu.memory, this.#batch, batch);
    this.#decoder.forward(
      this.#batch.inputs,
      this.#batch,
      batch.tokenCount,
      this.#streams,
      (layer) => this.#activations(layer),
      this.#forwardScratch,
      use,
      () => null,
    );
  }

  dispose(): void {
    const { gpu } = this.#decoder;
    gpu.recorder.forgetBindGroups();
    this.#head.dispose();
    gpu.memory.dispose([
      ...tensorsOf(this.#batch),
      ...this.#streams,
      ...this.#layers.flatMap(tensorsOf),
      ...tensorsOf(this.#forwardScratch),
      ...Object.values(this.#scratch),
      this.report,
    ]);
  }
}
